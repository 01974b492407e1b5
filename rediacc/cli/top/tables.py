"""What each panel shows: pure functions from what was read to rows of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rediacc.cli.neutral import one_line
from rediacc.cli.render.words import age, duration, names
from rediacc.values import LEVEL_NAMES, MachineState, PublicState
from rediacc.views import (
    AlertGlance,
    MachineGlance,
    Overview,
    TaskView,
    WaitingTask,
    WorkerView,
)

__all__ = [
    "Grid",
    "Line",
    "alert_grid",
    "machine_grid",
    "queue_grid",
    "running_grid",
    "worker_grid",
]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a panel.

    :param key: what the row is about, the same from one look to the next.
    :param style: a Rich style that only repeats what the words say.
    :param task_id: the task that keys act on; ``None`` where the row is about none.
    """

    key: str
    cells: tuple[str, ...]
    style: str = ""
    task_id: int | None = None
    alert_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The content of one panel.

    :param flexible: which columns give way to others.
    :param empty: what to say when there is no row.
    """

    title: str
    columns: tuple[str, ...]
    flexible: tuple[bool, ...]
    lines: tuple[Line, ...]
    empty: str = "none"
    style: str = ""


def queue_grid(seen: Overview, *, many_teams: bool, is_wide: bool) -> Grid:
    """Return the pending tasks in the order of their start."""
    held = sum(1 for one in seen.queue if one.is_held)
    title = f"QUEUE  {seen.waiting_count} waiting"
    if seen.later_count:
        title += f", {seen.later_count} later"
    if held:
        title += f", {held} held for a person"
    return Grid(
        title=title,
        columns=(
            "ID",
            _level_head(is_wide),
            "AGE",
            *_team_head(many_teams),
            "MACHINES",
            "TASK",
            "WHY IT WAITS",
        ),
        flexible=(False, False, False, *_team_flexible(many_teams), True, True, True),
        lines=tuple(
            _waiting(one, now=seen.at, many_teams=many_teams, is_wide=is_wide) for one in seen.queue
        ),
        empty="nothing waits",
    )


def _waiting(one: WaitingTask, *, now: datetime, many_teams: bool, is_wide: bool) -> Line:
    task = one.task
    why = f"! {one.why}" if one.is_held else one.why
    return Line(
        key=f"task {task.id}",
        cells=_clean(
            str(task.id),
            _level(task.priority, is_wide=is_wide),
            age(task.created_at, now=now),
            *([task.team] if many_teams else []),
            names(task.machines),
            task.title,
            why,
        ),
        style="bold red" if one.is_held else _LEVEL_STYLES.get(task.priority, ""),
        task_id=task.id,
    )


def running_grid(seen: Overview, *, many_teams: bool, is_wide: bool) -> Grid:
    """Return what runs, then what ended last."""
    failed = sum(1 for task in seen.ended if task.state is PublicState.FAILED)
    title = f"RUNNING  {seen.running_count}, then what ended last"
    if failed:
        title += f" ({failed} failed)"
    tasks = (*seen.running, *seen.ended)
    return Grid(
        title=title,
        columns=(
            "ID",
            _level_head(is_wide),
            "STATE",
            "TIME",
            *_team_head(many_teams),
            "MACHINES",
            "TASK",
        ),
        flexible=(False, False, False, False, *_team_flexible(many_teams), True, True),
        lines=tuple(
            _running(task, now=seen.at, many_teams=many_teams, is_wide=is_wide) for task in tasks
        ),
        empty="nothing runs, nothing ran",
    )


def _running(task: TaskView, *, now: datetime, many_teams: bool, is_wide: bool) -> Line:
    is_running = task.state is PublicState.RUNNING
    mark = {PublicState.RUNNING: ">", PublicState.FAILED: "!"}.get(task.state, " ")
    words = task.reason if is_running else task.state.value
    if task.state is PublicState.FAILED and task.reason != "rc":
        words = f"{words}: {task.reason}"
    styles = {PublicState.FAILED: "bold red", PublicState.RUNNING: "green"}
    return Line(
        key=f"task {task.id}",
        cells=_clean(
            str(task.id),
            _level(task.priority, is_wide=is_wide),
            f"{mark} {words}",
            age(task.started_at, now=now) if is_running else duration(task.elapsed_seconds),
            *([task.team] if many_teams else []),
            names(task.machines),
            task.title,
        ),
        style=styles.get(task.state, ""),
        task_id=task.id,
    )


def machine_grid(
    machines: Sequence[MachineGlance], total: int, *, notes: Sequence[str], many_teams: bool
) -> Grid:
    """Return the machines, those that need eyes first.

    :param notes: which inventories could not be read.
    """
    busy = sum(1 for machine in machines if machine.running)
    states = [machine.health.state for machine in machines if machine.health is not None]
    away = states.count("unreachable")
    title = f"MACHINES  {total}, {busy} busy" + (f", {away} unreachable" if away else "")
    title = one_line("  ! ".join((title, *notes)))
    return Grid(
        title=title,
        # Where room is short the last ones give way: never the age beside the numbers.
        columns=("MACHINE", "STATE", "CPU", "MEM", "DISK", "SEEN", "RUNS", *_team_head(many_teams)),
        flexible=(True, *[False] * 6, *_team_flexible(many_teams)),
        lines=tuple(_machine(machine, many_teams=many_teams) for machine in machines),
        empty="no machine",
        style="bold red" if away or notes else "",
    )


def _machine(machine: MachineGlance, *, many_teams: bool) -> Line:
    health = machine.health
    state = machine.state.value
    style = "" if machine.state is MachineState.ONLINE else "yellow"
    percents = ["", "", ""]
    seen = "never"
    if health is not None:
        seen = duration(health.age_seconds) + ("" if health.is_fresh else " old!")
        values = (health.cpu_percent, health.memory_percent, health.disk_percent)
        percents = ["" if value is None else f"{value:.0f}%" for value in values]
        if health.state == "overloaded":
            state, style = "! overloaded", "yellow"
        if health.state == "unreachable":
            state, style = "! unreachable", "bold red"
    return Line(
        key=f"machine {machine.team}/{machine.name}",
        cells=_clean(
            machine.name,
            state,
            *percents,
            seen,
            ",".join(str(task) for task in machine.running[:3]),
            *([machine.team] if many_teams else []),
        ),
        style=style,
        task_id=machine.running[0] if machine.running else None,
    )


def worker_grid(workers: Sequence[WorkerView], *, now: datetime) -> Grid:
    """Return the workers: alive ones, and those that vanished without a word."""
    alive = sum(1 for worker in workers if worker.is_alive)
    return Grid(
        title=f"WORKERS  {alive} alive",
        columns=("WORKER", "STATE", "SLOTS", "BEAT", "UP", "PID"),
        flexible=(True, False, False, False, False, False),
        lines=tuple(
            Line(
                key=f"worker {worker.id}",
                cells=_clean(
                    f"{worker.host} {worker.id[:8]}",
                    worker.state if worker.is_alive else "! gone",
                    f"{len(worker.tasks)}/{worker.slots}+{worker.urgent_slots}",
                    age(worker.beat_at, now=now),
                    age(worker.started_at, now=now),
                    str(worker.pid),
                ),
                style="" if worker.is_alive else "bold red",
            )
            for worker in workers
        ),
        empty="none: start one with rediacc worker",
        style="" if alive else "bold red",
    )


def alert_grid(alerts: Sequence[AlertGlance], total: int, *, now: datetime) -> Grid:
    """Return the alerts that are not resolved."""
    return Grid(
        title=f"ALERTS  {total} open",
        columns=("ALERT", "SEVERITY", "AGE", "COUNT", "WHAT"),
        flexible=(False, False, False, False, True),
        lines=tuple(
            Line(
                key=f"alert {alert.id}",
                cells=_clean(
                    str(alert.id),
                    ("! " if alert.state == "open" else "  ") + alert.severity,
                    age(alert.last_at, now=now),
                    f"{alert.number}x",
                    alert.title + (" (acknowledged)" if alert.state != "open" else ""),
                ),
                style="bold red" if alert.state == "open" and alert.severity in _BAD else "",
                task_id=alert.task_id,
                alert_id=alert.id,
            )
            for alert in alerts
        ),
        empty="no alert is open",
        style="bold red" if total else "",
    )


_BAD = ("critical", "error")
_LEVEL_STYLES = {1: "bold red", 2: "yellow"}


def _level_head(is_wide: bool) -> str:
    return "LEVEL" if is_wide else "L"


def _level(level: int, *, is_wide: bool) -> str:
    return f"{level} {LEVEL_NAMES.get(level, '')}" if is_wide else str(level)


def _clean(*cells: str) -> tuple[str, ...]:
    """Return cells that can steer no terminal, whoever wrote them."""
    return tuple(one_line(cell) for cell in cells)


def _team_head(many_teams: bool) -> tuple[str, ...]:
    return ("TEAM",) if many_teams else ()


def _team_flexible(many_teams: bool) -> tuple[bool, ...]:
    return (False,) if many_teams else ()
