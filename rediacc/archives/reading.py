"""Finding archived tasks again, and reading them as if they had never left.

A file's rows are put into a database in memory with the very same tables, so that filters, details
and logs are answered by the code that answers them for the others.
"""

from __future__ import annotations

import contextlib
import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import StaticPool

from rediacc.archives.documents import TASK, TASK_PARTS, decode_row
from rediacc.archives.files import Shelf, lines_of
from rediacc.archives.rows import archive_of, archives_of_sort
from rediacc.errors import ArchiveDamaged
from rediacc.queue.reading import list_tasks
from rediacc.requests import TaskFilter
from rediacc.storage.engine import Database, sqlite_driver
from rediacc.storage.tables.schema import METADATA
from rediacc.views import TaskView

__all__ = [
    "Kept",
    "Place",
    "archives_since",
    "list_archived",
    "opened_archive",
    "opened_task",
    "whereabouts",
]

_BY_ID = text("SELECT task_id, team, archive_id FROM archived_task WHERE task_id = :id")
_BY_UID = text("SELECT task_id, team, archive_id FROM archived_task WHERE uid = :uid")
_IN_FILE = text("SELECT task_id FROM archived_task WHERE archive_id = :id")
# What a list needs of a task.
_NARROW = ("machines", "labels")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An archived task, and the number of the file that holds it."""

    task_id: int
    team: str
    archive_id: int


def whereabouts(connection: Connection, name: str) -> Place | None:
    """Return where the archived task is that `name` (a number or a UUID) means, if there is one."""
    word = name.removeprefix("task/")
    if word.isdecimal() and len(word) < 19:
        row = connection.execute(_BY_ID, {"id": int(word)}).one_or_none()
    else:
        row = connection.execute(_BY_UID, {"uid": word.lower()}).one_or_none()
    return None if row is None else Place(**row._mapping)


@contextlib.contextmanager
def opened_task(database: Database, state: Path, place: Place) -> Iterator[Connection]:
    """Give a connection in which one archived task can be read as any other.

    :raises ArchiveDamaged: its file is missing or was changed.
    """
    with database.read() as connection:
        row = archive_of(connection, place.archive_id)
    content = Shelf(state).read(row["path"], sha256=row["sha256"])
    begin = f'{{"id":{place.task_id},'.encode()
    line = next((line for line in lines_of(content) if line.startswith(begin)), None)
    if line is None:
        raise ArchiveDamaged(f"the archive {row['path']} does not hold task {place.task_id}")
    with _in_memory([json.loads(line)], tuple(TASK_PARTS)) as connection:
        yield connection


def list_archived(
    database: Database, state: Path, wanted: TaskFilter, *, teams: Sequence[str] | None
) -> tuple[TaskView, ...]:
    """Return the archived tasks that fit `wanted`, newest first; filters, then limit.

    :param teams: only tasks of these teams; ``None`` for all.
    :raises ArchiveDamaged: a file that would have to be looked through is missing or changed.
    """
    shelf = Shelf(state)
    found: list[TaskView] = []
    with database.read() as connection:
        archives = archives_of_sort(connection, "tasks")
    for row in archives:
        if len(found) == wanted.limit and row["last"] < found[-1].id:
            break  # files come by their highest number: no later one holds anything newer
        with database.read() as connection:
            present = set(connection.execute(_IN_FILE, {"id": row["id"]}).scalars())
        content = shelf.read(row["path"], sha256=row["sha256"])
        documents = [
            document for document in map(json.loads, lines_of(content)) if document["id"] in present
        ]
        if not documents:
            continue
        with _in_memory(documents, _NARROW) as connection:
            views = list_tasks(connection, wanted, teams=teams)
        found = heapq.nlargest(wanted.limit, [*found, *views], key=lambda view: view.id)
    return tuple(replace(view, is_archived=True) for view in found)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file of archived tasks, and which of the tasks in it are no longer in the database."""

    path: str
    sha256: str
    tasks: frozenset[int]


def archives_since(connection: Connection, *, since: int) -> tuple[Kept, ...]:
    """Return the files that hold tasks which ended at `since` (microseconds) or later."""
    found = []
    for row in archives_of_sort(connection, "tasks"):
        if row["last_at"] < since:
            continue
        tasks = frozenset(connection.execute(_IN_FILE, {"id": row["id"]}).scalars())
        if tasks:
            found.append(Kept(path=row["path"], sha256=row["sha256"], tasks=tasks))
    return tuple(found)


@contextlib.contextmanager
def opened_archive(state: Path, kept: Kept) -> Iterator[Connection]:
    """Give a connection to a file's tasks, their machines and results.

    :raises ArchiveDamaged: the file is missing or was changed.
    """
    content = Shelf(state).read(kept.path, sha256=kept.sha256)
    documents = (json.loads(line) for line in lines_of(content))
    present = [document for document in documents if document["id"] in kept.tasks]
    with _in_memory(present, ("machines", "results")) as connection:
        yield connection


@contextlib.contextmanager
def _in_memory(
    documents: Iterable[Mapping[str, Any]], parts: tuple[str, ...]
) -> Iterator[Connection]:
    """Give a connection to a database in memory that holds these tasks, and parts of them."""
    engine = create_engine("sqlite://", module=sqlite_driver(), poolclass=StaticPool)
    tables = {name: TASK_PARTS[name] for name in parts}
    try:
        METADATA.create_all(engine, tables=[TASK, *tables.values()])
        with engine.connect() as connection:
            rows = list(documents)
            connection.execute(TASK.insert(), [decode_row(TASK, one["task"]) for one in rows])
            for name, table in tables.items():
                parted = [decode_row(table, row) for one in rows for row in one.get(name, ())]
                if parted:
                    connection.execute(table.insert(), parted)
            yield connection
    finally:
        engine.dispose()
