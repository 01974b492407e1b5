"""What is over: a failure's machines that did the same work since, or answered again.

One success elsewhere does not close a failure: an alert names the machines that failed, and each
leaves it when it succeeds. The alert is over when none is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Connection, bindparam, text

from rediacc.alert_words import AlertRule
from rediacc.alerts.book import Book
from rediacc.alerts.causes import cause_of, event_key, is_of_tasks
from rediacc.alerts.finding import Detail
from rediacc.alerts.messages import Place
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now

__all__ = ["close_what_is_over"]

_BY_CAUSE = (AlertRule.TASK_FAILED, AlertRule.TASK_LOST, AlertRule.TASK_EXPIRED)
_OPEN = text(
    "SELECT id, key, rule, team, first_at, last_at, detail FROM alert WHERE state <> 'resolved' "
    "AND rule IN ('task-failed', 'task-lost', 'task-expired', 'task-held', 'machine-unreachable', "
    "'play-failed')"
).columns(detail=JSON)
_CURSOR = text("SELECT since_at FROM alert_condition WHERE key = 'cursor/finished'")
_SET_CURSOR = text(
    "INSERT INTO alert_condition (key, since_at, seen_at, detail) "
    "VALUES ('cursor/finished', :at, :at, '{}') "
    "ON CONFLICT (key) DO UPDATE SET since_at = :at, seen_at = :at"
)
_FINISHED = text(
    "SELECT id, team, named, kind, title, state, finished_at FROM task "
    "WHERE state >= 20 AND origin = 'queue' "
    "AND (finished_at > :since OR (finished_at = :since AND id > :id)) "
    "ORDER BY finished_at, id LIMIT :limit"
)
_FINE = text(
    "SELECT task_id, machine FROM task_machine WHERE task_id IN :ids "
    "AND outcome IN ('ok', 'changed', 'skipped')"
).bindparams(bindparam("ids", expanding=True))
_HELD = text("SELECT SUM(number) FROM counter WHERE team = :team AND state = 8")
_ANSWERED = text(
    "SELECT MAX(at) FROM sample WHERE team = :team AND machine = :machine AND is_reachable"
)
_PAGE = 500
_PAGES = 40
# Workers stamp an end before they write it: what is written late is looked for again.
_OVERLAP_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class _Fine:
    """A task that ended, and the machines on which it succeeded."""

    id: int
    team: str
    cause: str
    at: int
    has_succeeded: bool
    machines: frozenset[str]


def close_what_is_over(database: Database, settings: Settings, *, place: Place) -> None:
    """Look at what ended since the last look; take its machines out of alerts, close empty ones."""
    with database.read() as connection:
        alerts = connection.execute(_OPEN).all()
        cursor = connection.execute(_CURSOR).scalar_one_or_none()
        if not alerts:
            return
        oldest = min(row.first_at for row in alerts)
        since = oldest if cursor is None else max(oldest, cursor - seconds(_OVERLAP_SECONDS))
        fine = _finished_since(connection, since)
        changes = {
            row.id: change
            for row in alerts
            if (change := _change(connection, settings, row, fine)) is not None
        }
    now = micros(utc_now())
    seen = {row.id: row.last_at for row in alerts}
    reached = max((one.at for one in fine), default=0)
    is_further = reached > (cursor or 0)
    if not changes and not is_further:
        return
    with database.write() as connection:
        book = Book(connection, settings, place=place, now=now)
        for alert_id, change in changes.items():
            if isinstance(change, str):
                book.resolve_by_id(alert_id, why=change, seen_at=seen[alert_id])
            else:
                book.remove_subjects(alert_id, change)
        if is_further:
            connection.execute(_SET_CURSOR, {"at": reached})


def _finished_since(connection: Connection, since: int) -> list[_Fine]:
    """Return what ended after `since`, as far as one look goes."""
    fine: list[_Fine] = []
    last = 0
    for _turn in range(_PAGES):
        parameters = {"since": since, "id": last, "limit": _PAGE}
        rows = connection.execute(_FINISHED, parameters).all()
        if not rows:
            break
        machines: dict[int, set[str]] = {row.id: set() for row in rows}
        for task_id, machine in connection.execute(_FINE, {"ids": list(machines)}):
            machines[task_id].add(machine)
        fine += [
            _Fine(
                id=row.id,
                team=row.team,
                cause=cause_of(named=row.named, kind=row.kind, title=row.title),
                at=row.finished_at,
                has_succeeded=row.state == 20,
                machines=frozenset(machines[row.id]),
            )
            for row in rows
        ]
        since, last = rows[-1].finished_at, rows[-1].id
    return fine


def _change(
    connection: Connection, settings: Settings, row: Any, fine: Sequence[_Fine]
) -> str | dict[str, int] | None:
    """Return why the alert is over, or which machines are out of it since when, or nothing."""
    if row.rule == str(AlertRule.TASK_HELD):
        held = connection.execute(_HELD, {"team": row.team}).scalar_one() or 0
        return None if held else "no task is held any more"
    if row.rule == str(AlertRule.MACHINE_UNREACHABLE) and not is_of_tasks(row.key):
        return None
    quiet = settings.alerts.quiet_days
    if quiet and row.last_at < micros(utc_now()) - seconds(quiet * 86400):
        return f"nothing more of it for {quiet:g} days"
    detail = Detail.from_json(row.detail)
    well = _well_since(connection, row, detail, fine)
    if not detail.subjects:
        ends = [one for one in fine if one.has_succeeded and _is_same(row, one)]
        late = [one for one in ends if one.at > row.last_at]
        return f"task {late[-1].id} succeeded" if late else None
    if set(well) >= set(detail.subjects):
        return "all its machines are well again"
    return well or None


def _well_since(
    connection: Connection, row: Any, detail: Detail, fine: Sequence[_Fine]
) -> dict[str, int]:
    well: dict[str, int] = {}
    for one in fine:
        if _is_same(row, one):
            well |= dict.fromkeys(one.machines & set(detail.subjects), one.at)
    if row.rule == str(AlertRule.MACHINE_UNREACHABLE):
        for name in detail.subjects:
            parameters = {"team": row.team, "machine": name}
            at = connection.execute(_ANSWERED, parameters).scalar_one_or_none()
            if at is not None:
                well[name] = max(at, well.get(name, 0))
    return {name: at for name, at in well.items() if at > detail.subjects[name].at}


def _is_same(row: Any, one: _Fine) -> bool:
    rule = AlertRule(row.rule)
    return bool(row.team == one.team and row.key == event_key(rule, one.team, one.cause))
