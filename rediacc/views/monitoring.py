"""What operations on health, depth, waits and history answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "DepthRow",
    "HealthPoint",
    "History",
    "LevelWaits",
    "MachineDepth",
    "MachineFailures",
    "MachineHealth",
    "MetricsText",
    "Placement",
    "QueueDepth",
    "QueuePoint",
    "SlowTask",
]


@dataclass(frozen=True, kw_only=True)
class MachineHealth:
    """The newest look at a machine. Percentages are of the whole machine.

    :param state: ``ok``, ``overloaded``, ``unreachable``, or ``stale``: too old to say anything.
    :param age_seconds: how old it was when this was read.
    :param disk_percent: of the fullest real file system, which `disk_path` names.
    :param message: why numbers are missing.
    """

    at: datetime
    age_seconds: float
    state: str
    is_reachable: bool
    cpus: int | None = None
    cpu_percent: float | None = None
    load1: float | None = None
    memory_percent: float | None = None
    memory_bytes: int | None = None
    disk_percent: float | None = None
    disk_path: str | None = None
    uptime_seconds: float | None = None
    message: str = ""

    @property
    def is_fresh(self) -> bool:
        return self.state != "stale"


@dataclass(frozen=True, kw_only=True)
class DepthRow:
    """How deep the queue is in one team and level, in one of them, or in all.

    :param team: empty for all teams together.
    :param level: 0 for all levels together.
    :param pending: all that is not running and not final: the sum of the next four.
    :param runnable: waits for nothing but its turn and a free slot.
    :param blocked: waits for a machine or for the team's limit.
    :param scheduled: not due yet: its time, or the pause before a retry.
    :param held: waits for a person's decision.
    :param oldest_seconds: since when the oldest runnable or blocked task waits.
    :param arrivals_hour: tasks that entered the queue in the last hour.
    :param completions_hour: tasks that became final, of which `failures_hour` failed.
    """

    team: str = ""
    level: int = 0
    pending: int = 0
    runnable: int = 0
    blocked: int = 0
    scheduled: int = 0
    held: int = 0
    running: int = 0
    oldest_seconds: float | None = None
    oldest_task: int | None = None
    arrivals_minute: int = 0
    arrivals_hour: int = 0
    completions_minute: int = 0
    completions_hour: int = 0
    failures_hour: int = 0


@dataclass(frozen=True, kw_only=True)
class MachineDepth:
    """What a machine runs and what waits for it."""

    team: str
    machine: str
    running: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class LevelWaits:
    """How long starts of a level waited, against what the level promises.

    :param promise_seconds: within which a task starts that nothing blocks; ``None`` for none.
    :param p50_seconds: half of the starts waited no longer; ``None`` without any start.
    :param kept_ratio: the share of starts within the promise, 0 to 1.
    """

    level: int
    starts: int
    promise_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    kept_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class QueueDepth:
    """The queue as it stands.

    :param rows: one for each team and level that has or had any task.
    :param levels: the same for each level over all teams that the caller sees; `teams` likewise.
    :param machines: those with most work first.
    :param machines_counted: of how many waiting tasks the machines were read; fewer than wait
        when more wait than are read.
    :param waits: over the last hour.
    """

    at: datetime
    total: DepthRow
    levels: tuple[DepthRow, ...]
    teams: tuple[DepthRow, ...]
    rows: tuple[DepthRow, ...]
    machines: tuple[MachineDepth, ...]
    machines_counted: int
    waits: tuple[LevelWaits, ...]
    workers_alive: int


@dataclass(frozen=True, kw_only=True)
class QueuePoint:
    """One team and level in one span of time. `pending` and `running` are averages over it."""

    at: datetime
    team: str
    level: int
    pending: int
    pending_max: int
    running: int
    arrivals: int
    starts: int
    completions: int
    failures: int
    cancellations: int
    p50_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class HealthPoint:
    """A machine in one span of time; values are averages, `_max` the highest in it.

    :param looks: how many samples; of `unreachable` ones there are no values.
    """

    at: datetime
    team: str
    machine: str
    looks: int
    unreachable: int
    cpu_percent: float | None
    cpu_percent_max: float | None
    load1: float | None
    memory_percent: float | None
    memory_percent_max: float | None
    disk_percent_max: float | None


@dataclass(frozen=True, kw_only=True)
class MachineFailures:
    """What went wrong on a machine in one hour."""

    hour: datetime
    team: str
    machine: str
    failed: int
    unreachable: int
    timed_out: int


@dataclass(frozen=True, kw_only=True)
class SlowTask:
    """A finished task that took long, from its first start to its end."""

    id: int
    team: str
    level: int
    title: str
    state: str
    machines: tuple[str, ...]
    finished_at: datetime
    elapsed_seconds: float


@dataclass(frozen=True, kw_only=True)
class History:
    """What was, in a period.

    :param resolution_seconds: the spans of `queue` and `health`: 60, 300 or 3600.
    :param recorded: the starts of the spans in which a worker recorded the queue. A span that is
        not among them is unknown; in one that is, a team and level without a point had nothing.
    :param waits: over the whole period.
    """

    since: datetime
    until: datetime
    resolution_seconds: int
    recorded: tuple[datetime, ...]
    queue: tuple[QueuePoint, ...]
    waits: tuple[LevelWaits, ...]
    health: tuple[HealthPoint, ...]
    failures: tuple[MachineFailures, ...]
    slowest: tuple[SlowTask, ...]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What ``--any`` thought of one machine.

    :param work: its running and pending tasks.
    :param reason: why it was chosen, not needed, or skipped.
    """

    machine: str
    is_chosen: bool
    work: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class MetricsText:
    """All metrics in Prometheus's text format."""

    text: str
