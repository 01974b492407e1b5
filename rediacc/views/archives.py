"""What operations on archives answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["ArchiveRun", "ArchiveView", "SortMoved"]


@dataclass(frozen=True, kw_only=True)
class SortMoved:
    """What of one sort (``tasks``, ``samples``, ``audit``) moved, or would move.

    :param files: below the archive's directory; empty when nothing moved.
    :param bytes: the size of these files, compressed.
    """

    sort: str
    rows: int
    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ArchiveRun:
    """The answer of ``archive.run``."""

    sorts: tuple[SortMoved, ...]
    database_bytes_before: int
    database_bytes_after: int
    is_dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ArchiveView:
    """One file of the archive.

    :param path: below ``.rediacc/archive/``.
    :param first: the lowest number of a task, sample or audit entry in it; `last` the highest.
    :param status: ``ok``, ``missing``, ``changed`` or ``unknown`` (the database does not name
        it); a list looks at presence and size only, ``verify archive`` at every byte.
    :param message: what is wrong with it.
    """

    id: int | None
    sort: str
    path: str
    rows: int
    bytes: int
    sha256: str
    first: int | None
    last: int | None
    first_at: datetime | None
    last_at: datetime | None
    created_at: datetime | None
    status: str
    message: str = ""
