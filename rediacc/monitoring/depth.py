"""The queue as it stands: read from counters and partial indexes, never by counting tasks.

What happened in the last hour comes from the recorded minutes and, for what is not recorded yet,
from the events since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import JSON, Connection, Row, bindparam, text

from rediacc.monitoring.flows import MINUTE, Flow, read_flows, total_flow
from rediacc.monitoring.recording import recorded_until
from rediacc.monitoring.waits import Waits, count_waits, kept_ratio, merge_waits, percentile
from rediacc.queue.rules import QueueRules
from rediacc.queue.workers import count_live
from rediacc.times import moment
from rediacc.values import LEVEL_NAMES
from rediacc.views import DepthRow, LevelWaits, MachineDepth, QueueDepth

__all__ = ["MOST_WAITING_READ", "level_waits", "read_depth", "read_oldest", "recent_flows"]

MOST_WAITING_READ = 5000
_HOUR = 60 * MINUTE
_COUNTERS = text("SELECT team, level, state, number FROM counter WHERE state > 0 AND number > 0")
_OLDEST = text(
    "SELECT id, eligible_at FROM task WHERE team = :team AND level = :level "
    "AND state IN (3, 4) ORDER BY eligible_at LIMIT 1"
)
_MINUTES = text(
    "SELECT at, team, level, arrivals, starts, completions, failures, cancellations, waits "
    "FROM queue_sample WHERE resolution = 60 AND at >= :since AND at < :until AND team <> ''"
).columns(waits=JSON)
# CROSS JOIN keeps SQLite from reading all machines of all tasks in the order of the groups.
_RUNNING_ON = text(
    "SELECT task.team, m.machine, COUNT(*) AS number FROM task CROSS JOIN task_machine m "
    "WHERE m.task_id = task.id AND task.state IN (5, 6, 7) "
    "AND task.team IN :teams GROUP BY task.team, m.machine"
).bindparams(bindparam("teams", expanding=True))
_PARKED_ON = text(
    "SELECT parked_on, COUNT(*) AS number FROM task WHERE state = 4 GROUP BY parked_on"
)
# The first in line: an exact count of a million would take seconds.
_READY_ON = text(
    "SELECT r.team, m.machine, COUNT(*) AS number FROM (SELECT id, team FROM task "
    "WHERE state = 3 ORDER BY level, pass_value, id LIMIT :limit) r "
    "CROSS JOIN task_machine m WHERE m.task_id = r.id GROUP BY r.team, m.machine"
)
_COLUMN_OF = {
    1: "scheduled",
    2: "blocked",
    3: "runnable",
    4: "blocked",
    5: "runnable",
    6: "running",
    7: "running",
    8: "held",
}
_SUMS = (
    "pending", "runnable", "blocked", "scheduled", "held", "running", "arrivals_minute",
    "arrivals_hour", "completions_minute", "completions_hour", "failures_hour",
)  # fmt: skip

_Key = tuple[str, int]


def read_depth(
    connection: Connection,
    *,
    teams: Collection[str],
    rules: QueueRules,
    now: int,
    machines: int = 20,
) -> QueueDepth:
    """Return the queue of `teams` as it stands.

    :param machines: at most so many machines, those with most work first.
    """
    hour, minute = recent_flows(connection, now=now)
    counted = _counted(connection, teams)
    rows = [
        _with_oldest(connection, _with_flows(counted.get(key) or _row(key), hour, minute), now=now)
        for key in sorted({*counted, *(key for key in hour if key[0] in teams)})
    ]
    waits = {
        level: merge_waits(
            flow.waits for (team, at), flow in hour.items() if at == level and team in teams
        )
        for level in LEVEL_NAMES
    }
    listed, number = _machines(connection, teams, rows) if machines else ((), 0)
    return QueueDepth(
        at=moment(now),
        total=_sum(rows),
        levels=tuple(
            replace(_sum(row for row in rows if row.level == level), level=level)
            for level in LEVEL_NAMES
        ),
        teams=tuple(
            replace(_sum(row for row in rows if row.team == team), team=team)
            for team in sorted(teams)
        ),
        rows=tuple(rows),
        machines=tuple(listed[:machines]),
        machines_counted=number,
        waits=level_waits(waits, rules),
        workers_alive=count_live(connection, lease_seconds=rules.lease_seconds, now=now),
    )


def recent_flows(connection: Connection, *, now: int) -> tuple[dict[_Key, Flow], dict[_Key, Flow]]:
    """Return what happened in the last hour and in the last minute, by team and level."""
    since = now - _HOUR
    told_until = max(since, min(recorded_until(connection) or since, now))
    recorded: dict[int, dict[_Key, Flow]] = {}
    # The minute in which the hour begins is not counted: it may not be known in part.
    values = {"since": since, "until": told_until}
    for row in connection.execute(_MINUTES, values):
        recorded.setdefault(row.at, {})[(row.team, row.level)] = Flow(
            arrivals=row.arrivals,
            starts=row.starts,
            completions=row.completions,
            failures=row.failures,
            cancellations=row.cancellations,
            waits=dict(row.waits),
        )
    fresh = read_flows(connection, since=told_until, until=now + MINUTE)
    hour = total_flow(recorded | fresh)
    last = read_flows(connection, since=now - MINUTE, until=now + MINUTE)
    return hour, total_flow(last)


def level_waits(waits: Mapping[int, Waits], rules: QueueRules) -> tuple[LevelWaits, ...]:
    """Return the percentiles of each level's waits, against what the level promises."""
    found = []
    for level in LEVEL_NAMES:
        own = waits.get(level, {})
        promise = rules.level_limits.get(level) or None
        found.append(
            LevelWaits(
                level=level,
                starts=count_waits(own),
                promise_seconds=promise,
                p50_seconds=percentile(own, 0.5),
                p95_seconds=percentile(own, 0.95),
                kept_ratio=None if promise is None else kept_ratio(own, promise),
            )
        )
    return tuple(found)


