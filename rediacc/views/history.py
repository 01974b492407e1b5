"""What operations on plays that were started by hand answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PlaysRecorded", "RecordedPlay", "RefusedPlay"]


@dataclass(frozen=True, kw_only=True)
class RecordedPlay:
    """A play that is a task now."""

    id: str
    task_id: int
    team: str
    title: str


@dataclass(frozen=True, kw_only=True)
class RefusedPlay:
    """A play that is not recorded, and never will be."""

    id: str
    title: str
    why: str


@dataclass(frozen=True, kw_only=True)
class PlaysRecorded:
    """The answer of ``history.record``.

    :param waiting: how many files are left: of plays that go on, or that somebody else reads.
    """

    recorded: tuple[RecordedPlay, ...]
    refused: tuple[RefusedPlay, ...]
    waiting: int
