"""Whether the files of the archive are all there, and hold what was put into them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rediacc.archives.files import Shelf, lines_of
from rediacc.archives.rows import DONE, Line, all_archives, count_tasks, manifest_of
from rediacc.audit.chain import GENESIS, entry_hash
from rediacc.errors import ArchiveDamaged
from rediacc.storage.engine import Database
from rediacc.times import moment
from rediacc.views import ArchiveView

__all__ = ["check_archives", "list_archives"]


def list_archives(database: Database, state: Path) -> tuple[ArchiveView, ...]:
    """Return the files of the archive, oldest first, with what a look at their sizes tells."""
    shelf = Shelf(state)
    with database.read() as connection:
        rows = all_archives(connection)
    return tuple(_view(row, *_glance(shelf, row)) for row in rows)


def check_archives(database: Database, state: Path) -> tuple[ArchiveView, ...]:
    """Read every file and compare it with the database, its manifest and the audit's chain."""
    shelf = Shelf(state)
    with database.read() as connection:
        rows = all_archives(connection)
        tasks = {row["id"]: count_tasks(connection, row["id"]) for row in rows}
    chain = _Chain()
    found = [_view(row, *_look(shelf, row, tasks[row["id"]], chain)) for row in rows]
    strangers = shelf.strangers(frozenset(row["path"] for row in rows))
    return (*found, *(_stranger(shelf, path) for path in strangers))


def _glance(shelf: Shelf, row: Line) -> tuple[str, str]:
    try:
        size = (shelf.root / row["path"]).stat().st_size
    except FileNotFoundError:
        return "missing", "the file is not there"
    except OSError as exc:
        return "missing", f"the file cannot be read: {exc.strerror}"
    if size != row["bytes"]:
        return "changed", f"{size} bytes where {row['bytes']} were written"
    return "ok", ""


def _look(shelf: Shelf, row: Line, tasks: int, chain: _Chain) -> tuple[str, str]:
    """Return what is the case with one file, every byte of it."""
    seen = _glance(shelf, row)
    if seen[0] == "missing":
        chain.skip(row)
        return seen
    try:
        lines = list(lines_of(shelf.read(row["path"], sha256=row["sha256"])))
    except ArchiveDamaged as exc:
        chain.skip(row)
        return "changed", exc.message
    problem = _problem(row, lines, tasks) or chain.take(row, lines)
    if problem:
        return "changed", problem
    if shelf.manifest(row["path"]) != json.loads(json.dumps(manifest_of(row))):
        return "changed", "the manifest beside it is missing or says something else"
    return "ok", ""


def _problem(row: Line, lines: Sequence[bytes], tasks: int) -> str:
    if len(lines) != row["rows"]:
        return f"{len(lines)} lines where {row['rows']} were written"
    is_counted = row["sort"] == "tasks" and row["detail"]["state"] == DONE
    if is_counted and tasks != row["detail"]["moved"]:
        return f"{row['detail']['moved']} tasks moved to it, and the database knows of {tasks}"
    return ""


class _Chain:
    """Follows the audit's chain over its archived files, oldest first."""

    def __init__(self) -> None:
        self._last, self._hash = 0, GENESIS

    def take(self, row: Line, lines: Sequence[bytes]) -> str:
        """Return what is wrong with a file's part of the chain; empty when nothing is."""
        if row["sort"] != "audit":
            return ""
        problem = ""
        for line in lines:
            entry: Mapping[str, Any] = json.loads(line)
            fits = entry["seq"] == self._last + 1 and entry["previous"] == self._hash
            if not problem and (not fits or entry_hash(entry) != entry["hash"]):
                problem = f"the chain of the audit is broken at entry {entry['seq']}"
            self._last, self._hash = entry["seq"], entry["hash"]
        return problem

    def skip(self, row: Line) -> None:
        """Go on behind a file that cannot be read, from what the database says of its end."""
        if row["sort"] == "audit":
            self._last, self._hash = row["detail"]["seq"], row["detail"]["hash"]


def _view(row: Line, status: str, message: str) -> ArchiveView:
    return ArchiveView(
        id=row["id"],
        sort=row["sort"],
        path=row["path"],
        rows=row["rows"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        first=row["first"],
        last=row["last"],
        first_at=moment(row["first_at"]),
        last_at=moment(row["last_at"]),
        created_at=moment(row["created_at"]),
        status=status,
        message=message,
    )


def _stranger(shelf: Shelf, path: str) -> ArchiveView:
    size = (shelf.root / path).stat().st_size
    return ArchiveView(
        id=None,
        sort=path.partition("/")[0],
        path=path,
        rows=0,
        bytes=size,
        sha256="",
        first=None,
        last=None,
        first_at=None,
        last_at=None,
        created_at=None,
        status="unknown",
        message="the database does not know this file",
    )
