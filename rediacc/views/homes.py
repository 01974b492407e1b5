"""What operations on a home and its workers answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "Check",
    "InitReport",
    "WorkerView",
]


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
class Check:
    """One line of ``rediacc doctor``: status ``pass``, ``warn`` or ``fail``."""

    name: str
    status: str
    message: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class InitReport:
    """What ``home.init`` did.

    :param teams: name, inventory path, number of machines.
    :param written: files added, relative to the home.
    :param sample_every_seconds: how often machines will be sampled; ``None`` for never.
    :param unknown_keys: machines whose host key nobody recorded; ``None`` when not looked at.
    """

    home: str
    teams: tuple[tuple[str, str, int], ...]
    written: tuple[str, ...]
    ansible: str
    unknown_keys: int | None = None
    sample_every_seconds: float | None = None
    notes: tuple[str, ...] = ()
