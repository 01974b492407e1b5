# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read machines."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._things import given


class ActionModule(HomeAction):
    """Returns machines, what they have to do and how they are."""

    ARGUMENTS = {
        "name": {"type": "str"},
        "team": {"type": "str"},
        "group": {"type": "str"},
        "state": {"type": "str", "choices": ["online", "maintenance", "offline"]},
    }

    def work(self, office, options):
        """Return the machines."""
        answer = office.perform(
            "machine.list", {**given(options, "team", "group", "state"), "health": True}
        )
        machines = answer["machines"]
        if options["name"] is not None:
            # One by one they come with their variables.
            machines = [
                office.perform("machine.inspect", {"name": one["name"], "team": one["team"]})
                for one in machines
                if one["name"] == options["name"]
            ]
        result = {"changed": False, "machines": machines, "unreadable": answer["unreadable"]}
        if answer["unreadable"]:
            result["warnings"] = list(answer["unreadable"].values())
        return result
