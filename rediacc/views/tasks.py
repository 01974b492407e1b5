"""What operations on tasks answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rediacc.values import (
    AnsibleOptions,
    Kind,
    MachineResult,
    Origin,
    PolicyView,
    PublicState,
    StepStatus,
)
from rediacc.views.monitoring import Placement

__all__ = [
    "AttemptView",
    "Created",
    "CreatedMany",
    "CreatedOne",
    "EventView",
    "LogEntry",
    "LogPage",
    "NamedTaskView",
    "ResultView",
    "StepList",
    "StepView",
    "TaskChange",
    "TaskDetail",
    "TaskProgress",
    "TaskView",
]


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """One task as a list shows it.

    :param is_archived: whether it left the database for a file of the archive; it never changes
        any more.
    :param origin: whether it was queued, or was started by hand and is only known from its records.
    """

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
    is_archived: bool = False
    origin: Origin = Origin.QUEUE


@dataclass(frozen=True, kw_only=True)
class StepView:
    """What one Ansible task did on one machine in one attempt.

    :param number: orders the steps of an attempt; there may be gaps.
    :param play: empty for tasks that are no playbook.
    :param task: the Ansible task's name.
    :param action: the module's full name.
    :param path: the file and line of the Ansible task; empty for tasks that are no playbook.
    :param message: masked, at most 1,000 characters.
    :param is_cut: whether the message was longer.
    :param diff: what it changed, or with ``--check`` would, as lines with - and +; only of tasks
        with ``--diff``. At most 4,000 characters; those beyond 200,000 of a task are left out.
    """

    attempt: int
    number: int
    machine: str
    play: str
    task: str
    action: str
    path: str
    status: StepStatus
    started_at: datetime | None
    ended_at: datetime | None
    elapsed_seconds: float | None
    rc: int | None
    message: str
    is_cut: bool
    delegated_to: tuple[str, ...]
    diff: str = ""


@dataclass(frozen=True, kw_only=True)
class StepList:
    """The answer of ``task.steps``: in the order in which they ended, attempt by attempt.

    :param left_out: how many of the task's steps were too many to keep.
    """

    task: TaskView
    steps: tuple[StepView, ...]
    left_out: int = 0


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
    """Everything about one task.

    :param secrets: environment variable → name of the secret; never a value.
    """

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
    expires_at: datetime | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Created:
    """The answer of ``task.create``: the task, whether it is new, and what happens next.

    :param is_new: false when an idempotency key or a ``taskId`` named a task that exists.
    :param ahead: how many pending tasks stand before it in the queue.
    :param workers_alive: workers that could take it now.
    :param waits: what keeps it from starting now, beside those before it and missing workers.
    :param notes: lines for the person who asked, for example plays that match no machine now.
    :param placement: with ``--any``, what was thought of each machine.
    """

    task: TaskView
    is_new: bool
    ahead: int
    workers_alive: int
    policy: PolicyView
    notes: tuple[str, ...] = ()
    placement: tuple[Placement, ...] = ()
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CreatedMany:
    """The answer of ``task.create_many``, in the order of the entries.

    :param workers_alive: workers that could take them now.
    :param is_dry_run: whether nothing was queued.
    """

    tasks: tuple[CreatedOne, ...]
    workers_alive: int
    is_dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class CreatedOne:
    """One of several tasks that were created together.

    :param entry: its number among the entries, from 1.
    :param is_new: false when an idempotency key or a ``taskId`` named a task that exists.
    """

    entry: int
    task: TaskView
    is_new: bool
    notes: tuple[str, ...] = ()


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
class TaskProgress:
    """How a task that somebody waits for stands.

    :param waits: why it waits, in words, while it is pending.
    :param is_held: whether only a person can bring it on.
    """

    task: TaskView
    is_final: bool
    is_held: bool
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """What became of one of several tasks; ``code`` is an error's code or empty.

    :param waits_for_worker: what was asked for takes a worker, and none is running.
    """

    id: str
    changed: bool
    message: str
    code: str = ""
    exit_code: int = 0
    task: TaskView | None = None
    waits_for_worker: bool = False


@dataclass(frozen=True, kw_only=True)
class NamedTaskView:
    """A file of ``named_tasks/``.

    :param variables: each typed variable: type, whether required, default, description, choices.
    :param error: why the file cannot be used; empty when it can.
    """

    name: str
    description: str
    kind: str
    target: str
    priority: int | None
    variables: Mapping[str, Mapping[str, Any]]
    error: str = ""