def read_oldest(connection: Connection, key: _Key) -> Row[Any] | None:
    """Return the number and the due time of the task of a team and level that waits longest."""
    team, level = key
    return connection.execute(_OLDEST, {"team": team, "level": level}).one_or_none()


def _counted(connection: Connection, teams: Collection[str]) -> dict[_Key, DepthRow]:
    rows: dict[_Key, DepthRow] = {}
    for team, level, state, number in connection.execute(_COUNTERS):
        if team not in teams:
            continue
        row = rows.setdefault((team, level), _row((team, level)))
        column = _COLUMN_OF.get(state)
        if column is None:
            continue  # final
        changes = {column: getattr(row, column) + number}
        if column != "running":
            changes["pending"] = row.pending + number
        rows[(team, level)] = replace(row, **changes)
    return rows


def _row(key: _Key) -> DepthRow:
    return DepthRow(team=key[0], level=key[1])


def _with_flows(row: DepthRow, hour: Mapping[_Key, Flow], minute: Mapping[_Key, Flow]) -> DepthRow:
    key = (row.team, row.level)
    long, short = hour.get(key, Flow()), minute.get(key, Flow())
    return replace(
        row,
        arrivals_minute=short.arrivals,
        arrivals_hour=long.arrivals,
        completions_minute=short.completions,
        completions_hour=long.completions,
        failures_hour=long.failures,
    )


def _with_oldest(connection: Connection, row: DepthRow, *, now: int) -> DepthRow:
    if not row.runnable and not row.blocked:
        return row
    found = read_oldest(connection, (row.team, row.level))
    if found is None:
        return row
    age = max(0.0, (now - found.eligible_at) / 1_000_000)
    return replace(row, oldest_seconds=age, oldest_task=found.id)


def _sum(rows: Iterable[DepthRow]) -> DepthRow:
    total = DepthRow()
    for row in rows:
        sums = {name: getattr(total, name) + getattr(row, name) for name in _SUMS}
        total = replace(total, **sums)
        if row.oldest_seconds is not None and row.oldest_seconds > (total.oldest_seconds or -1):
            total = replace(total, oldest_seconds=row.oldest_seconds, oldest_task=row.oldest_task)
    return total


def _machines(
    connection: Connection, teams: Collection[str], rows: Iterable[DepthRow]
) -> tuple[list[MachineDepth], int]:
    """Return the machines by their work, and of how many waiting tasks that was read."""
    running: dict[tuple[str, str], int] = {}
    waiting: dict[tuple[str, str], int] = {}
    for row in connection.execute(_RUNNING_ON, {"teams": list(teams) or [""]}):
        running[(row.team, row.machine)] = row.number
    for row in connection.execute(_PARKED_ON):
        sort, _separator, name = str(row.parked_on).partition(":")
        team, _separator, machine = name.partition("/")
        if sort == "machine" and team in teams:
            waiting[(team, machine)] = row.number
    for row in connection.execute(_READY_ON, {"limit": MOST_WAITING_READ}):
        if row.team in teams:
            key = (row.team, row.machine)
            waiting[key] = waiting.get(key, 0) + row.number
    found = [
        MachineDepth(
            team=team,
            machine=machine,
            running=running.get((team, machine), 0),
            waiting=waiting.get((team, machine), 0),
        )
        for team, machine in {*running, *waiting}
    ]
    found.sort(key=lambda one: (-one.waiting, -one.running, one.team, one.machine))
    ready = sum(row.runnable for row in rows)
    blocked = sum(row.blocked for row in rows)
    return found, min(ready, MOST_WAITING_READ) + blocked
