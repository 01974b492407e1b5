"""The words of rediacc: kinds, states, reasons, outcomes, policies, options.

Times are timezone-aware UTC datetimes; durations end in ``_seconds``.
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
    "Caller",
    "ExtraVariables",
    "FailureClass",
    "Kind",
    "MachineOutcome",
    "MachineResult",
    "MachineState",
    "OnLost",
    "Origin",
    "Permission",
    "PolicyView",
    "Proof",
    "PublicState",
    "Reason",
    "RetryPolicy",
    "Scope",
    "SecretScope",
    "State",
    "Step",
    "StepStatus",
]

DEFAULT_LEVEL = 3
LEVEL_NAMES = {1: "critical", 2: "high", 3: "normal", 4: "low", 5: "minimal"}


class Kind(StrEnum):
    """What a task runs."""

    COMMAND = "command"
    SHELL = "shell"
    MODULE = "module"
    PLAYBOOK = "playbook"

    @property
    def becomes_itself(self) -> bool:
        """Whether it may become another user though the task did not ask: by plays of its own."""
        return self not in (Kind.COMMAND, Kind.SHELL)


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
    STOPPING = 9
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

    @property
    def sentence(self) -> str:
        """The state as what a sentence says of a task: ``is running``, ``has failed``."""
        verb = {"pending": "is", "running": "is", "cancelled": "was"}.get(self.value, "has")
        return f"{verb} {self.value}"


_PUBLIC = {
    State.SCHEDULED: PublicState.PENDING,
    State.WAITING: PublicState.PENDING,
    State.READY: PublicState.PENDING,
    State.PARKED: PublicState.PENDING,
    State.CLAIMED: PublicState.PENDING,
    State.STARTED: PublicState.RUNNING,
    State.DETACHED: PublicState.RUNNING,
    State.HELD: PublicState.PENDING,
    State.STOPPING: PublicState.RUNNING,
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


class Origin(StrEnum):
    """Where a task comes from: the queue, or a play that somebody started by hand."""

    QUEUE = "queue"
    HAND = "hand"


class MachineState(StrEnum):
    """Whether a machine takes work."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"


class SecretScope(StrEnum):
    """Who reads a team's secret: playbooks, as a variable, or rediacc alone."""

    VARS = "vars"
    PRIVATE = "private"


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


class StepStatus(StrEnum):
    """How one Ansible task ended on one machine; ``rescued``: it failed, and a rescue took over."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"
    IGNORED = "ignored"
    RESCUED = "rescued"

    @property
    def is_failure(self) -> bool:
        return self in (StepStatus.FAILED, StepStatus.UNREACHABLE)


class Permission(StrEnum):
    """What a caller needs for an operation; roles are made of these.

    In a team: `READ` is any role's, `RUN` an operator's, `MANAGE` a maintainer's. In the home:
    `READ` is every member's, `AUDIT` an auditor's, all else the owner's.
    """

    READ = "read"
    RUN = "run"
    MANAGE = "manage"
    AUDIT = "audit"


class Scope(StrEnum):
    """Where an operation has its effect, and so where the role must be that allows it."""

    TEAM = "team"
    HOME = "home"


class Proof(StrEnum):
    """How it is known who asks."""

    ACCOUNT = "account"
    SUDO = "sudo"
    TOKEN = "token"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, as the channel proves it: never a name that the request carries.

    :param name: the person's account, or the member that a token stands for.
    :param uid: the number of the account whose rights the process has; `account` is its name.
    :param channel: ``cli``, ``worker``, ``socket``, ``plugin``.
    :param proof: how it is known; ``sudo``: the process has another account's rights, and only
        rediacc stands between the person and that account.
    :param token_hash: the SHA-256 of the token that was shown.
    """

    name: str
    uid: int
    channel: str = "cli"
    proof: Proof = Proof.ACCOUNT
    account: str = ""
    token_hash: str | None = field(default=None, repr=False)


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
class Step:
    """What one Ansible task did on one machine in one attempt, masked.

    :param number: orders the steps of an attempt.
    :param path: the file and line of the Ansible task.
    :param is_cut: whether the message was longer.
    :param diff: what it changed, or with ``--check`` would, as lines with - and +; only of tasks
        with ``--diff``, and bounded.
    """

    number: int
    machine: str
    status: StepStatus
    play: str
    task: str
    action: str
    path: str
    started_at: datetime | None
    ended_at: datetime | None
    rc: int | None
    message: str
    is_cut: bool = False
    delegated_to: tuple[str, ...] = ()
    diff: str = ""
