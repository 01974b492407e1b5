"""Moving what is over from the database to files, so that a crash at any point loses nothing.

For each file: write it under a draft's name, bring it to the disk, read it back and compare; record
it in the database; give it its name and manifest; remove its rows in short transactions; note that
it is done. Whoever comes next goes on with a file that is recorded and not done, and drops a draft
that is not recorded. The rows of a file that was not recorded are all still in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rediacc.archives.entry_sorts import AuditSort, SampleSort
from rediacc.archives.files import Shelf, lines_of
from rediacc.archives.gathered import Gathered, Sort, Step
from rediacc.archives.rows import (
    DONE,
    MOVING,
    all_archives,
    archive_of,
    finish,
    manifest_of,
    record,
)
from rediacc.archives.task_sort import TaskSort
from rediacc.audit.chain import append_entry
from rediacc.settings import RETAINED, Retention
from rediacc.storage.engine import Database
from rediacc.storage.shrink import shrink
from rediacc.times import micros, seconds, utc_now
from rediacc.views import ArchiveRun, SortMoved

__all__ = ["Mover", "cutoffs"]

_DAY = seconds(86400)
_SORTS: Mapping[str, Sort] = {"tasks": TaskSort(), "samples": SampleSort(), "audit": AuditSort()}


def cutoffs(retention: Retention, *, now: int) -> dict[str, int]:
    """Return for each sort with a retention before which time, in microseconds, it is due.

    Whole days: what is due comes in one file a day, not in one for each time that somebody looks.
    """
    found = {}
    for sort in RETAINED:
        kept = retention.of(sort)
        if kept is not None:
            before = now - seconds(kept)
            found[sort] = before - before % _DAY if kept >= 86400 else before
    return found


class Mover:
    """Moves rows to the archive of one home.

    :param state: the home's private directory.
    :param actor: who is named in the audit.
    :param is_stopping: asked between files whether to leave the rest for the next time.
    :param step: told each step that is done.
    """

    def __init__(
        self,
        database: Database,
        state: Path,
        *,
        actor: str,
        channel: str,
        is_stopping: Callable[[], bool] = lambda: False,
        step: Step = lambda _name: None,
    ) -> None:
        self._database = database
        self._shelf = Shelf(state)
        self._actor = actor
        self._channel = channel
        self._is_stopping = is_stopping
        self._step = step

    def count(self, before: Mapping[str, int]) -> tuple[SortMoved, ...]:
        """Return how many rows of each sort are due; nothing is moved."""
        with self._database.read() as connection:
            return tuple(
                SortMoved(
                    sort=sort, rows=_SORTS[sort].count(connection, before=limit), files=(), bytes=0
                )
                for sort, limit in before.items()
            )

    def run(self, before: Mapping[str, int]) -> ArchiveRun:
        """Move what is due before these times, and give the space back to the file system.

        :raises Conflict: another process is doing it.
        :raises RediaccError: a file cannot be written or read back; its rows stay.
        """
        with self._shelf.locked():
            self._recover()
            moved = tuple(self._move_sort(_SORTS[sort], limit) for sort, limit in before.items())
            self._step("moved")
            freed = shrink(self._database, is_stopping=self._is_stopping)
        return ArchiveRun(
            sorts=moved, database_bytes_before=freed.before, database_bytes_after=freed.after
        )

    def _recover(self) -> None:
        """Go on with what a crash left half done."""
        with self._database.read() as connection:
            archives = all_archives(connection)
        self._shelf.sweep(frozenset(row["path"] for row in archives))
        for row in archives:
            if row["detail"]["state"] == MOVING:
                self._empty(row["id"])
            elif self._shelf.is_unpublished(row["path"]):
                self._shelf.publish(row["path"], manifest_of(row))

    def _move_sort(self, sort: Sort, before: int) -> SortMoved:
        rows, size = 0, 0
        files: list[str] = []
        while not self._is_stopping():
            gathered = sort.gather(self._database, before=before)
            if gathered is None:
                break
            archive_id = self._put_away(sort, gathered)
            moved = self._empty(archive_id)
            with self._database.read() as connection:
                row = archive_of(connection, archive_id)
            files.append(row["path"])
            rows, size = rows + moved, size + row["bytes"]
            if gathered.is_last or not moved:
                break  # or all of it changed meanwhile: the next time is early enough
        return SortMoved(sort=sort.name, rows=rows, files=tuple(files), bytes=size)

    def _put_away(self, sort: Sort, gathered: Gathered) -> int:
        """Write and verify a file, and record it; return its number."""
        content = gathered.content
        written = self._shelf.write(
            sort.name, gathered.lines, name=gathered.name, at=content.first_at
        )
        self._step("written")
        now = micros(utc_now())
        state = DONE if sort.is_at_once else MOVING
        with self._database.write() as connection:
            archive_id = record(connection, sort.name, written, content, state=state, now=now)
            if sort.is_at_once:
                sort.remove_with(connection, content)
            # The file's digest is in the chain: who changes the file must break the chain too.
            append_entry(
                connection,
                actor=self._actor,
                channel=self._channel,
                operation="archive.run",
                object_name=written.path,
                outcome="done",
                detail={"sort": sort.name, "rows": written.rows, "sha256": written.sha256},
                now=now,
            )
        self._step("recorded")
        return archive_id

    def _empty(self, archive_id: int) -> int:
        """Name a recorded file, and remove from the database what it holds; return how much."""
        with self._database.read() as connection:
            row = archive_of(connection, archive_id)
        self._shelf.publish(row["path"], manifest_of(row))
        self._step("published")
        if row["detail"]["state"] == DONE:
            return int(row["rows"])
        lines: Sequence[bytes] = list(lines_of(self._shelf.read(row["path"], sha256=row["sha256"])))
        moved = _SORTS[row["sort"]].remove(self._database, row, lines, self._step)
        with self._database.write() as connection:
            finish(connection, row, moved=moved)
        self._step("done")
        return moved
