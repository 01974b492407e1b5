"""What operations take and answer beside the values of :mod:`rediacc.values`.

Plain frozen values: importing them imports neither SQLModel nor Ansible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rediacc.values import (
    HostKey,
    InitReport,
    InitRequest,
    MachineCreate,
    MachineState,
    TaskView,
    TeamCreate,
)

__all__ = [
    "Check",
    "DoctorRequest",
    "HostKey",
    "InitReport",
    "InitRequest",
    "LogRequest",
    "MachineCreate",
    "MachineFilter",
    "MachineRef",
    "MachineUpdate",
    "NamedTaskView",
    "Nothing",
    "ReleaseRequest",
    "ScanRequest",
    "TaskChange",
    "TaskIds",
    "TaskRef",
    "TaskUpdate",
    "TeamCreate",
    "TeamRef",
    "TrustRequest",
]


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """For operations that take nothing: ``team.list``, ``worker.list``, ``named_task.list``."""


@dataclass(frozen=True, kw_only=True)
class TaskRef:
    """One task by number or UUID: ``task.inspect``."""

    id: str


@dataclass(frozen=True, kw_only=True)
class TaskIds:
    """Several tasks by number or UUID: ``task.cancel``, ``task.retry``."""

    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """What became of one of several tasks; ``code`` is an error's code or empty."""

    id: str
    changed: bool
    message: str
    code: str = ""
    exit_code: int = 0
    task: TaskView | None = None


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


@dataclass(frozen=True, kw_only=True)
class TeamRef:
    """One team: ``team.inspect``, ``team.delete``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class MachineFilter:
    """``machine.list``; empty fields do not filter."""

    team: str | None = None
    group: str | None = None
    state: MachineState | None = None


@dataclass(frozen=True, kw_only=True)
class MachineRef:
    """One machine: ``machine.inspect``, ``machine.delete``; the team may follow from the name."""

    name: str
    team: str | None = None


@dataclass(frozen=True, kw_only=True)
class MachineUpdate:
    """``machine.update``."""

    name: str
    team: str | None = None
    state: MachineState | None = None


@dataclass(frozen=True, kw_only=True)
class ScanRequest:
    """``machine.scan``: read the host keys of machines, or of all whose key is unknown."""

    names: tuple[str, ...] = ()
    team: str | None = None
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class TrustRequest:
    """``machine.trust``: record these keys. Answer: how many lines were added."""

    keys: tuple[HostKey, ...]


@dataclass(frozen=True, kw_only=True)
class DoctorRequest:
    """``doctor.check``: look at the home, and mend or try the machines where asked."""

    fix: bool = False
    machines: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of ``rediacc doctor``: status ``pass``, ``warn`` or ``fail``."""

    name: str
    status: str
    message: str
    fix: str = ""
