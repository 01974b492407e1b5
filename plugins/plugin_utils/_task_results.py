# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of tasks in whatever a playbook has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def tasks_in(value: object) -> Iterator[Mapping]:
    """Yield every task in a registered result, a looked up task, or lists of them.

    :raises ValueError: there is something else in it.
    """
    if isinstance(value, Mapping):
        if isinstance(value.get("hosts"), Mapping):
            yield value
            return
        for name in ("tasks", "results"):
            if isinstance(value.get(name), list):
                yield from tasks_in(value[name])
                return
        if value.get("skipped"):
            return
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tasks_in(item)
        return
    raise ValueError("this is no result of rediacc.core.task, task_info, task_wait or the lookup")


def machines_by_outcome(value: object) -> dict[str, list[str]]:
    """Return for each outcome that there was the names of machines, sorted."""
    found: dict[str, set[str]] = {}
    for task in tasks_in(value):
        for outcome, names in task["hosts"].items():
            if names:
                found.setdefault(str(outcome), set()).update(map(str, names))
    return {outcome: sorted(found[outcome]) for outcome in sorted(found)}
