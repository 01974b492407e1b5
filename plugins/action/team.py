# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a team as wished."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._things import (
    given,
    look_up,
    told,
    unchanged,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._times import seconds_of


class ActionModule(HomeAction):
    """Makes, changes or removes a team."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "inventory": {"type": "str"},
        "ssh": {"type": "str", "choices": ["user", "vault"]},
        "sample_every": {"type": "str"},
        "weight": {"type": "int"},
    }

    def work(self, office, options):
        """Return what became of the team."""
        name, dry_run = options["name"], self.is_check
        if options["state"] == "absent":
            answer = office.perform(
                "team.delete", {"name": name, "missing_ok": True, "dry_run": dry_run}
            )
            return told("team", answer, with_diff=self.is_diff)
        wanted = given(options, "inventory", "ssh", "weight")
        every = seconds_of(options["sample_every"], "sample_every")
        present = look_up(office, "team.inspect", {"name": name})
        if present is None:
            request = {**wanted, "name": name, "sample_every_seconds": every or None}
            answer = office.perform("team.create", {**request, "dry_run": dry_run})
            return told("team", answer, with_diff=self.is_diff)
        if every is not None:
            wanted["sample_every_seconds"] = every
        if not wanted:
            return unchanged("team", present)
        answer = office.perform("team.update", {**wanted, "name": name, "dry_run": dry_run})
        return told("team", answer, with_diff=self.is_diff)
