"""What was, in a period: for reports, screens, and whoever looks back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, Connection, bindparam, text

from rediacc.monitoring.depth import level_waits
from rediacc.monitoring.flows import first_id_since
from rediacc.monitoring.retention import KEPT, SPAN
from rediacc.monitoring.waits import Waits, merge_waits, percentile
from rediacc.queue.rules import QueueRules
from rediacc.times import moment
from rediacc.values import State
from rediacc.views import HealthPoint, History, MachineFailures, QueuePoint, SlowTask

__all__ = ["choose_resolution", "read_history"]

_MOST_POINTS = 400
_HOUR = SPAN[3600]
_QUEUE = (
    text(
        "SELECT * FROM queue_sample WHERE resolution = :resolution AND at >= :since "
        "AND at < :until AND team IN :teams ORDER BY at, team, level"
    )
    .bindparams(bindparam("teams", expanding=True))
    .columns(waits=JSON)
)
_HEALTH = (
    "SELECT * FROM sample_rollup WHERE resolution = :resolution AND at >= :since AND at < :until "
    "AND team IN :teams {0}ORDER BY at, team, machine"
)
_HEALTH_OF_ALL = text(_HEALTH.format("")).bindparams(bindparam("teams", expanding=True))
_HEALTH_OF_ONE = text(_HEALTH.format("AND machine = :machine ")).bindparams(
    bindparam("teams", expanding=True)
)
_FAILURES = text(
    "SELECT result.at - result.at % 3600000000 AS hour, task.team, result.machine, "
    "SUM(CASE WHEN result.outcome = 'failed' THEN 1 ELSE 0 END) AS failed, "
    "SUM(CASE WHEN result.outcome = 'unreachable' THEN 1 ELSE 0 END) AS unreachable, "
    "SUM(CASE WHEN result.outcome = 'timed out' THEN 1 ELSE 0 END) AS timed_out "
    "FROM result JOIN task ON task.id = result.task_id WHERE result.id >= :first "
    "AND result.at >= :since AND result.at < :until "
    "AND result.outcome IN ('failed', 'unreachable', 'timed out') AND task.team IN :teams "
    "AND task.origin = 'queue' "
    "GROUP BY hour, task.team, result.machine ORDER BY hour, task.team, result.machine"
).bindparams(bindparam("teams", expanding=True))
_SLOWEST = text(
    "SELECT id, team, level, title, state, finished_at, finished_at - started_at AS took FROM task "
    "WHERE state >= 20 AND finished_at >= :since AND finished_at < :until "
    "AND started_at IS NOT NULL AND team IN :teams AND origin = 'queue' "
    "ORDER BY took DESC, id LIMIT :limit"
).bindparams(bindparam("teams", expanding=True))
_MACHINES = text("SELECT machine FROM task_machine WHERE task_id = :id ORDER BY position")


def choose_resolution(since: int, until: int, *, now: int) -> int:
    """Return the finest resolution in seconds that is kept for a period and not too many points.

    :param since: microseconds, like `until` and `now`.
    """
    for resolution in (60, 300):
        is_kept = since >= now - KEPT[resolution]
        if is_kept and (until - since) // SPAN[resolution] <= _MOST_POINTS:
            return resolution
    return 3600


def read_history(
    connection: Connection,
    *,
    teams: Collection[str],
    rules: QueueRules,
    since: int,
    until: int,
    resolution: int,
    machine: str | None = None,
    slowest: int = 20,
) -> History:
    """Return what was in `teams` from `since` to before `until` (microseconds).

    Failures and slow tasks are those of tasks that are still in the database.
    """
    named = list(teams) or [""]
    begin = since - since % SPAN[resolution]
    period: dict[str, Any] = {"since": begin, "until": until, "resolution": resolution}
    rows = connection.execute(_QUEUE, period | {"teams": [*teams, ""]}).all()
    waits: dict[int, Waits] = {}
    for row in rows:
        waits[row.level] = merge_waits((waits.get(row.level, {}), row.waits))
    exact: dict[str, Any] = {"since": since, "until": until, "teams": named}
    return History(
        since=moment(since),
        until=moment(until),
        resolution_seconds=resolution,
        recorded=tuple(moment(row.at) for row in rows if not row.team),
        queue=tuple(_queue_point(row) for row in rows if row.team),
        waits=level_waits(waits, rules),
        health=_health(connection, period | {"teams": named}, machine),
        failures=_failures(connection, exact, machine),
        slowest=_slowest(connection, exact | {"limit": slowest}),
    )


def _queue_point(row: Any) -> QueuePoint:
    names = ("team", "level", "pending", "pending_max", "running", "arrivals", "starts",
             "completions", "failures", "cancellations")  # fmt: skip
    return QueuePoint(
        at=moment(row.at),
        p50_seconds=percentile(row.waits, 0.5),
        p95_seconds=percentile(row.waits, 0.95),
        **{name: getattr(row, name) for name in names},
    )


def _health(
    connection: Connection, period: dict[str, Any], machine: str | None
) -> tuple[HealthPoint, ...]:
    query = _HEALTH_OF_ALL if machine is None else _HEALTH_OF_ONE
    values = period if machine is None else period | {"machine": machine}
    names = ("team", "machine", "unreachable", "cpu_percent", "cpu_percent_max", "load1",
             "memory_percent", "memory_percent_max", "disk_percent_max")  # fmt: skip
    return tuple(
        HealthPoint(
            at=moment(row.at), looks=row.number, **{name: getattr(row, name) for name in names}
        )
        for row in connection.execute(query, values)
    )


def _failures(
    connection: Connection, period: dict[str, Any], machine: str | None
) -> tuple[MachineFailures, ...]:
    first = first_id_since(connection, "result", int(period["since"]) - _HOUR)
    if first is None:
        return ()
    return tuple(
        MachineFailures(
            hour=moment(row.hour),
            team=row.team,
            machine=row.machine,
            failed=row.failed,
            unreachable=row.unreachable,
            timed_out=row.timed_out,
        )
        for row in connection.execute(_FAILURES, period | {"first": first})
        if machine in (None, row.machine)
    )


def _slowest(connection: Connection, values: dict[str, Any]) -> tuple[SlowTask, ...]:
    return tuple(
        SlowTask(
            id=row.id,
            team=row.team,
            level=row.level,
            title=row.title,
            state=State(row.state).public.value,
            machines=tuple(connection.execute(_MACHINES, {"id": row.id}).scalars().all()),
            finished_at=moment(row.finished_at),
            elapsed_seconds=row.took / 1_000_000,
        )
        for row in connection.execute(_SLOWEST, values).all()
    )
