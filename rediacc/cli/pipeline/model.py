"""One run as pipelines are told of it: plain values that the renderers take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["BAD_STEPS", "NOT_QUEUED", "MachineEnd", "RunReport", "Step"]

# What a step's status must be for a pipeline to call it broken.
BAD_STEPS = ("failed", "unreachable")
NOT_QUEUED = "nothing was queued"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one Ansible task did on one machine, in the last attempt on that machine.

    :param file: the task's file: below the home as a path from there, else absolute; may be empty.
    :param line: its line in the file; 0 where it is not known.
    :param status: ``ok``, ``changed``, ``failed``, ``unreachable``, ``skipped``, ``ignored``,
        ``rescued``.
    :param diff: differences in files, with ``--diff``.
    """

    machine: str
    play: str
    task: str
    status: str
    file: str = ""
    line: int = 0
    seconds: float = 0.0
    started_at: datetime | None = None
    rc: int | None = None
    message: str = ""
    diff: str = ""

    @property
    def is_bad(self) -> bool:
        return self.status in BAD_STEPS

    @property
    def place(self) -> str:
        """Where the task stands: ``site.yml:12``; empty where that is not known."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


@dataclass(frozen=True, kw_only=True)
class MachineEnd:
    """How one machine ended.

    :param outcome: as people are told: ``ok``, ``changed``, ``failed``, ``unreachable``,
        ``timed out``, ``lost``, ``cancelled``, ``skipped``, or ``no result``.
    :param counts: Ansible's counts of a playbook; empty for others.
    :param output: the last lines that it printed.
    """

    machine: str
    outcome: str
    is_good: bool
    is_changed: bool = False
    rc: int | None = None
    seconds: float | None = None
    message: str = ""
    output: str = ""
    counts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """One run, as far as it is known.

    :param headline: one line on how it ended or stands.
    :param exit_code: what the process exits with.
    :param problem: what is wrong with the run as a whole and no machine tells: the wait ran out,
        it is held, it was never queued. Empty where machines and their steps tell all.
    :param hint: what to do about the problem.
    :param is_drift: changes are what is wrong: the exit code is 20.
    :param left_out: how many steps were not kept.
    """

    title: str
    kind: str
    headline: str
    exit_code: int
    task_id: int = 0
    uid: str = ""
    team: str = ""
    state: str = ""
    reason: str = ""
    problem: str = ""
    hint: str = ""
    is_final: bool = True
    is_check: bool = False
    is_drift: bool = False
    begun_at: datetime | None = None
    seconds: float | None = None
    queue_seconds: float | None = None
    attempts: int = 0
    revision: str = ""
    machines: tuple[MachineEnd, ...] = ()
    steps: tuple[Step, ...] = ()
    left_out: int = 0

    @property
    def is_changed(self) -> bool:
        return any(one.is_changed for one in self.machines)

    @property
    def broken_machines(self) -> tuple[str, ...]:
        return tuple(one.machine for one in self.machines if not one.is_good)
