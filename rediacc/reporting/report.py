"""A period: roll-ups, tasks, archives and alerts put together, and what nobody knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rediacc.archives.reading import Kept, archives_since, opened_archive
from rediacc.errors import ArchiveDamaged
from rediacc.monitoring.flows import first_id_since
from rediacc.monitoring.history import choose_resolution, read_history
from rediacc.monitoring.retention import KEPT
from rediacc.queue.rules import QueueRules
from rediacc.reporting.alerts import alerts_between
from rediacc.reporting.tasks import Period, TaskFacts
from rediacc.storage.engine import Database
from rediacc.times import micros, moment, seconds
from rediacc.views import History, Report

__all__ = ["read_report", "span_of"]

_MOST_ALERTS = 200
_MOST_SPANS = 60
_SPANS = (60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
_HOUR = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the report is about; times in microseconds."""

    teams: tuple[str, ...]
    since: int
    until: int
    now: int
    sampled: tuple[str, ...]


def read_report(
    database: Database,
    state: Path,
    *,
    teams: tuple[str, ...],
    sampled: tuple[str, ...],
    rules: QueueRules,
    since: int,
    until: int,
    now: int,
    has_home: bool,
) -> Report:
    """Return what was in `teams` from `since` to before `until` (microseconds).

    :param state: the home's own directory, where archives lie.
    :param sampled: those of `teams` whose machines are sampled.
    :param has_home: whether alerts about the home itself belong to it.
    """
    asked = Asked(teams=teams, since=since, until=min(until, now), now=now, sampled=sampled)
    span = span_of(asked.until - since)
    facts = TaskFacts(Period(teams=teams, since=since, until=asked.until, span=seconds(span)))
    with database.read() as connection:
        history = read_history(
            connection,
            teams=teams,
            rules=rules,
            since=since,
            until=asked.until,
            resolution=choose_resolution(since, asked.until, now=now),
            slowest=0,
        )
        first = first_id_since(connection, "result", since - _HOUR)
        facts.add(connection, first_result=1 << 62 if first is None else first)
        about = (*teams, "") if has_home else teams
        alerts, alert_count = alerts_between(
            connection, about, since=since, until=asked.until, most=_MOST_ALERTS
        )
        # Listed in the same read: a task is either still there or in one of these.
        kept = archives_since(connection, since=since)
    archived, damage = _add_archives(facts, state, kept)
    return Report(
        at=moment(now),
        teams=teams,
        history=history,
        span_seconds=span,
        ended=facts.ended(),
        slowest=facts.slowest(),
        failures=facts.failures(),
        busiest=facts.busiest(),
        alerts=alerts,
        alert_count=alert_count,
        archived=archived,
        notes=(*_notes(asked, history, until=until), *damage),
    )


def span_of(length: int) -> int:
    """Return the seconds of the spans in which a period of `length` microseconds is counted."""
    for span in _SPANS:
        if length <= seconds(span) * _MOST_SPANS:
            return span
    # Years: whole weeks, as many as fit.
    return -(-length // (seconds(_SPANS[-1]) * _MOST_SPANS)) * _SPANS[-1]


def _add_archives(
    facts: TaskFacts, state: Path, kept: tuple[Kept, ...]
) -> tuple[int, tuple[str, ...]]:
    number, damage = 0, []
    for archive in kept:
        try:
            with opened_archive(state, archive) as connection:
                facts.add(connection)
        except ArchiveDamaged as exc:
            damage.append(f"{exc.message}: its {len(archive.tasks)} tasks are missing here.")
        else:
            number += len(archive.tasks)
    return number, tuple(damage)


def _notes(asked: Asked, history: History, *, until: int) -> list[str]:
    notes = []
    if until > asked.now:
        notes.append(f"The period ends in the future; this tells it up to {_clock(asked.now)}.")
    oldest = asked.now - KEPT[3600]
    if asked.since < oldest:
        notes.append(
            f"What was counted of queue and machines is kept for {_days(KEPT[3600])}: before "
            f"{_clock(oldest)} depth, waits and health are unknown. Tasks and alerts are not."
        )
    unknown = _unrecorded(asked, history)
    if unknown:
        notes.append(
            f"Of {_length(asked.until - asked.since)} no worker recorded the queue for "
            f"{_length(unknown)}: depth and waits are unknown there (hatched in the chart)."
        )
    looked_at = {point.team for point in history.health}
    unsampled = [team for team in asked.teams if team not in {*asked.sampled, *looked_at}]
    if unsampled:
        notes.append(
            f"Machines of {', '.join(unsampled)} are not sampled: set sample_every in rediacc.toml."
        )
    return notes


def _unrecorded(asked: Asked, history: History) -> int:
    """Return for how long of the period nobody recorded the queue, in microseconds.

    A span is recorded when it is over, and then it takes a moment: the last two are not missed.
    """
    span = seconds(history.resolution_seconds)
    end = min(asked.until, asked.now - 2 * span)
    if end <= asked.since:
        return 0
    starts = (micros(at) for at in history.recorded)
    known = sum(max(0, min(at + span, end) - max(at, asked.since)) for at in starts)
    return max(0, end - asked.since - known)


def _clock(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"


def _days(length: int) -> str:
    return f"{length // (24 * _HOUR)} days"


def _length(length: int) -> str:
    minutes = length // 60_000_000
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.1f} h"
    return f"{minutes / 1440:.1f} days"
