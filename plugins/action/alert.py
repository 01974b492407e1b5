# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look after alerts, close them, or silence them for a time."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._things import given
from ansible_collections.rediacc.core.plugins.plugin_utils._times import seconds_of

_OPERATIONS = {"acknowledged": "alert.ack", "resolved": "alert.resolve"}
_MOST = 10_000


class ActionModule(HomeAction):
    """Brings alerts into a state, or begins and ends silences."""

    ARGUMENTS = {
        "state": {
            "type": "str",
            "choices": ["acknowledged", "resolved", "silenced", "unsilenced"],
            "required": True,
        },
        "id": {"type": "list", "elements": "str", "aliases": ["ids"]},
        "team": {"type": "str"},
        "rule": {"type": "str"},
        "machine": {"type": "str"},
        "duration": {"type": "str"},
        "why": {"type": "str", "default": ""},
    }
    RULES = {
        "mutually_exclusive": [("id", "team"), ("id", "rule"), ("id", "machine")],
        "required_if": [
            ("state", "acknowledged", ("id", "team", "rule"), True),
            ("state", "resolved", ("id", "team", "rule"), True),
            ("state", "silenced", ("duration",)),
        ],
    }

    def work(self, office, options):
        """Return what became of the alerts, or of the silence."""
        if options["state"] in _OPERATIONS:
            if options["machine"] is not None:
                raise _misused("machine", "silenced and unsilenced")
            return self._change(office, options)
        if options["id"] is not None:
            raise _misused("id", "acknowledged and resolved")
        silences = _standing(office, options)
        if options["state"] == "silenced":
            return self._silence(office, options, silences)
        return self._unsilence(office, silences)

    def _change(self, office, options):
        state = options["state"]
        alerts = _chosen(office, options)
        others = [one for one in alerts if _differs(one, state)]
        if others and not self.is_check:
            ids = [str(one["id"]) for one in others]
            _check_each(office.perform(_OPERATIONS[state], {"ids": ids}))
            now = {one["id"]: _alert(office, one["id"]) for one in others}
        else:
            now = {one["id"]: {**one, "state": state} for one in others}
        return {
            "changed": bool(others),
            "alerts": [now.get(one["id"], one) for one in alerts],
        }

    def _silence(self, office, options, standing):
        seconds = seconds_of(options["duration"], "duration")
        if standing:
            return {"changed": False, "silences": standing}
        request = {**given(options, "team", "rule", "machine"), "why": options["why"]}
        if self.is_check:
            return {"changed": True, "silences": []}
        made = office.perform("silence.create", {**request, "for_seconds": seconds})
        return {"changed": True, "silences": [made]}

    def _unsilence(self, office, standing):
        if standing and not self.is_check:
            ids = [str(one["id"]) for one in standing]
            _check_each(office.perform("silence.delete", {"ids": ids}))
        ended = [{**one, "is_active": False} for one in standing]
        return {"changed": bool(standing), "silences": ended}


def _chosen(office, options):
    """Return the alerts that the task is about: by number, or all that are not over and fit."""
    if options["id"] is not None:
        return [_alert(office, number) for number in dict.fromkeys(options["id"])]
    return office.perform("alert.list", {**given(options, "team", "rule"), "limit": _MOST})


def _differs(alert, state):
    """Say whether an alert is yet to come into the state; what is over needs nobody's look."""
    return alert["state"] == "open" if state == "acknowledged" else alert["state"] != state


def _alert(office, number):
    return office.perform("alert.inspect", {"id": str(number)})["alert"]


def _standing(office, options):
    """Return the silences that hold now and cover exactly what the options say."""
    listed = office.perform("silence.list", given(options, "team"))
    wanted = {name: options[name] or "" for name in ("team", "rule", "machine")}
    return [
        one
        for one in listed
        if one["is_active"] and all(one[name] == value for name, value in wanted.items())
    ]


def _check_each(answers):
    """Pass when everything that was asked for could be done."""
    refused = [one for one in answers if one["exit_code"]]
    if refused:
        message = "; ".join(f"{one['id']}: {one['message']}" for one in refused)
        raise RediaccFailure(message, code=refused[0]["code"])


def _misused(option, states):
    message = f"{option} goes with the states {states} only"
    return RediaccFailure(message, code="invalid_input")
