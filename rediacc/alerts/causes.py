"""Which failures are one cause: what a person on call would call the same problem. Pure.

Work with a name (a named task, a playbook) is one cause by its name, whatever machine or reason;
other work by its text with numbers taken out, so that ``backup db-17`` and ``backup db-18`` are
one. Machines that cannot be reached are one cause for their team, whatever was to run there.
"""

from __future__ import annotations

import re

from rediacc.alert_words import AlertRule
from rediacc.values import Reason

__all__ = ["cause_of", "event_key", "is_of_tasks", "rule_of_event"]

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_HEX = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_LONGEST = 150
_KINDS = {
    "task.failed": AlertRule.TASK_FAILED,
    "task.held": AlertRule.TASK_HELD,
    "task.lost": AlertRule.TASK_LOST,
    "task.expired": AlertRule.TASK_EXPIRED,
}
_NOT_REACHED = (str(Reason.UNREACHABLE), str(Reason.AUTH))


def rule_of_event(kind: str, reason: str) -> AlertRule:
    """Return the rule of an event from the outbox.

    :raises KeyError: no rule is for such events.
    """
    if kind == "task.failed" and reason in _NOT_REACHED:
        return AlertRule.MACHINE_UNREACHABLE
    return _KINDS[kind]


def cause_of(*, named: str | None, kind: str, title: str) -> str:
    """Return what names the work: the same for work that is the same to a person."""
    if named:
        return f"named:{named}"
    text = " ".join(title.split()).lower()
    for pattern in (_UUID, _HEX, _NUMBER):
        text = pattern.sub("#", text)
    return f"{kind}:{text[:_LONGEST]}"


def event_key(rule: AlertRule, team: str, cause: str) -> str:
    """Return the key under which events of a cause are one alert."""
    if rule is AlertRule.MACHINE_UNREACHABLE:
        return f"{rule}/{team}/by-tasks"
    if rule is AlertRule.TASK_HELD:
        return f"{rule}/{team}"
    return f"{rule}/{team}/{cause}"


def is_of_tasks(key: str) -> bool:
    """Return whether an alert about unreachable machines came from tasks, not from samples."""
    return key.startswith(f"{AlertRule.MACHINE_UNREACHABLE}/") and key.count("/") == 2
