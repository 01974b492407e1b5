"""Looks at machines: stored as they come, rolled up, and read with their age.

A look that is older than it may be says nothing: it is neither good health nor bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, text

from rediacc.monitoring.looks import MachineSample
from rediacc.monitoring.retention import SPAN
from rediacc.settings import Settings
from rediacc.settings.monitoring import MonitoringSettings
from rediacc.storage.engine import Database
from rediacc.storage.tables.monitoring import Sample
from rediacc.times import moment
from rediacc.views import MachineHealth

__all__ = ["newest_health", "roll_up_samples", "stale_after", "store_samples"]

_UNSAMPLED_STALE_SECONDS = 120.0
_SETTLED = 10_000_000
_ROWS_AT_ONCE = 500
_INSERT = Sample.__table__.insert()  # type: ignore[attr-defined]
# From one machine's name to the next in the index: as cheap with a day of looks as with one each.
_NEWEST = text(
    "WITH RECURSIVE seen (machine) AS (SELECT MIN(machine) FROM sample WHERE team = :team "
    "UNION ALL SELECT (SELECT MIN(machine) FROM sample WHERE team = :team "
    "AND machine > seen.machine) FROM seen WHERE seen.machine IS NOT NULL) "
    "SELECT s.* FROM seen JOIN sample s ON s.id = (SELECT id FROM sample WHERE team = :team "
    "AND machine = seen.machine ORDER BY at DESC, id DESC LIMIT 1)"
)
_NEWEST_OF = text(
    "SELECT * FROM sample WHERE team = :team AND machine = :machine ORDER BY at DESC LIMIT 1"
)
_COLUMNS = (
    "number, unreachable, cpu_percent, cpu_percent_max, load1, memory_percent, "
    "memory_percent_max, disk_percent_max"
)
_ROLLED = text("SELECT MAX(at) FROM sample_rollup WHERE resolution = :resolution")
_OLDEST = {
    0: text("SELECT MIN(at) FROM sample"),
    **{
        finer: text(f"SELECT MIN(at) FROM sample_rollup WHERE resolution = {finer}")
        for finer in (60, 300)
    },
}
_FROM_SAMPLES = text(
    "SELECT at - at % :span AS start, team, machine, COUNT(*) AS number, "
    "SUM(CASE WHEN is_reachable THEN 0 ELSE 1 END) AS unreachable, "
    "AVG(cpu_percent) AS cpu_percent, MAX(cpu_percent) AS cpu_percent_max, AVG(load1) AS load1, "
    "AVG(memory_percent) AS memory_percent, MAX(memory_percent) AS memory_percent_max, "
    "MAX(disk_percent) AS disk_percent_max "
    "FROM sample WHERE at >= :since AND at < :until GROUP BY start, team, machine"
)
_WEIGHT = "NULLIF(SUM(CASE WHEN {0} IS NULL THEN 0 ELSE number - unreachable END), 0)"
_MEANS = ", ".join(
    f"SUM({name} * (number - unreachable)) / {_WEIGHT.format(name)} AS {name}"
    for name in ("cpu_percent", "load1", "memory_percent")
)
_FROM_ROLLUPS = text(
    "SELECT at - at % :span AS start, team, machine, SUM(number) AS number, "
    f"SUM(unreachable) AS unreachable, {_MEANS}, MAX(cpu_percent_max) AS cpu_percent_max, "
    "MAX(memory_percent_max) AS memory_percent_max, MAX(disk_percent_max) AS disk_percent_max "
    "FROM sample_rollup WHERE resolution = :finer AND at >= :since AND at < :until "
    "GROUP BY start, team, machine"
)
_STORE_ROLLUP = text(
    f"INSERT INTO sample_rollup (resolution, at, team, machine, {_COLUMNS}) VALUES "
    f"(:resolution, :start, :team, :machine, :{_COLUMNS.replace(', ', ', :')}) "
    "ON CONFLICT (resolution, at, team, machine) DO NOTHING"
)


def store_samples(database: Database, samples: Sequence[MachineSample]) -> None:
    """Store `samples`, some hundred in a transaction."""
    rows = [asdict(sample) for sample in samples]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        with database.write() as connection:
            connection.execute(_INSERT, rows[start : start + _ROWS_AT_ONCE])


def stale_after(settings: Settings, team: str) -> float:
    """Return the age in seconds from which a look at a machine of `team` says nothing more.

    Two rounds, so that one that is lost does not make the whole team unknown.
    """
    known = settings.teams.get(team)
    every = known.sample_every_seconds if known is not None else None
    if every is None:
        return _UNSAMPLED_STALE_SECONDS
    return 2 * every + settings.monitoring.timeout_seconds


def newest_health(
    connection: Connection, settings: Settings, team: str, *, now: int, machine: str | None = None
) -> dict[str, MachineHealth]:
    """Return the newest look at each machine of `team` that was ever looked at, or at `machine`."""
    limit = stale_after(settings, team)
    if machine is None:
        rows = connection.execute(_NEWEST, {"team": team}).all()
    else:
        rows = connection.execute(_NEWEST_OF, {"team": team, "machine": machine}).all()
    return {
        row.machine: _health(row, settings.monitoring, stale_seconds=limit, now=now) for row in rows
    }


def roll_up_samples(database: Database, *, now: int) -> int:
    """Sum up every whole span that is not yet; return how many rows were made."""
    made = 0
    for resolution, finer in ((60, 0), (300, 60), (3600, 300)):
        with database.read() as connection:
            rows = _new_rows(connection, resolution, finer, now=now)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            with database.write() as connection:
                connection.execute(_STORE_ROLLUP, rows[start : start + _ROWS_AT_ONCE])
        made += len(rows)
    return made


def _new_rows(
    connection: Connection, resolution: int, finer: int, *, now: int
) -> list[dict[str, Any]]:
    span = SPAN[resolution]
    rolled = connection.execute(_ROLLED, {"resolution": resolution}).scalar_one_or_none()
    oldest = connection.execute(_OLDEST[finer]).scalar_one_or_none()
    if oldest is None:
        return []
    since = oldest - oldest % span if rolled is None else int(rolled) + span
    # The finer spans come first in the same turn, so what they hold is whole.
    end = now - _SETTLED
    values = {"span": span, "since": since, "until": end - end % span, "finer": finer}
    query = _FROM_ROLLUPS if finer else _FROM_SAMPLES
    return [{"resolution": resolution, **row._mapping} for row in connection.execute(query, values)]


def _health(
    row: Row[Any], settings: MonitoringSettings, *, stale_seconds: float, now: int
) -> MachineHealth:
    age = max(0.0, (now - row.at) / 1_000_000)
    values = {name: getattr(row, name) for name in _SHOWN}
    return MachineHealth(
        at=moment(row.at),
        age_seconds=age,
        state=_state(row, settings, is_stale=age > stale_seconds),
        is_reachable=bool(row.is_reachable),
        **values,
    )


_SHOWN = (
    "cpus", "cpu_percent", "load1", "memory_percent", "memory_bytes", "disk_percent", "disk_path",
    "uptime_seconds", "message",
)  # fmt: skip


def _state(row: Row[Any], settings: MonitoringSettings, *, is_stale: bool) -> str:
    if is_stale:
        return "stale"
    if not row.is_reachable:
        return "unreachable"
    limits: Iterable[tuple[float | None, float]] = (
        (row.cpu_percent, settings.cpu_limit),
        (row.memory_percent, settings.memory_limit),
        (row.disk_percent, settings.disk_limit),
    )
    is_over = any(value is not None and value >= limit for value, limit in limits)
    return "overloaded" if is_over else "ok"
