"""What happened to tasks in each minute, read from their events.

Events are written in the transaction of their step, so what they tell is exact, also of minutes
in which nobody watched. Only the events of the span are read: their numbers grow with time, so
the first of them is found by halving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Connection, Row, TextClause, text

from rediacc.monitoring.waits import Waits, add_wait, merge_waits
from rediacc.values import State

__all__ = ["MINUTE", "Flow", "first_id_since", "minute_of", "read_flows", "total_flow"]

MINUTE = 60_000_000
# A transaction waits its turn after it took its time, so numbers and times differ by a little.
_SLACK = 15_000_000
_RUNNING = {int(State.STARTED), int(State.DETACHED), int(State.STOPPING)}
_MANY = 20_000
_IDLE = "'claimed', 'parked', 'unparked', 'due', 'updated', 'stale write'"
_STEPS = (
    "SELECT e.at, e.name, e.state, t.team, t.level, "
    "CASE WHEN e.name = 'started' THEN e.detail END AS detail, "
    "(SELECT p.state FROM event p WHERE p.task_id = e.task_id AND p.id < e.id "
    "ORDER BY p.id DESC LIMIT 1) AS before "
    "FROM event e JOIN task t ON t.id = e.task_id WHERE e.id >= :first "
    "AND e.at >= :since AND e.at < :until AND e.name NOT IN ({0}) ORDER BY e.id"
)
_EVENTS = text(_STEPS.format(_IDLE)).columns(detail=JSON)
_LATER_EVENTS = text(_STEPS.format(f"{_IDLE}, 'created'")).columns(detail=JSON)
_CREATED = text(
    "SELECT e.at - e.at % 60000000 AS minute, t.team, t.level, COUNT(*) AS number "
    "FROM event e JOIN task t ON t.id = e.task_id WHERE e.id >= :first AND e.at >= :since "
    "AND e.at < :until AND e.name = 'created' GROUP BY minute, t.team, t.level"
)
_TABLES = ("event", "result")
_ENDS = {name: text(f"SELECT MIN(id), MAX(id) FROM {name}") for name in _TABLES}
_NEXT = {
    name: text(f"SELECT id, at FROM {name} WHERE id >= :id ORDER BY id LIMIT 1") for name in _TABLES
}


@dataclass(kw_only=True)
class Flow:
    """What happened to the tasks of one team and level in one span of time.

    :param pending_step: how much the number of pending tasks changed; `running_step` likewise.
    :param pending_high: the most that `pending_step` was above its beginning on the way.
    """

    arrivals: int = 0
    starts: int = 0
    completions: int = 0
    failures: int = 0
    cancellations: int = 0
    pending_step: int = 0
    pending_high: int = 0
    running_step: int = 0
    waits: Waits = field(default_factory=dict)


def minute_of(at: int) -> int:
    """Return the start of the minute that holds `at`, both in microseconds."""
    return at - at % MINUTE


def read_flows(
    connection: Connection, *, since: int, until: int
) -> dict[int, dict[tuple[str, int], Flow]]:
    """Return what happened from `since` to before `until` (microseconds).

    Where very much did, tasks count as created at the beginning of their minute, so that the most
    that waited in it may be told too high.

    :return: the start of each minute in which anything did → (team, level) → what.
    """
    first = first_id_since(connection, "event", since - _SLACK)
    flows: dict[int, dict[tuple[str, int], Flow]] = {}
    if first is None:
        return flows
    _low, last = connection.execute(_ENDS["event"]).one()
    span = {"first": first, "since": since, "until": until}
    is_much = int(last) - first > _MANY
    if is_much:
        for row in connection.execute(_CREATED, span):
            place = flows.setdefault(row.minute, {})
            place[(row.team, row.level)] = Flow(
                arrivals=row.number, pending_step=row.number, pending_high=row.number
            )
    for row in connection.execute(_LATER_EVENTS if is_much else _EVENTS, span):
        place = flows.setdefault(minute_of(row.at), {})
        _count(place.setdefault((row.team, row.level), Flow()), row)
    return flows


def total_flow(flows: Mapping[int, Mapping[tuple[str, int], Flow]]) -> dict[tuple[str, int], Flow]:
    """Return the sums over all minutes, for each team and level."""
    totals: dict[tuple[str, int], Flow] = {}
    for minute in sorted(flows):
        for key, flow in flows[minute].items():
            total = totals.setdefault(key, Flow())
            total.pending_high = max(total.pending_high, total.pending_step + flow.pending_high)
            for name in ("arrivals", "starts", "completions", "failures", "cancellations"):
                setattr(total, name, getattr(total, name) + getattr(flow, name))
            total.pending_step += flow.pending_step
            total.running_step += flow.running_step
            total.waits = merge_waits((total.waits, flow.waits))
    return totals


def first_id_since(connection: Connection, table: str, at: int) -> int | None:
    """Return a number in ``event`` or ``result`` from which on rows are of `at` or later.

    ``None`` where there is no row so late.
    """
    low, high = connection.execute(_ENDS[table]).one()
    if low is None:
        return None
    after = int(high) + 1
    found = _row(connection, _NEXT[table], high)
    if found is None or found.at < at:
        return None
    first, high = int(low), after
    while first < high:
        middle = (first + high) // 2
        row = _row(connection, _NEXT[table], middle)
        if row is None or row.at >= at:
            high = middle
        else:
            first = int(row.id) + 1
    return first


def _row(connection: Connection, query: TextClause, number: int) -> Row[Any] | None:
    return connection.execute(query, {"id": number}).one_or_none()


def _count(flow: Flow, row: Row[Any]) -> None:
    before, after = _sort(row.before), _sort(row.state)
    if before == "" and after != "":
        flow.arrivals += 1
    if row.name == "started":
        flow.starts += 1
        add_wait(flow.waits, float((row.detail or {}).get("waited_seconds", 0.0)))
    if after == "" and before != "":
        flow.completions += 1
        flow.failures += row.state == int(State.FAILED)
        flow.cancellations += row.state == int(State.CANCELLED)
    flow.pending_step += (after == "pending") - (before == "pending")
    flow.pending_high = max(flow.pending_high, flow.pending_step)
    flow.running_step += (after == "running") - (before == "running")


def _sort(state: int | None) -> str:
    """Return ``pending``, ``running``, or nothing for a task that is not there or final."""
    if state is None or State(state).is_final:
        return ""
    return "running" if state in _RUNNING else "pending"
