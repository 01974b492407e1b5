"""What must always hold, derived again from the tables. A find is an alarm, never routine."""

from __future__ import annotations

from sqlalchemy import Connection, text

from rediacc.queue.expiry import expire
from rediacc.queue.transitions import wake

__all__ = ["find_violations", "sweep"]

_LEAKED_HOLDS = text(
    "SELECT hold.resource, hold.task_id FROM hold JOIN task ON task.id = hold.task_id "
    "WHERE task.state NOT IN (5, 6, 7) OR task.epoch <> hold.epoch"
)
_STALE_RESERVES = text(
    "SELECT reserve.resource, reserve.task_id FROM reserve JOIN task ON task.id = reserve.task_id "
    "WHERE task.state NOT IN (3, 4)"
)
_FORGOTTEN = text(
    "SELECT DISTINCT t.parked_on FROM task t WHERE t.state = 4 "
    "AND t.reason IN ('busy machine', 'team limit') "
    "AND NOT EXISTS (SELECT 1 FROM wake w WHERE w.resource = t.parked_on) "
    "AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.resource = t.parked_on) "
    "AND NOT EXISTS (SELECT 1 FROM reserve r WHERE r.resource = t.parked_on "
    "AND r.task_id <> t.id)"
)
_COUNTERS = text(
    "SELECT c.team, c.level, c.state, c.number, "
    "(SELECT COUNT(*) FROM task t WHERE t.team = c.team AND t.level = c.level "
    "AND t.state = c.state AND t.origin = 'queue') AS actual FROM counter c WHERE c.state > 0"
)


def find_violations(connection: Connection) -> list[str]:
    """Return, in words, each invariant of the queue that does not hold."""
    found = [
        f"hold on {row.resource} belongs to task {row.task_id}, which does not run"
        for row in connection.execute(_LEAKED_HOLDS)
    ]
    found += [
        f"place on {row.resource} is kept for task {row.task_id}, which does not wait"
        for row in connection.execute(_STALE_RESERVES)
    ]
    found += [
        f"tasks are parked on {resource}, which is free, and nothing will wake them"
        for resource in _forgotten(connection)
    ]
    found += [
        f"counter of {row.team} level {row.level} state {row.state} says {row.number}, "
        f"there are {row.actual}"
        for row in connection.execute(_COUNTERS)
        if row.number != row.actual
    ]
    return found


def sweep(connection: Connection, *, now: int) -> list[str]:
    """End what expired, wake what was forgotten, and return what was found broken.

    Full workers do not claim, so that the sweep is what ends tasks behind them.
    """
    expire(connection, now=now)
    found = find_violations(connection)
    wake(connection, set(_forgotten(connection)))
    return found


def _forgotten(connection: Connection) -> list[str]:
    """Resources without a holder on which tasks wait: some other task must explain each."""
    return [
        resource
        for resource in connection.execute(_FORGOTTEN).scalars()
        if not _is_explained(connection, resource)
    ]


_READY_NEEDS = text(
    "SELECT 1 FROM task t JOIN task_machine m ON m.task_id = t.id "
    "WHERE t.state = 3 AND ('machine:' || t.team || '/' || m.machine = :resource "
    "OR 'team:' || t.team = :resource) LIMIT 1"
)


def _is_explained(connection: Connection, resource: str) -> bool:
    return connection.execute(_READY_NEEDS, {"resource": resource}).first() is not None
