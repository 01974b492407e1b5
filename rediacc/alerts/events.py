"""From the outbox to alerts: each event is taken once, with all that follows in one transaction.

What a settlement wrote in its own transaction is read with what is known of its task; the row is
marked, the alert counted, and the messages written, together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.book import Book
from rediacc.alerts.causes import cause_of, event_key, rule_of_event
from rediacc.alerts.finding import Detail, Finding, Subject, merge
from rediacc.alerts.messages import Place
from rediacc.alerts.plays import PLAY_ENDED, apply_play
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now

__all__ = ["advice_for", "take_events"]

# Few enough that a transaction stays short.
_BATCH = 40
_OPEN = text(
    "SELECT id, kind, task_id, payload, at FROM outbox WHERE delivered_at IS NULL "
    "AND kind IN ('task.failed', 'task.held', 'task.lost', 'task.expired', 'play.ended') "
    "ORDER BY id LIMIT :limit"
).columns(payload=JSON)
_TAKE = text("UPDATE outbox SET delivered_at = :now WHERE id = :id AND delivered_at IS NULL")
_TASK = text("SELECT kind, named, created_by FROM task WHERE id = :id")
_WRONG = text(
    "SELECT machine, outcome FROM task_machine WHERE task_id = :id "
    "AND outcome NOT IN ('ok', 'changed', 'skipped') ORDER BY position LIMIT 500"
)
# Only the ends: a result may hold a hundred kilobytes, and a message holds lines.
_RESULTS = text(
    "SELECT machine, outcome, rc, message, substr(stdout, -2000) AS stdout, "
    "substr(stderr, -2000) AS stderr FROM result WHERE task_id = :id "
    "AND outcome NOT IN ('ok', 'changed', 'skipped') ORDER BY id DESC LIMIT 20"
)
_LINES = 5
_MACHINES_TOLD = 3
_SHOWN_TASKS = 10


@dataclass(frozen=True, kw_only=True)
class _Event:
    """An outbox row, and what it means; `play` instead of `finding` for how a play ended."""

    id: int
    at: int
    finding: Finding | None = None
    play: Mapping[str, Any] | None = None


def take_events(database: Database, settings: Settings, *, place: Place) -> int:
    """Turn what lies in the outbox into alerts; return how many events there were."""
    taken = 0
    while True:
        with database.read() as connection:
            rows = connection.execute(_OPEN, {"limit": _BATCH}).all()
            events = [_read(connection, row) for row in rows]
        if not events:
            return taken
        now = micros(utc_now())
        with database.write() as connection:
            book = Book(connection, settings, place=place, now=now)
            mine = [
                event
                for event in events
                if connection.execute(_TAKE, {"id": event.id, "now": now}).rowcount == 1
            ]
            for finding in _by_cause(mine):
                if settings.alerts.is_on(finding.rule, finding.team):
                    book.raise_alert(finding)
            for event in mine:
                if event.play is not None:
                    apply_play(book, event.play, at=event.at, settings=settings)
        taken += len(mine)


def advice_for(rule: AlertRule, tasks: Sequence[int]) -> str:
    """Return the command that a person would type next about these tasks."""
    if not tasks:
        return ""
    ids = " ".join(str(task) for task in tasks[-_SHOWN_TASKS:])
    if rule is AlertRule.TASK_HELD:
        return f"rediacc release task {ids} --retry"
    return f"rediacc retry task {ids}"


def _by_cause(events: Sequence[_Event]) -> list[Finding]:
    """Return one finding for each cause: five hundred failures at once are one write."""
    found: dict[str, Finding] = {}
    for event in events:
        finding = event.finding
        if finding is None:
            continue
        before = found.get(finding.key)
        if before is not None:
            finding = replace(
                finding,
                at=before.at,
                number=before.number + finding.number,
                severity=min(before.severity, finding.severity, key=lambda one: one.rank),
                detail=merge(before.detail, finding.detail),
            )
        found[finding.key] = finding
    return [
        replace(one, detail=replace(one.detail, advice=advice_for(one.rule, one.detail.tasks)))
        for one in found.values()
    ]


def _read(connection: Connection, row: Any) -> _Event:
    payload = row.payload
    if row.kind == PLAY_ENDED:
        return _Event(id=row.id, at=row.at, play=payload)
    task = connection.execute(_TASK, {"id": row.task_id}).one_or_none()
    rule = rule_of_event(row.kind, payload["reason"])
    title, named = str(payload["title"]), task.named if task else None
    cause = cause_of(named=named, kind=task.kind if task else "", title=title)
    words = {AlertRule.TASK_EXPIRED: "not started", AlertRule.TASK_HELD: "unknown"}
    detail = Detail(
        what=named or title,
        subjects=_subjects(connection, row, words.get(rule)),
        tasks=(int(payload["task"]),),
        why=_why(connection, row),
        who=(task.created_by,) if task else (),
    )
    is_critical = payload["priority"] == 1
    finding = Finding(
        key=event_key(rule, payload["team"], cause),
        rule=rule,
        team=payload["team"],
        severity=Severity.CRITICAL if is_critical else Severity.ERROR,
        at=row.at,
        detail=detail,
    )
    return _Event(id=row.id, at=row.at, finding=finding)


def _subjects(connection: Connection, row: Any, words: str | None) -> dict[str, Subject]:
    wrong = connection.execute(_WRONG, {"id": row.task_id}).all()
    codes = {r.machine: r.rc for r in _results(connection, row) if r.rc is not None}

    def say(machine: str, outcome: str) -> str:
        if words is not None:
            return words
        shown = "failed" if outcome == "given up" else outcome
        return f"rc {codes[machine]}" if machine in codes else shown

    return {one.machine: Subject(at=row.at, words=say(one.machine, one.outcome)) for one in wrong}


def _why(connection: Connection, row: Any) -> tuple[str, ...]:
    """Return the last lines of what the first failed machines said, as they were stored: masked."""
    lines: list[str] = []
    seen: set[str] = set()
    for result in _results(connection, row):
        if result.machine in seen or len(seen) >= _MACHINES_TOLD:
            continue
        seen.add(result.machine)
        text_ = _text(result.stderr) or _text(result.stdout) or result.message
        lines += [f"{result.machine}: {line}" for line in text_.splitlines()[-_LINES:]]
    return tuple(lines) or ((str(row.payload["message"]),) if row.payload["message"] else ())


def _results(connection: Connection, row: Any) -> Sequence[Any]:
    return connection.execute(_RESULTS, {"id": row.task_id}).all()


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace").strip()
