"""What ``report.read`` answers: what was in a period, and what nobody knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rediacc.views.monitoring import History, MachineFailures, SlowTask

__all__ = ["AlertSpan", "BusyMachine", "Ended", "Report"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The tasks of one level that ended in one span of time."""

    at: datetime
    level: int
    succeeded: int
    failed: int
    cancelled: int


@dataclass(frozen=True, kw_only=True)
class BusyMachine:
    """What a machine was asked to do by tasks that ended in the period.

    :param seconds: from the first start to the end of each such task, added up.
    :param failed: tasks whose last word from this machine was no success.
    """

    team: str
    machine: str
    tasks: int
    failed: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class AlertSpan:
    """An alert that was open in the period; `resolved_at` is ``None`` while it is."""

    id: int
    rule: str
    team: str
    severity: str
    title: str
    number: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A period of some teams.

    :param span_seconds: how long each span of `ended` is; the first begins at ``history.since``.
    :param failures: by machine and hour, those of archived tasks too.
    :param alert_count: how many alerts there were in all; `alerts` holds the latest of them.
    :param archived: how many tasks were read from archives.
    :param notes: what cannot be told of the period, each in one sentence.
    """

    at: datetime
    teams: tuple[str, ...]
    history: History
    span_seconds: int
    ended: tuple[Ended, ...]
    slowest: tuple[SlowTask, ...]
    failures: tuple[MachineFailures, ...]
    busiest: tuple[BusyMachine, ...]
    alerts: tuple[AlertSpan, ...]
    alert_count: int
    archived: int
    notes: tuple[str, ...]
