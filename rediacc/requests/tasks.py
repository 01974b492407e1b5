"""What operations on tasks take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rediacc.values import AnsibleOptions, Kind, OnLost, Origin, PublicState, StepStatus

__all__ = [
    "LogRequest",
    "ReleaseRequest",
    "StepFilter",
    "TaskBatch",
    "TaskFilter",
    "TaskIds",
    "TaskRef",
    "TaskRequest",
    "TaskUpdate",
    "TaskWait",
]


@dataclass(frozen=True, kw_only=True)
class TaskRequest:
    """What ``task.create`` takes. Exactly one of kind (with its text) and ``named`` is given.

    :param machines: machine names or host patterns, as given with ``--machine``.
    :param text: the command, shell line, module name or playbook, byte for byte.
    :param module_args: the module's arguments; ``_raw_params`` for free-form modules.
    :param named: a named task; ``variables`` are then its typed variables.
    :param retry: the retry policy's JSON object as given, unchecked.
    :param any_count: only so many of the machines, chosen by work and health; ``None`` for all.
    :param priority: 1 to 5; ``None`` takes the named task's or the default.
    :param secrets: for commands and shell lines: environment variable → name of the team's
        secret whose value it gets; the value itself is read where the task runs.
    :param expires_in_seconds: how long from now it may wait for its start; later it fails.
    """

    team: str | None = None
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    all_machines: bool = False
    limit: str | None = None
    any_count: int | None = None
    kind: Kind | None = None
    text: str | None = None
    module_args: Mapping[str, Any] = field(default_factory=dict)
    named: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    options: AnsibleOptions = field(default_factory=AnsibleOptions)
    priority: int | None = None
    timeout_seconds: float | None = None
    not_before: datetime | None = None
    expires_in_seconds: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)
    exclusive: bool = False
    on_lost: OnLost | None = None
    dry_run: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaskBatch:
    """``task.create_many``: all of these tasks, or none."""

    entries: tuple[TaskRequest, ...]
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks to list; empty fields do not filter. The filter holds before the limit.

    :param is_archived: those in the archive, instead of those in the database.
    """

    states: tuple[PublicState, ...] = ()
    team: str | None = None
    priority: int | None = None
    machine: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    created_by: str | None = None
    named: str | None = None
    idempotency_key: str | None = None
    limit: int = 50
    queue_order: bool = False
    is_archived: bool = False
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True)
class TaskRef:
    """One task by number or UUID: ``task.inspect``."""

    id: str


@dataclass(frozen=True, kw_only=True)
class TaskIds:
    """Several tasks by number or UUID: ``task.cancel``, ``task.retry``."""

    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReleaseRequest:
    """``task.release``: what becomes of held tasks, ``retry`` or ``fail``."""

    ids: tuple[str, ...]
    action: str = "retry"


@dataclass(frozen=True, kw_only=True)
class TaskUpdate:
    """``task.update``: fields that are not ``None`` change, while the task is pending."""

    ids: tuple[str, ...]
    priority: int | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LogRequest:
    """``task.logs``: output after `cursor`; ``None`` opens the log, which the audit notes."""

    id: str
    cursor: int | None = None


@dataclass(frozen=True, kw_only=True)
class StepFilter:
    """``task.steps``: which steps of one task; empty fields do not filter."""

    id: str
    attempt: int | None = None
    machine: str | None = None
    statuses: tuple[StepStatus, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskWait:
    """``task.wait``: until each of these tasks has ended or is held for a person.

    :param seconds: how long at most; 0 for one look. Who wants to wait longer asks again.
    :param interval_seconds: the longest pause between two looks; the first ones are shorter.
    :param is_refresh: asked again by who waits already, which the audit does not note again.
    """

    ids: tuple[str, ...]
    seconds: float = 0.0
    interval_seconds: float = 0.5
    is_refresh: bool = False
