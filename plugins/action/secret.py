# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a secret of a team as wished."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._process_secrets import learn_value
from ansible_collections.rediacc.core.plugins.plugin_utils._things import given, told


class ActionModule(HomeAction):
    """Sets or deletes a secret; its value leaves the controller's memory only encrypted."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True, "aliases": ["key"]},
        "team": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "value": {"type": "str", "no_log": True},
        "scope": {"type": "str", "choices": ["vars", "private"]},
    }
    RULES = {"required_if": [("state", "present", ("value",))]}

    def work(self, office, options):
        """Return what became of the secret: never its value."""
        request = {**given(options, "name", "team", "scope"), "dry_run": self.is_check}
        if options["state"] == "absent":
            return told("secret", office.perform("secret.delete", {**request, "missing_ok": True}))
        learn_value(options["value"])
        request.update(value=options["value"], if_different=True)
        return told("secret", office.perform("secret.set", request))
