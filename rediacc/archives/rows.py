"""The tables ``archive`` and ``archived_task``: which files there are, which tasks they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from rediacc.archives.files import WrittenFile
from rediacc.storage.tables.archives import Archive

__all__ = [
    "DONE",
    "MOVING",
    "Content",
    "Line",
    "all_archives",
    "archive_of",
    "archives_of_sort",
    "count_tasks",
    "finish",
    "manifest_of",
    "record",
]

Line = Mapping[str, Any]
"""A row of a table by its columns' names."""

MOVING, DONE = "moving", "done"
_ARCHIVE = Archive.__table__  # type: ignore[attr-defined]
_INSERT = _ARCHIVE.insert().returning(_ARCHIVE.c.id)
_COUNT_TASKS = text("SELECT COUNT(*) FROM archived_task WHERE archive_id = :id")


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file holds: the lowest and highest number and time in it."""

    first: int
    last: int
    first_at: int
    last_at: int
    detail: Mapping[str, Any]


def record(
    connection: Connection,
    sort: str,
    written: WrittenFile,
    content: Content,
    *,
    state: str,
    now: int,
) -> int:
    """Note a written file; return its number."""
    values = {
        "sort": sort,
        "path": written.path,
        "sha256": written.sha256,
        "rows": written.rows,
        "bytes": written.bytes,
        "first": content.first,
        "last": content.last,
        "first_at": content.first_at,
        "last_at": content.last_at,
        "created_at": now,
        "detail": {**content.detail, "state": state},
    }
    return int(connection.execute(_INSERT, values).scalar_one())


def finish(connection: Connection, row: Line, *, moved: int) -> None:
    """Note that nothing of a file is left in the database.

    :param moved: how many of its rows were; the others changed after they were written.
    """
    detail = {**row["detail"], "state": DONE, "moved": moved}
    connection.execute(_ARCHIVE.update().where(_ARCHIVE.c.id == row["id"]).values(detail=detail))


def all_archives(connection: Connection) -> Sequence[Line]:
    """Return all files, oldest first."""
    rows = connection.execute(select(_ARCHIVE).order_by(_ARCHIVE.c.id))
    return [dict(row) for row in rows.mappings()]


def archives_of_sort(connection: Connection, sort: str) -> Sequence[Line]:
    """Return the files of one sort, those with the highest numbers first."""
    query = select(_ARCHIVE).where(_ARCHIVE.c.sort == sort).order_by(_ARCHIVE.c.last.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def archive_of(connection: Connection, archive_id: int) -> Line:
    """Return one file's row."""
    query = select(_ARCHIVE).where(_ARCHIVE.c.id == archive_id)
    return dict(connection.execute(query).mappings().one())


def count_tasks(connection: Connection, archive_id: int) -> int:
    """Return how many tasks are found in a file."""
    return int(connection.execute(_COUNT_TASKS, {"id": archive_id}).scalar_one())


def manifest_of(row: Line) -> dict[str, Any]:
    """Return the manifest of a file: what it must hold, also for who has no database."""
    names = ("sort", "path", "sha256", "rows", "bytes", "first", "last", "created_at")
    kept = {name: value for name, value in row["detail"].items() if name not in ("state", "moved")}
    return {"format": 1, **{name: row[name] for name in names}, "detail": kept}
