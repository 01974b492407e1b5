# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a member as wished."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._process_secrets import learn_value
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._things import given, told, unchanged
from ansible_collections.rediacc.core.plugins.plugin_utils._times import moment_of, seconds_of


class ActionModule(HomeAction):
    """Gives and takes roles, and makes tokens."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "roles": {"type": "dict"},
        "purge_roles": {"type": "bool", "default": False},
        "home_role": {"type": "str", "choices": ["none", "auditor", "owner"]},
        "token": {"type": "bool", "default": False, "no_log": False},
        "renew_token": {"type": "bool", "default": False, "no_log": False},
        "expires_in": {"type": "str"},
        "expires_at": {"type": "str"},
    }
    RULES = {"mutually_exclusive": [("expires_in", "expires_at")]}

    def work(self, office, options):
        """Return what became of the member."""
        name = options["name"]
        if options["state"] == "absent":
            request = {"name": name, "missing_ok": True, "dry_run": self.is_check}
            return self._told(office.perform("member.delete", request))
        present = _member_of(office, name)
        if present is not None:
            return self._update(office, options, present)
        try:
            return self._create(office, options)
        except RediaccFailure as exc:
            if exc.code != "conflict":
                raise
            return self._update_unseen(office, options, exc)

    def _create(self, office, options):
        request = {
            **given(options, "name", "roles"),
            "token": options["token"],
            "expires_in_seconds": seconds_of(options["expires_in"], "expires_in"),
            "expires_at": moment_of(options["expires_at"], "expires_at"),
            "dry_run": self.is_check,
        }
        if options["home_role"] not in (None, "none"):
            request["role"] = options["home_role"]
        return self._told(office.perform("member.create", request))

    def _update_unseen(self, office, options, refusal):
        """Update a member of whom the caller sees no role, where they may give one."""
        try:
            return self._update(office, options, None)
        except RediaccFailure as exc:
            # It was another conflict: there is no such member.
            raise refusal if exc.code == "not_found" else exc from None

    def _update(self, office, options, present):
        if present is not None and options["token"] and present["kind"] != "token":
            message = f"{options['name']} is an account of the host and cannot become a token"
            raise RediaccFailure(message, code="conflict", hint="delete the member first")
        changes = given(options, "roles")
        if options["purge_roles"]:
            changes.update(purge_roles=True, roles=options["roles"] or {})
        if options["home_role"] == "none":
            changes["remove_home_role"] = True
        elif options["home_role"] is not None:
            changes["role"] = options["home_role"]
        if options["expires_at"] is not None:
            changes["expires_at"] = moment_of(options["expires_at"], "expires_at")
        if options["renew_token"]:
            # A duration counts from the moment in which the token is made.
            lasts = seconds_of(options["expires_in"], "expires_in")
            changes.update(token=True, **({} if lasts is None else {"expires_in_seconds": lasts}))
        if not changes and present is not None:
            return unchanged("member", {key: one for key, one in present.items() if key != "token"})
        request = {**changes, "name": options["name"], "dry_run": self.is_check}
        return self._told(office.perform("member.update", request))

    def _told(self, answer):
        result = told("member", answer, with_diff=self.is_diff)
        token = result.get("member", {}).pop("token", None)
        if token is not None:
            learn_value(token)
            # What registers the result has the token; nothing prints it, at any verbosity.
            result.update(token=token, _ansible_no_log=True)
        return result


def _member_of(office, name):
    """Return the member as the caller sees it, or C(None)."""
    return next((one for one in office.perform("member.list", {}) if one["name"] == name), None)
