"""The words of rediacc as frozen values: what crosses from one floor to another.

Times are timezone-aware UTC datetimes; durations end in ``_seconds``. Requests and answers are
plain values, so that they can travel over a socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

__all__ = [
    "DEFAULT_LEVEL",
    "LEVEL_NAMES",
    "AnsibleOptions",
    "AttemptView",
    "Caller",
    "Created",
    "EventView",
    "ExtraVariables",
    "FailureClass",
    "HostKey",
    "InitReport",
    "InitRequest",
    "Kind",
    "LogEntry",
    "LogPage",
    "MachineCreate",
    "MachineOutcome",
    "MachineResult",
    "MachineState",
    "MachineView",
    "OnLost",
    "PolicyView",
    "PublicState",
    "Reason",
    "ResultView",
    "RetryPolicy",
    "State",
    "TaskDetail",
    "TaskFilter",
    "TaskRequest",
    "TaskView",
    "TeamCreate",
    "TeamView",
    "WorkerView",
]

DEFAULT_LEVEL = 3
LEVEL_NAMES = {1: "critical", 2: "high", 3: "normal", 4: "low", 5: "minimal"}


class Kind(StrEnum):
    """What a task runs."""

    COMMAND = "command"
    SHELL = "shell"
    MODULE = "module"
    PLAYBOOK = "playbook"


class State(IntEnum):
    """The fine states of the queue; :mod:`rediacc.queue.states` owns the allowed transitions."""

    SCHEDULED = 1
    WAITING = 2
    READY = 3
    PARKED = 4
    CLAIMED = 5
    STARTED = 6
    DETACHED = 7
    HELD = 8
    SUCCEEDED = 20
    FAILED = 21
    CANCELLED = 22

    @property
    def is_final(self) -> bool:
        return self >= State.SUCCEEDED

    @property
    def public(self) -> PublicState:
        return _PUBLIC[self]


class PublicState(StrEnum):
    """The five states that people see."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_PUBLIC = {
    State.SCHEDULED: PublicState.PENDING,
    State.WAITING: PublicState.PENDING,
    State.READY: PublicState.PENDING,
    State.PARKED: PublicState.PENDING,
    State.CLAIMED: PublicState.PENDING,
    State.STARTED: PublicState.RUNNING,
    State.DETACHED: PublicState.RUNNING,
    State.HELD: PublicState.PENDING,
    State.SUCCEEDED: PublicState.SUCCEEDED,
    State.FAILED: PublicState.FAILED,
    State.CANCELLED: PublicState.CANCELLED,
}


class Reason(StrEnum):
    """Why a task is in its state."""

    # pending
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RETRY = "retry"
    BUSY_MACHINE = "busy machine"
    MAINTENANCE = "machine in maintenance"
    OFFLINE = "machine offline"
    TEAM_LIMIT = "team limit"
    STARTING = "starting"
    HELD_LOST = "held: lost"
    # running
    RUNNING = "running"
    CANCELLING = "cancelling"
    # final
    DONE = "done"
    RC = "rc"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    AUTH = "auth"
    CONFIG = "config"
    TARGETS_CHANGED = "targets changed"
    REVISION = "revision"
    LOST = "lost"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CANCELLED_UNCONFIRMED = "cancelled, not confirmed"
    TIMED_OUT_UNCONFIRMED = "timed out, not confirmed"
    INTERNAL = "internal"


class FailureClass(StrEnum):
    """What a retry policy can name in ``retryOn``; ``syntax`` and ``auth`` only when named."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    SYNTAX = "syntax"
    AUTH = "auth"


class OnLost(StrEnum):
    """What becomes of a started run whose end nobody saw."""

    HOLD = "hold"
    RETRY = "retry"
    FAIL = "fail"


class MachineState(StrEnum):
    """Whether a machine takes work."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"


