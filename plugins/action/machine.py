# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a machine of a team as wished."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._things import (
    given,
    look_up,
    told,
    unchanged,
)

_WORKING_STATES = ("online", "maintenance", "offline")


class ActionModule(HomeAction):
    """Adds, changes or removes a machine."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "team": {"type": "str", "required": True},
        "state": {
            "type": "str",
            "choices": ["present", "absent", *_WORKING_STATES],
            "default": "present",
        },
        "host": {"type": "str", "aliases": ["address"]},
        "user": {"type": "str"},
        "port": {"type": "int"},
        "groups": {"type": "list", "elements": "str"},
        "append_groups": {"type": "bool", "default": False},
        "variables": {"type": "dict"},
        "purge_variables": {"type": "bool", "default": False},
    }

    def work(self, office, options):
        """Return what became of the machine."""
        which = given(options, "name", "team")
        if options["state"] == "absent":
            request = {**which, "missing_ok": True, "dry_run": self.is_check}
            answer = office.perform("machine.delete", request)
            return told("machine", answer, with_diff=self.is_diff)
        wanted = given(options, "host", "user", "port", "groups", "variables")
        if options["state"] in _WORKING_STATES:
            wanted["state"] = options["state"]
        present = look_up(office, "machine.inspect", which)
        if present is None:
            request = {**which, **wanted, "dry_run": self.is_check}
            answer = office.perform("machine.create", request)
            return told("machine", answer, with_diff=self.is_diff)
        if options["append_groups"] and "groups" in wanted:
            wanted["add_groups"] = wanted.pop("groups")
        if options["purge_variables"]:
            wanted["purge_variables"] = True
        if not wanted:
            return unchanged("machine", present)
        request = {**which, **wanted, "dry_run": self.is_check}
        return told("machine", office.perform("machine.update", request), with_diff=self.is_diff)
