"""Writing down the queue minute by minute, and rolling it up.

Every team and level in which something was or happened gets a row for the minute; a row of team
``""`` says that the minute was recorded. Minutes in which no worker lived are made up for from
the events, as far back as minutes are kept. One transaction for some minutes, so that claims are
not kept waiting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Connection, bindparam, text

from rediacc.monitoring.flows import MINUTE, Flow, minute_of, read_flows, total_flow
from rediacc.monitoring.retention import KEPT, SPAN
from rediacc.monitoring.waits import merge_waits
from rediacc.storage.engine import Database
from rediacc.storage.tables.monitoring import QueueSample

__all__ = ["ALL_TIME", "Standing", "read_standing", "record_queue", "recorded_until"]

ALL_TIME = 0
_SETTLED = 5_000_000
_MINUTES_AT_ONCE = 30
_INSERT = QueueSample.__table__.insert()  # type: ignore[attr-defined]
_FIELDS = ("arrivals", "starts", "completions", "failures", "cancellations")
_NOW = text("SELECT team, level, state, number FROM counter WHERE state > 0 AND state < 20")
_FIRST_EVENT = text("SELECT at FROM event ORDER BY id LIMIT 1")
_MARKED = text("SELECT MAX(at) FROM queue_sample WHERE resolution = :resolution AND team = ''")
_ROWS = text(
    "SELECT * FROM queue_sample WHERE resolution = :resolution AND at >= :since AND at < :until"
).columns(waits=JSON)
_TOTAL = text(
    "SELECT * FROM queue_sample WHERE resolution = 0 AND at = 0 AND team = :team AND level = :level"
).columns(waits=JSON)
_ADD = text(
    "UPDATE queue_sample SET arrivals = arrivals + :arrivals, starts = starts + :starts, "
    "completions = completions + :completions, failures = failures + :failures, "
    "cancellations = cancellations + :cancellations, waits = :waits "
    "WHERE resolution = 0 AND at = 0 AND team = :team AND level = :level"
).bindparams(bindparam("waits", type_=JSON))

_Minutes = Mapping[int, Mapping[tuple[str, int], Flow]]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many tasks of a team and level wait and run."""

    pending: int = 0
    running: int = 0


def read_standing(connection: Connection) -> dict[tuple[str, int], Standing]:
    """Return how many tasks wait and run now, by team and level."""
    found: dict[tuple[str, int], Standing] = {}
    for row in connection.execute(_NOW):
        key = (row.team, row.level)
        old = found.get(key, Standing())
        is_running = row.state in (6, 7)
        found[key] = Standing(
            pending=old.pending + (0 if is_running else row.number),
            running=old.running + (row.number if is_running else 0),
        )
    return found


def recorded_until(connection: Connection, resolution: int = 60) -> int | None:
    """Return the end of the last recorded span, in microseconds; ``None`` without any."""
    at = connection.execute(_MARKED, {"resolution": resolution}).scalar_one_or_none()
    return None if at is None else int(at) + SPAN[resolution]


def record_queue(database: Database, *, now: int) -> int:
    """Record every whole minute that is not yet, then roll up; return how many minutes."""
    until = minute_of(now - _SETTLED)
    with database.read() as connection:
        begun = recorded_until(connection)
        since = begun
        if since is None:
            first = connection.execute(_FIRST_EVENT).scalar_one_or_none()
            since = minute_of(until - 1 if first is None else first)
        if since >= until:
            return 0
        flows = read_flows(connection, since=since, until=now + MINUTE)
        standing = read_standing(connection)
    kept_from = max(since, minute_of(until - KEPT[60]))
    early = {minute: place for minute, place in flows.items() if minute < kept_from}
    minutes = range(kept_from, until, MINUTE)
    rows = _rows_of_minutes(minutes, flows, standing)
    for start in range(0, len(minutes), _MINUTES_AT_ONCE):
        some = minutes[start : start + _MINUTES_AT_ONCE]
        counted = {minute: flows[minute] for minute in some if minute in flows}
        with database.write() as connection:
            if recorded_until(connection) != begun:
                return start  # another worker recorded it
            _write(connection, [row for minute in some for row in rows[minute]])
            _add_to_totals(connection, {**early, **counted})
        begun, early = some[-1] + MINUTE, {}
    for resolution, finer in ((300, 60), (3600, 300)):
        _roll_up(database, resolution, finer)
    return len(minutes)