class MachineOutcome(StrEnum):
    """How one machine fared in one attempt."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_success(self) -> bool:
        return self in (MachineOutcome.OK, MachineOutcome.CHANGED, MachineOutcome.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, as the channel proves it: never a name that the request carries.

    :param name: the account's name.
    :param uid: the account's number on this host.
    :param channel: ``cli``, ``worker``, ``socket``, ``plugin``.
    """

    name: str
    uid: int
    channel: str = "cli"


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a task is tried again and what happens when it finally fails.

    :param retry_count: retries after the first attempt (3: at most 4 attempts).
    :param retry_delay_seconds: pause before the first retry.
    :param backoff: factor on the pause for each further retry.
    :param max_delay_seconds: upper limit of the pause; ``None`` for none.
    :param jitter: share of the pause (0 to 1) that is drawn at random and added.
    :param retry_on: which failures are tried again.
    :param failure_action: ``alert``, ``none``, ``lower`` or ``run:<named task>``.
    :param on_lost: what becomes of a started run whose end nobody saw.
    """

    retry_count: int = 0
    retry_delay_seconds: float = 30.0
    backoff: float = 1.0
    max_delay_seconds: float | None = None
    jitter: float = 0.0
    retry_on: tuple[FailureClass, ...] = (
        FailureClass.FAILED,
        FailureClass.UNREACHABLE,
        FailureClass.TIMED_OUT,
    )
    failure_action: str = "alert"
    on_lost: OnLost = OnLost.HOLD


@dataclass(frozen=True, kw_only=True)
class PolicyView:
    """A retry policy and, for each of its fields by its JSON name, where the value came from."""

    policy: RetryPolicy
    origins: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ExtraVariables:
    """One ``-e`` in the order given: values, or a vaulted file that is read where the task runs."""

    values: Mapping[str, Any] | None = None
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class AnsibleOptions:
    """Ansible's own options, under Ansible's own names. ``None`` leaves Ansible's setting alone."""

    forks: int | None = None
    become: bool = False
    become_user: str | None = None
    become_method: str | None = None
    check: bool = False
    diff: bool = False
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at_task: str | None = None
    verbosity: int = 0
    remote_user: str | None = None
    chdir: str | None = None
    template: bool = False
    extra_vars: tuple[ExtraVariables, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """What ``task.create`` takes. Exactly one of kind (with its text) and ``named`` is given.

    :param machines: machine names or host patterns, as given with ``--machine``.
    :param text: the command, shell line, module name or playbook, byte for byte.
    :param module_args: the module's arguments; ``_raw_params`` for free-form modules.
    :param named: a named task; ``variables`` are then its typed variables.
    :param retry: the retry policy's JSON object as given, unchecked.
    :param priority: 1 to 5; ``None`` takes the named task's or the default.
    """

    team: str | None = None
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    all_machines: bool = False
    limit: str | None = None
    kind: Kind | None = None
    text: str | None = None
    module_args: Mapping[str, Any] = field(default_factory=dict)
    named: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    options: AnsibleOptions = field(default_factory=AnsibleOptions)
    priority: int | None = None
    timeout_seconds: float | None = None
    not_before: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)
    exclusive: bool = False
    on_lost: OnLost | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineResult:
    """What one machine did in one attempt; for a playbook, its last word and its counts.

    :param stdout: the command's output, head and tail with a mark between when it was cut.
    :param stdout_bytes: how much the command wrote in all, before any cut.
    :param result: the module's own result (module tasks), masked.
    :param counts: Ansible's ``ok``, ``changed``, ``failed`` … per machine (playbooks).
    """

    machine: str
    outcome: MachineOutcome
    rc: int | None = None
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    truncated: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: FailureClass | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    delegated_to: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """One task as a list shows it."""

    id: int
    uid: str
    team: str
    priority: int
    state: PublicState
    reason: str
    kind: Kind
    title: str
    named: str | None
    machines: tuple[str, ...]
    labels: Mapping[str, str]
    attempt: int
    retries_left: int
    created_by: str
    created_at: datetime
    eligible_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    rc: int | None
    queue_seconds: float | None
    elapsed_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class ResultView:
    """A machine's result with the attempt that it belongs to."""

    attempt: int
    result: MachineResult


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One try at a task."""

    number: int
    epoch: int
    worker: str
    run_id: str | None
    machines: tuple[str, ...]
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class EventView:
    """One step in a task's life."""

    at: datetime
    name: str
    state: str
    reason: str
    actor: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TaskDetail:
    """Everything about one task."""

    task: TaskView
    text: str
    options: AnsibleOptions
    module_args: Mapping[str, Any]
    variables: Mapping[str, Any]
    timeout_seconds: float | None
    exclusive: bool
    idempotency_key: str | None
    revision: str | None
    policy: PolicyView
    attempts: tuple[AttemptView, ...]
    results: tuple[ResultView, ...]
    timeline: tuple[EventView, ...]
    waits: tuple[str, ...]
    message: str


