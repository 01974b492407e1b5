"""What ``overview.read`` answers: all that one look at the queue and its fleet needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rediacc.values import MachineState
from rediacc.views.homes import WorkerView
from rediacc.views.monitoring import MachineHealth
from rediacc.views.tasks import LogEntry, TaskView

__all__ = [
    "AlertGlance",
    "LevelDepth",
    "MachineGlance",
    "Overview",
    "WaitingTask",
]


@dataclass(frozen=True, kw_only=True)
class LevelDepth:
    """How many tasks of one level there are.

    :param waiting: could start as soon as a worker and their machines have room.
    :param later: wait for a time, a retry or a person.
    """

    level: int
    waiting: int
    later: int
    running: int


@dataclass(frozen=True, kw_only=True)
class WaitingTask:
    """A pending task and why it waits, in words."""

    task: TaskView
    why: str
    is_held: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineGlance:
    """A machine: whether it takes work, what it runs, how it was when last looked at."""

    name: str
    team: str
    state: MachineState
    running: tuple[int, ...]
    health: MachineHealth | None


@dataclass(frozen=True, kw_only=True)
class AlertGlance:
    """An alert that is not resolved."""

    id: int
    rule: str
    team: str
    severity: str
    state: str
    title: str
    number: int
    last_at: datetime
    task_id: int | None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of a home at one time.

    :param teams: the teams that it is about.
    :param depth: one entry for each level, 1 first.
    :param queue: pending tasks in the order of their start, at most as many as were asked for;
        then those that wait for a time; held ones last.
    :param ended: what ended last, newest first.
    :param machines: those that need eyes first; ``None`` when they were not asked for.
    :param machine_count: how many machines there are in all.
    :param notes: what could not be read, for example a team's inventory.
    :param output: the last pieces of the output that was asked for.
    """

    at: datetime
    teams: tuple[str, ...]
    depth: tuple[LevelDepth, ...]
    queue: tuple[WaitingTask, ...]
    running: tuple[TaskView, ...]
    ended: tuple[TaskView, ...]
    workers: tuple[WorkerView, ...]
    alerts: tuple[AlertGlance, ...]
    alert_count: int
    machines: tuple[MachineGlance, ...] | None
    machine_count: int = 0
    notes: tuple[str, ...] = ()
    output: tuple[LogEntry, ...] = ()

    @property
    def waiting_count(self) -> int:
        """How many tasks wait for a worker or a machine."""
        return sum(level.waiting for level in self.depth)

    @property
    def later_count(self) -> int:
        """How many tasks wait for a time or a person."""
        return sum(level.later for level in self.depth)

    @property
    def running_count(self) -> int:
        """How many tasks run."""
        return sum(level.running for level in self.depth)

    @property
    def is_abandoned(self) -> bool:
        """Whether tasks wait and no worker is alive to run them."""
        return self.waiting_count > 0 and not any(worker.is_alive for worker in self.workers)