def _rows_of_minutes(
    minutes: Sequence[int],
    flows: _Minutes,
    standing: Mapping[tuple[str, int], Standing],
) -> dict[int, list[dict[str, Any]]]:
    """Return the rows of each minute: from how it stands now back to how it stood then."""
    rows: dict[int, list[dict[str, Any]]] = {}
    later = total_flow({at: place for at, place in flows.items() if at > minutes[-1]})
    keys = {*standing, *(key for place in flows.values() for key in place)}
    ends = {
        key: Standing(
            pending=standing.get(key, Standing()).pending - later.get(key, Flow()).pending_step,
            running=standing.get(key, Standing()).running - later.get(key, Flow()).running_step,
        )
        for key in keys
    }
    for minute in reversed(minutes):
        rows[minute] = [_marker(60, minute)]
        for key in sorted(keys):
            flow, end = flows.get(minute, {}).get(key, Flow()), ends[key]
            before = end.pending - flow.pending_step
            row = {
                "resolution": 60,
                "at": minute,
                "team": key[0],
                "level": key[1],
                "pending": max(0, end.pending),
                "pending_max": max(0, before + flow.pending_high, end.pending),
                "running": max(0, end.running),
                **{name: getattr(flow, name) for name in _FIELDS},
                "waits": flow.waits,
            }
            if _says_something(row):
                rows[minute].append(row)
            ends[key] = Standing(pending=before, running=end.running - flow.running_step)
    return rows


def _says_something(row: Mapping[str, Any]) -> bool:
    return any(row[name] for name in ("pending_max", "running", *_FIELDS))


def _marker(resolution: int, at: int) -> dict[str, Any]:
    zeros = dict.fromkeys(("pending", "pending_max", "running", *_FIELDS), 0)
    return {"resolution": resolution, "at": at, "team": "", "level": 0, **zeros, "waits": {}}


def _write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_INSERT, list(rows))


def _add_to_totals(connection: Connection, minutes: _Minutes) -> None:
    for (team, level), flow in total_flow(minutes).items():
        key = {"team": team, "level": level}
        old = connection.execute(_TOTAL, key).one_or_none()
        if old is None:
            _write(connection, [{**_marker(ALL_TIME, 0), **key}])
        values = {name: getattr(flow, name) for name in _FIELDS}
        waits = merge_waits((old.waits if old is not None else {}, flow.waits))
        connection.execute(_ADD, {**key, **values, "waits": waits})


def _roll_up(database: Database, resolution: int, finer: int) -> None:
    """Sum up the spans of `finer` seconds that make whole spans of `resolution` seconds."""
    span = SPAN[resolution]
    with database.read() as connection:
        end = recorded_until(connection, finer)
        begun = recorded_until(connection, resolution)
        if end is None:
            return
        oldest = end - KEPT[finer]
        since = begun if begun is not None else oldest - oldest % span
        until = end - end % span
        values = {"resolution": finer, "since": max(since, oldest - span), "until": until}
        found = connection.execute(_ROWS, values).all()
    spans: dict[int, list[Any]] = {}
    for row in found:
        spans.setdefault(row.at - row.at % span, []).append(row)
    for at in sorted(at for at in spans if begun is None or at >= begun):
        rows = [_marker(resolution, at), *_summed(resolution, at, spans[at])]
        with database.write() as connection:
            marked = recorded_until(connection, resolution)
            if marked is not None and marked > at:
                return  # another worker did it
            _write(connection, rows)


def _summed(resolution: int, at: int, rows: Iterable[Any]) -> list[dict[str, Any]]:
    by_key: dict[tuple[str, int], list[Any]] = {}
    recorded = 0
    for row in rows:
        if row.team:
            by_key.setdefault((row.team, row.level), []).append(row)
        else:
            recorded += 1
    return [
        {
            "resolution": resolution,
            "at": at,
            "team": team,
            "level": level,
            "pending": round(sum(row.pending for row in some) / max(1, recorded)),
            "pending_max": max(row.pending_max for row in some),
            "running": round(sum(row.running for row in some) / max(1, recorded)),
            **{name: sum(getattr(row, name) for row in some) for name in _FIELDS},
            "waits": merge_waits(row.waits for row in some),
        }
        for (team, level), some in sorted(by_key.items())
    ]
