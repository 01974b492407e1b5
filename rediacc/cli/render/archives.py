"""Archives in words."""

from __future__ import annotations

from collections.abc import Iterator

from rediacc.cli.render.table import Column
from rediacc.cli.render.words import clock, count
from rediacc.views import ArchiveRun

__all__ = ["ARCHIVE_COLUMNS", "archive_lines"]

ARCHIVE_COLUMNS = (
    Column("sort", lambda one: one.sort),
    Column("rows", lambda one: str(one.rows), key=lambda one: one.rows),
    Column("bytes", lambda one: str(one.bytes), key=lambda one: one.bytes),
    Column("first", lambda one: _number(one.first), key=lambda one: one.first),
    Column("last", lambda one: _number(one.last), key=lambda one: one.last),
    Column("first_at", lambda one: clock(one.first_at)),
    Column("last_at", lambda one: clock(one.last_at)),
    Column("created_at", lambda one: clock(one.created_at), is_wide=True),
    Column("sha256", lambda one: one.sha256, is_wide=True),
    Column("status", lambda one: one.status),
    Column("path", lambda one: one.path),
    Column("message", lambda one: one.message),
)


def archive_lines(answer: ArchiveRun) -> Iterator[str]:
    """Yield what moved, or would move, and what it gave back."""
    for moved in answer.sorts:
        if answer.is_dry_run:
            yield f"{_rows(moved.sort, moved.rows)} would move to the archive"
        elif moved.rows:
            files = count(len(moved.files), "file")
            yield f"{_rows(moved.sort, moved.rows)} moved to {files} ({moved.bytes} bytes)"
    if answer.is_dry_run:
        return
    if not any(moved.rows for moved in answer.sorts):
        yield "nothing is old enough"
    before, after = answer.database_bytes_before, answer.database_bytes_after
    if after < before:
        yield f"the database shrank from {before} to {after} bytes"


def _rows(sort: str, rows: int) -> str:
    if sort == "audit":
        return f"{rows} entry of the audit" if rows == 1 else f"{rows} entries of the audit"
    return count(rows, sort.removesuffix("s"))


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
