# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read alerts and silences."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._things import given, look_up


class ActionModule(HomeAction):
    """Returns alerts, and what is silenced."""

    ARGUMENTS = {
        "id": {"type": "str"},
        "team": {"type": "str"},
        "rule": {"type": "str"},
        "resolved": {"type": "bool", "default": False},
        "details": {"type": "bool", "default": False},
        "limit": {"type": "int", "default": 50},
    }
    RULES = {"mutually_exclusive": [("id", "team"), ("id", "rule")]}

    def work(self, office, options):
        """Return the alerts and the silences."""
        if options["id"] is not None:
            found = look_up(office, "alert.inspect", {"id": options["id"]})
            alerts = [] if found is None else [_whole(found)]
        else:
            alerts = office.perform(
                "alert.list", given(options, "team", "rule", "resolved", "limit")
            )
            if options["details"]:
                alerts = [
                    _whole(office.perform("alert.inspect", {"id": str(one["id"])}))
                    for one in alerts
                ]
        silences = office.perform("silence.list", given(options, "team"))
        return {"changed": False, "alerts": alerts, "silences": silences}


def _whole(detail):
    """Return an alert with its details beside what a list shows."""
    more = {name: value for name, value in detail.items() if name != "alert"}
    return {**detail["alert"], **more}
