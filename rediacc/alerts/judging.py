"""When people are told: at once, not too often, not while it is silenced. Pure.

What receivers know of an alert (`Told`) is kept with it, so that a message follows only from a
difference between what is so and what they were told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from rediacc.alert_words import AlertState
from rediacc.times import seconds

__all__ = ["Quiet", "Told", "is_silenced", "message_due"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What receivers were told last.

    :param is_open: whether they believe that it is wrong now.
    :param at: when, in microseconds; 0 for never.
    :param number: how many, as they were told.
    :param messages: how many messages there were; numbers them.
    """

    is_open: bool = False
    at: int = 0
    number: int = 0
    messages: int = 0

    def to_json(self) -> list[Any]:
        """Return it as the alert's row keeps it."""
        return [self.is_open, self.at, self.number, self.messages]

    @classmethod
    def from_json(cls, stored: Iterable[Any] | None) -> Told:
        """Return what :meth:`to_json` wrote."""
        if stored is None:
            return cls()
        is_open, at, number, messages = stored
        return cls(is_open=is_open, at=at, number=number, messages=messages)


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """A silence: empty fields fit everything; `machine` may be a pattern of names."""

    team: str = ""
    rule: str = ""
    machine: str = ""


def is_silenced(
    silences: Iterable[Quiet], *, team: str, rule: str, machines: Mapping[str, Any]
) -> bool:
    """Return whether the silences that hold now leave nobody to tell.

    An alert about several machines is silent only when each of them is.
    """
    fitting = [
        one for one in silences if one.team in ("", team) and (not one.rule or one.rule == rule)
    ]
    if any(not one.machine for one in fitting):
        return True
    if not machines:
        return False
    return all(any(fnmatchcase(name, one.machine) for one in fitting) for name in machines)


def message_due(
    state: AlertState, number: int, told: Told, *, silenced: bool, update_every: float, now: int
) -> str | None:
    """Return the message that is due: ``trigger``, ``update``, ``resolve``, or none.

    :param update_every: seconds between two messages about one cause that is wrong.
    """
    if state is AlertState.RESOLVED:
        # Who was told that something is wrong is told that it is over, silence or not.
        return "resolve" if told.is_open else None
    is_early = told.at and now < told.at + seconds(update_every)
    if silenced or is_early:
        return None
    if not told.is_open:
        return "trigger" if state is AlertState.OPEN else None
    if state is AlertState.OPEN and number > told.number:
        return "update"
    return None
