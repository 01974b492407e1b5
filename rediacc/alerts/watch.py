"""One look at everything: events, what is over, what is wrong now, what is to be told.

Anybody may look, a worker by the clock or a command: two looks at once change nothing twice,
because what is decided is decided again in the transaction that writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Flag, auto
from typing import Any

from sqlalchemy import JSON, Connection, Row, bindparam, text

from rediacc.alert_words import AlertRule
from rediacc.alerts import facts, rules
from rediacc.alerts.book import Book
from rediacc.alerts.causes import is_of_tasks
from rediacc.alerts.conditions import Known, Verdict, weigh
from rediacc.alerts.events import take_events
from rediacc.alerts.finding import Detail
from rediacc.alerts.messages import Place
from rediacc.alerts.recovery import close_what_is_over
from rediacc.alerts.rules import Sign
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now

__all__ = ["Scope", "Watch"]

# A sample that is older than this says nothing about a machine now.
_SAMPLE_SECONDS = 900.0
_OPEN = (
    text("SELECT key, number, detail FROM alert WHERE state <> 'resolved' AND rule IN :rules")
    .bindparams(bindparam("rules", expanding=True))
    .columns(detail=JSON)
)
_CONDITIONS = text("SELECT key, since_at, seen_at FROM alert_condition")
_KEEP = text(
    "INSERT INTO alert_condition (key, since_at, seen_at, detail) "
    "VALUES (:key, :since, :seen, '{}') "
    "ON CONFLICT (key) DO UPDATE SET since_at = :since, seen_at = :seen"
)
_FORGET = text("DELETE FROM alert_condition WHERE key = :key")


class Scope(Flag):
    """What a look takes in: the cheap rules always, others where they are worth their cost."""

    CHEAP = auto()
    MACHINES = auto()
    AUDIT = auto()
    ALL = CHEAP | MACHINES | AUDIT


_RULES = {
    Scope.CHEAP: (AlertRule.TASK_LATE, AlertRule.NO_WORKER, AlertRule.QUEUE_DEEP),
    Scope.MACHINES: (
        AlertRule.QUEUE_OLD,
        AlertRule.MACHINE_CPU,
        AlertRule.MACHINE_MEMORY,
        AlertRule.MACHINE_DISK,
        AlertRule.MACHINE_UNREACHABLE,
        AlertRule.SECRET_OLD,
    ),
    Scope.AUDIT: (AlertRule.AUDIT_BROKEN,),
}


class Watch:
    """Looks at one home.

    :param audit_problem: returns what is wrong with the audit; empty where nothing is.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        place: Place,
        audit_problem: Callable[[Connection], str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._place = place
        self._audit_problem = audit_problem

    def look(self, scope: Scope) -> None:
        """Open what is wrong, close what is over, write the messages that are due."""
        if Scope.CHEAP in scope:
            take_events(self._database, self._settings, place=self._place)
            close_what_is_over(self._database, self._settings, place=self._place)
        self._look_at_conditions(scope)
        self._tell()

    def _look_at_conditions(self, scope: Scope) -> None:
        now = micros(utc_now())
        with self._database.read() as connection:
            signs = self._signs(connection, scope, now)
            verdict = self._weigh(connection, signs, scope, now)
            if not self._changes_something(connection, verdict, scope, now):
                return
        with self._database.write() as connection:
            verdict = self._weigh(connection, signs, scope, now)
            book = Book(connection, self._settings, place=self._place, now=now)
            for finding in verdict.findings:
                book.raise_alert(finding)
            for key in verdict.over:
                book.resolve(key, why="it is well again")
            if verdict.kept:
                kept = [
                    {"key": name, "since": one.since, "seen": one.seen}
                    for name, one in verdict.kept.items()
                ]
                connection.execute(_KEEP, kept)
            if verdict.forgotten:
                connection.execute(_FORGET, [{"key": name} for name in verdict.forgotten])

    def _tell(self) -> None:
        now = micros(utc_now())
        with self._database.read() as connection:
            book = Book(connection, self._settings, place=self._place, now=now)
            if not book.has_something_to_tell():
                return
        with self._database.write() as connection:
            Book(connection, self._settings, place=self._place, now=now).tell_what_is_due()

    def _signs(self, connection: Connection, scope: Scope, now: int) -> Sequence[Sign]:
        found: list[Sign] = []
        settings = self._settings
        alerts = settings.alerts
        if Scope.CHEAP in scope:
            shortest = min(alerts.limits_of(team).late for team in ["", *settings.teams])
            limits = {1: shortest, 2: settings.level_limits.get(2, 0.0)}
            for level, limit in limits.items():
                before = now - seconds(limit)
                late = facts.late_tasks(connection, level=level, before=before) if limit else ()
                found += rules.late_signs(late, alerts, settings.level_limits, now)
            waiting = facts.waiting_without_worker(
                connection, lease_seconds=settings.lease_seconds, now=now
            )
            found += rules.no_worker_signs(waiting, alerts)
            found += rules.depth_signs(facts.queue_depths(connection), alerts)
        if Scope.MACHINES in scope:
            found += rules.old_queue_signs(facts.oldest_waits(connection), alerts, now)
            since = now - seconds(_SAMPLE_SECONDS)
            found += rules.machine_signs(facts.machine_samples(connection, since=since), alerts)
            found += rules.secret_signs(facts.old_secrets(connection), alerts, now)
        if Scope.AUDIT in scope:
            found += rules.audit_signs(self._audit_problem(connection))
        return [sign for sign in found if alerts.is_on(sign.rule, sign.team)]

    def _weigh(
        self, connection: Connection, signs: Sequence[Sign], scope: Scope, now: int
    ) -> Verdict:
        watched = _watched(scope)
        known = {
            row.key: Known(since=row.since_at, seen=row.seen_at)
            for row in connection.execute(_CONDITIONS).all()
            if row.key.partition("/")[0] in watched
        }
        return weigh(
            signs,
            known,
            open_groups={
                key: Detail.from_json(row.detail)
                for key, row in self._open(connection, scope).items()
            },
            clear_after=self._settings.alerts.clear_after,
            now=now,
        )

    def _open(self, connection: Connection, scope: Scope) -> Mapping[str, Row[Any]]:
        rows = connection.execute(_OPEN, {"rules": sorted(_watched(scope))}).all()
        return {row.key: row for row in rows if not is_of_tasks(row.key)}

    def _changes_something(
        self, connection: Connection, verdict: Verdict, scope: Scope, now: int
    ) -> bool:
        """Return whether writing `verdict` would leave the tables other than they are."""
        if verdict.over or verdict.forgotten:
            return True
        standing = self._open(connection, scope)
        for finding in verdict.findings:
            row = standing.get(finding.key)
            if row is None:
                return True
            before = Detail.from_json(row.detail)
            if row.number != finding.number or set(before.subjects) != set(finding.detail.subjects):
                return True
        rows = connection.execute(_CONDITIONS).all()
        seen = {row.key: row.seen_at for row in rows}
        stale = now - seconds(self._settings.alerts.clear_after / 3)
        return any(
            one.seen == now and seen.get(name, 0) < stale for name, one in verdict.kept.items()
        )


def _watched(scope: Scope) -> set[str]:
    return {str(rule) for part, names in _RULES.items() if part in scope for rule in names}