@dataclass(frozen=True, kw_only=True)
class Created:
    """The answer of ``task.create``: the task, whether it is new, and what happens next.

    :param is_new: false when an idempotency key or a ``taskId`` named a task that exists.
    :param ahead: how many pending tasks stand before it in the queue.
    :param workers_alive: workers that could take it now.
    :param notes: lines for the person who asked, for example plays that match no machine now.
    """

    task: TaskView
    is_new: bool
    ahead: int
    workers_alive: int
    policy: PolicyView
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks to list; empty fields do not filter. The filter holds before the limit."""

    states: tuple[PublicState, ...] = ()
    team: str | None = None
    priority: int | None = None
    machine: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    created_by: str | None = None
    named: str | None = None
    limit: int = 50
    queue_order: bool = False


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One piece of a task's output.

    :param machine: empty for Ansible's own output of a playbook.
    :param stream: ``stdout``, ``stderr``, ``ansible`` or ``status``.
    """

    cursor: int
    attempt: int
    at: datetime
    machine: str
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """The next pieces of output and how the task stands after them.

    :param waits: why the task waits, in words, while it is pending.
    """

    task: TaskView
    entries: tuple[LogEntry, ...]
    cursor: int
    is_final: bool
    waits: tuple[str, ...] = ()
    is_held: bool = False


@dataclass(frozen=True, kw_only=True)
class TeamView:
    """A team and where its inventory lies; `error` says why that cannot be read."""

    name: str
    inventory: str
    is_managed: bool
    ssh: str
    machine_count: int
    group_count: int
    weight: int = 1
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class MachineView:
    """A machine of a team."""

    name: str
    team: str
    state: MachineState
    address: str
    user: str
    port: int | None
    groups: tuple[str, ...]
    running: tuple[int, ...] = ()
    pending_count: int = 0
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WorkerView:
    """A worker process as its heartbeat shows it."""

    id: str
    host: str
    pid: int
    state: str
    slots: int
    urgent_slots: int
    started_at: datetime
    beat_at: datetime
    is_alive: bool
    tasks: tuple[int, ...]
    version: str


@dataclass(frozen=True, kw_only=True)
class TeamCreate:
    """``team.create``: a team that rediacc keeps, or one over an inventory that exists."""

    name: str
    inventory: str | None = None


@dataclass(frozen=True, kw_only=True)
class MachineCreate:
    """``machine.create``."""

    name: str
    team: str
    host: str | None = None
    user: str | None = None
    port: int | None = None
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A host key as a machine showed it.

    :param status: ``known``, ``unknown``, ``changed`` or ``unreachable``.
    :param line: the line for known_hosts; empty when unreachable.
    """

    machine: str
    team: str
    address: str
    port: int
    key_type: str
    fingerprint: str
    status: str
    line: str


@dataclass(frozen=True, kw_only=True)
class InitRequest:
    """``home.init``: `teams` maps team names to inventory paths; empty proposes them."""

    directory: str
    teams: Mapping[str, str] = field(default_factory=dict)
    launcher: bool = False


@dataclass(frozen=True, kw_only=True)
class InitReport:
    """What ``home.init`` did.

    :param teams: name, inventory path, number of machines.
    :param written: files added, relative to the home.
    :param unknown_keys: machines whose host key nobody recorded; ``None`` when not looked at.
    """

    home: str
    teams: tuple[tuple[str, str, int], ...]
    written: tuple[str, ...]
    ansible: str
    unknown_keys: int | None = None
    notes: tuple[str, ...] = ()
