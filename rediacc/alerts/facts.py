"""What is so now, read from the database; nothing here decides or writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from rediacc.times import seconds

__all__ = [
    "Depth",
    "LateTask",
    "MachineSample",
    "OldSecret",
    "Waiting",
    "late_tasks",
    "machine_samples",
    "old_secrets",
    "oldest_waits",
    "queue_depths",
    "waiting_without_worker",
]

# The counters say whether there is anything to look for: they are a few rows, the queue is long.
_URGENT = text("SELECT SUM(number) FROM counter WHERE level IN (1, 2) AND state IN (1, 3, 4, 5)")
_LATE = text(
    "SELECT id, team, level, title, created_by, eligible_at, reason FROM task "
    "WHERE state IN (1, 3, 4, 5) AND level = :level AND eligible_at <= :before "
    "AND (attempt = 0 OR started_at IS NULL) ORDER BY eligible_at, id LIMIT 500"
)
_LIVE = text("SELECT 1 FROM worker WHERE stopped_at IS NULL AND beat_at > :since LIMIT 1")
_LAST_BEAT = text("SELECT MAX(COALESCE(stopped_at, beat_at)) FROM worker")
_PENDING = text("SELECT SUM(number) FROM counter WHERE state IN (1, 3, 4)")
_WAITING = text(
    "SELECT COUNT(*) AS number, MIN(eligible_at) AS since FROM task "
    "WHERE state IN (1, 3, 4) AND eligible_at <= :now"
)
_DEPTHS = text(
    "SELECT team, SUM(number) AS number FROM counter WHERE state IN (3, 4, 5) GROUP BY team"
)
_OLDEST = text(
    "SELECT team, MIN(eligible_at) AS since, COUNT(*) AS number FROM task "
    "WHERE state IN (3, 4) AND reason NOT IN ('machine in maintenance', 'machine offline') "
    "GROUP BY team"
)
_SAMPLES = text(
    "SELECT s.team, s.machine, s.at, s.is_reachable, s.cpu_percent, s.memory_percent, "
    "s.disk_percent, s.disk_path, s.message FROM sample s JOIN "
    "(SELECT team, machine, MAX(id) AS id FROM sample WHERE at > :since GROUP BY team, machine) n "
    "ON n.id = s.id LEFT JOIN machine m ON m.team = s.team AND m.name = s.machine "
    "WHERE m.state IS NULL OR m.state = 'online' ORDER BY s.team, s.machine"
)
_SECRETS = text(
    "SELECT team, scope, name, set_at, set_by FROM secret_note ORDER BY team, scope, name"
)


@dataclass(frozen=True, kw_only=True)
class LateTask:
    """A task that has not started; `since` is when it could have."""

    id: int
    team: str
    level: int
    title: str
    created_by: str
    since: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How many tasks wait while no worker lives, and since when that is so."""

    number: int
    since: int


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How many tasks of a team wait, or since when its oldest does."""

    team: str
    number: int
    since: int = 0


@dataclass(frozen=True, kw_only=True)
class MachineSample:
    """The newest look at a machine."""

    team: str
    machine: str
    at: int
    is_reachable: bool
    cpu: float | None
    memory: float | None
    disk: float | None
    disk_path: str
    message: str


@dataclass(frozen=True, kw_only=True)
class OldSecret:
    """A secret's name, and when it was set: never its value."""

    team: str
    name: str
    set_at: int
    set_by: str


def late_tasks(connection: Connection, *, level: int, before: int) -> tuple[LateTask, ...]:
    """Return the tasks of a level that could have started at `before` and did not."""
    if not connection.execute(_URGENT).scalar_one():
        return ()
    rows = connection.execute(_LATE, {"level": level, "before": before}).all()
    return tuple(
        LateTask(
            id=row.id,
            team=row.team,
            level=row.level,
            title=row.title,
            created_by=row.created_by,
            since=row.eligible_at,
            reason=row.reason,
        )
        for row in rows
    )


def waiting_without_worker(
    connection: Connection, *, lease_seconds: float, now: int
) -> Waiting | None:
    """Return what waits for a worker; ``None`` while one lives or nothing waits."""
    since = now - seconds(lease_seconds)
    if connection.execute(_LIVE, {"since": since}).first() is not None:
        return None
    if not connection.execute(_PENDING).scalar_one():
        return None
    row = connection.execute(_WAITING, {"now": now}).one()
    if not row.number:
        return None
    gone = connection.execute(_LAST_BEAT).scalar_one_or_none() or 0
    return Waiting(number=row.number, since=max(row.since, gone))


def queue_depths(connection: Connection) -> tuple[Depth, ...]:
    """Return how many tasks of each team wait."""
    rows = connection.execute(_DEPTHS).all()
    return tuple(Depth(team=row.team, number=int(row.number)) for row in rows if row.team)


def oldest_waits(connection: Connection) -> tuple[Depth, ...]:
    """Return since when each team's oldest runnable task waits."""
    rows = connection.execute(_OLDEST).all()
    return tuple(Depth(team=row.team, number=row.number, since=row.since) for row in rows)


def machine_samples(connection: Connection, *, since: int) -> Sequence[MachineSample]:
    """Return the newest sample of each machine that takes work; none that is older than `since`."""
    return [
        MachineSample(
            team=row.team,
            machine=row.machine,
            at=row.at,
            is_reachable=bool(row.is_reachable),
            cpu=row.cpu_percent,
            memory=row.memory_percent,
            disk=row.disk_percent,
            disk_path=row.disk_path or "",
            message=row.message,
        )
        for row in connection.execute(_SAMPLES, {"since": since}).all()
    ]


def old_secrets(connection: Connection) -> tuple[OldSecret, ...]:
    """Return all secrets with their times; which are too old is for the rule to say."""
    return tuple(
        OldSecret(
            team=row.team, name=f"{row.scope}/{row.name}", set_at=row.set_at, set_by=row.set_by
        )
        for row in connection.execute(_SECRETS).all()
    )
