# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the queue."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._task_values import (
    values_of_view,
)


class ActionModule(HomeAction):
    """Returns what is pending and runs, how deep the queue is, and the workers."""

    ARGUMENTS = {"team": {"type": "str"}, "limit": {"type": "int", "default": 100}}

    def work(self, office, options):
        """Return the queue as it stands."""
        view = office.perform(
            "overview.read",
            {"team": options["team"], "limit": options["limit"], "with_machines": False},
        )
        depth = office.perform("queue.depth", {"team": options["team"], "most_machines": 0})
        return {
            "changed": False,
            "pending": [
                {**values_of_view(one["task"]), "why": one["why"], "held": one["is_held"]}
                for one in view["queue"]
            ],
            "running": [values_of_view(task) for task in view["running"]],
            "total": _counts(depth["total"]),
            "levels": [{"level": row["level"], **_counts(row)} for row in depth["levels"]],
            "teams": [{"team": row["team"], **_counts(row)} for row in depth["teams"]],
            "workers": view["workers"],
            "workers_alive": depth["workers_alive"],
        }


def _counts(row):
    """Return how many tasks of a team or level there are."""
    names = (
        *("pending", "runnable", "blocked", "scheduled", "held", "running"),
        *("oldest_seconds", "arrivals_hour", "completions_hour", "failures_hour"),
    )
    return {name: row[name] for name in names}
