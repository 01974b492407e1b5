"""Health, depth and waits as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rediacc.cli.render.table import Column, table_lines
from rediacc.cli.render.words import clock, count, duration
from rediacc.values import LEVEL_NAMES
from rediacc.views import DepthRow, LevelWaits, MachineHealth, MachineView, Placement, QueueDepth

__all__ = ["HEALTH_COLUMNS", "depth_lines", "health_pairs", "placement_lines", "sampling_words"]


def _shown(machine: MachineView) -> MachineHealth | None:
    return machine.health


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}%"


def _size(value: int | None) -> str:
    return "" if value is None else f"{value / 2**30:.1f}GiB"


def _cell(name: str, machine: MachineView) -> str:
    health = _shown(machine)
    if health is None:
        return "never" if name == "health" else ""
    texts = {
        "health": health.state,
        "cpu": _percent(health.cpu_percent),
        "load": "" if health.load1 is None else f"{health.load1:.2f}",
        "cpus": "" if health.cpus is None else str(health.cpus),
        "memory": _percent(health.memory_percent),
        "memory_size": _size(health.memory_bytes),
        "disk": _percent(health.disk_percent),
        "disk_path": health.disk_path or "",
        "uptime": duration(health.uptime_seconds),
        "age": duration(health.age_seconds),
        "sampled_at": clock(health.at),
        "message": health.message,
    }
    return texts[name]


def _key(name: str, machine: MachineView) -> object:
    health = _shown(machine)
    fields = {
        "cpu": "cpu_percent",
        "load": "load1",
        "cpus": "cpus",
        "memory": "memory_percent",
        "memory_size": "memory_bytes",
        "disk": "disk_percent",
        "uptime": "uptime_seconds",
        "age": "age_seconds",
    }
    if name not in fields:
        return _cell(name, machine)
    return None if health is None else getattr(health, fields[name])


def _column(name: str, *, is_wide: bool = False) -> Column:
    return Column(
        name,
        lambda machine: _cell(name, machine),
        is_wide=is_wide,
        key=lambda machine: _key(name, machine),
    )


# The age of a look stands with it always: numbers of unknown age mislead.
HEALTH_COLUMNS = (
    Column("name", lambda machine: machine.name),
    Column("team", lambda machine: machine.team),
    Column("state", lambda machine: machine.state.value),
    *(_column(name) for name in ("health", "cpu", "load", "memory", "disk", "uptime", "age")),
    Column("running", lambda machine: ",".join(str(task) for task in machine.running)),
    Column(
        "pending_count",
        lambda machine: str(machine.pending_count),
        key=lambda machine: machine.pending_count,
    ),
    *(_column(name, is_wide=True) for name in ("cpus", "memory_size", "disk_path", "sampled_at")),
    _column("message"),
)


def health_pairs(health: MachineHealth | None) -> Iterator[tuple[str, str]]:
    """Yield a machine's newest look as names and texts."""
    if health is None:
        yield "health", "never sampled"
        return
    yield "health", f"{health.state}, as of {duration(health.age_seconds)} ago"
    if health.message:
        yield "", health.message
    yield "cpu", _of(health.cpu_percent, count(health.cpus or 1, "processor"))
    yield "load", "" if health.load1 is None else f"{health.load1:.2f}"
    yield "memory", _of(health.memory_percent, _size(health.memory_bytes))
    yield "disk", _of(health.disk_percent, health.disk_path or "")
    yield "uptime", duration(health.uptime_seconds)


def sampling_words(every_seconds: float | None) -> str:
    """Return how often machines are sampled, and how to have it where they are not."""
    if every_seconds is None:
        return "never: sample_every = 60 in the team's table of rediacc.toml"
    return f"every {duration(every_seconds)}, while a worker runs"


def _of(percent: float | None, whole: str) -> str:
    return "" if percent is None else f"{_percent(percent)} of {whole}"


def depth_lines(depth: QueueDepth) -> Iterator[str]:
    """Yield the queue as it stands: by level, by team, by machine."""
    waits = {one.level: one for one in depth.waits}
    levels = [(f"{row.level} {LEVEL_NAMES[row.level]}", row) for row in depth.levels]
    yield from _table("LEVEL", [*levels, ("all", depth.total)])
    if len(depth.teams) > 1:
        yield ""
        yield from _table("TEAM", [(row.team, row) for row in depth.teams])
    yield ""
    yield "WAITS OF THE LAST HOUR"
    yield from (f"  {line}" for line in _wait_table(waits.values()))
    if depth.machines:
        yield ""
        yield from _machine_table(depth)
    yield ""
    yield f"workers alive: {depth.workers_alive}"


def placement_lines(placement: Iterable[Placement]) -> list[str]:
    """Return what ``--any`` thought of each machine."""
    cells = [[one.machine, "yes" if one.is_chosen else "no", one.reason] for one in placement]
    return table_lines(cells, ["MACHINE", "CHOSEN", "WHY"])


_DEPTH = (
    ("PENDING", "pending"),
    ("RUNNABLE", "runnable"),
    ("BLOCKED", "blocked"),
    ("SCHEDULED", "scheduled"),
    ("HELD", "held"),
    ("RUNNING", "running"),
    ("IN/MIN", "arrivals_minute"),
    ("IN/HOUR", "arrivals_hour"),
    ("OUT/MIN", "completions_minute"),
    ("OUT/HOUR", "completions_hour"),
    ("FAILED/HOUR", "failures_hour"),
)


def _table(title: str, rows: Sequence[tuple[str, DepthRow]]) -> list[str]:
    cells = [
        [
            name.replace(" ", "-"),
            *(str(getattr(row, field)) for _rest, field in _DEPTH),
            duration(row.oldest_seconds),
        ]
        for name, row in rows
    ]
    return table_lines(cells, [title, *(header for header, _rest in _DEPTH), "OLDEST"])


def _wait_table(waits: Iterable[LevelWaits]) -> list[str]:
    cells = [
        [
            f"{one.level}-{LEVEL_NAMES[one.level]}",
            str(one.starts),
            duration(one.p50_seconds),
            duration(one.p95_seconds),
            duration(one.promise_seconds) or "none",
            "" if one.kept_ratio is None else f"{100 * one.kept_ratio:.0f}%",
        ]
        for one in waits
    ]
    return table_lines(cells, ["LEVEL", "STARTS", "P50", "P95", "PROMISE", "KEPT"])


def _machine_table(depth: QueueDepth) -> Iterator[str]:
    cells = [[one.machine, one.team, str(one.running), str(one.waiting)] for one in depth.machines]
    yield from table_lines(cells, ["MACHINE", "TEAM", "RUNNING", "WAITING"])
    waiting = depth.total.runnable + depth.total.blocked
    if depth.machines_counted < waiting:
        yield f"(read of {depth.machines_counted} of the {waiting} tasks that wait)"
