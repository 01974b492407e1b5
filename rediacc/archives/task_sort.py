"""Finished tasks on their way to an archive, each with all that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, bindparam, select, text

from rediacc.archives.documents import TASK, TASK_PARTS, line_of, task_document
from rediacc.archives.gathered import Gathered, Step
from rediacc.archives.rows import Content, Line, count_tasks
from rediacc.queue.steps import forget_steps
from rediacc.queue.transitions import count
from rediacc.storage.engine import Database
from rediacc.storage.tables.archives import ArchivedTask
from rediacc.times import moment
from rediacc.values import Origin, State

__all__ = ["TaskSort"]

_MOST_TASKS = 500
_MOST_BYTES = 16 << 20
# Rows that one transaction removes: a few milliseconds, for it keeps all other writers waiting.
_ROWS_AT_ONCE = 300
# What there may be more of than that; it is removed when its task is gone.
_LATER = "steps"
# Final, with everybody told who was to be told, and no alert about it that nobody settled.
_DUE = (
    "FROM task WHERE state >= 20 AND finished_at < :before "
    "AND id NOT IN (SELECT task_id FROM outbox "
    "WHERE delivered_at IS NULL AND task_id IS NOT NULL) "
    "AND id NOT IN :alerted"
)
_ALERTED: Any = bindparam("alerted", expanding=True)
_COUNT = text(f"SELECT COUNT(*) {_DUE}").bindparams(_ALERTED)
_IDS = text(f"SELECT id {_DUE} ORDER BY finished_at, id LIMIT {_MOST_TASKS}").bindparams(_ALERTED)
_OPEN_ALERTS = text("SELECT task_id, detail FROM alert WHERE state <> 'resolved'").columns(
    detail=JSON
)
_TOLD = text("SELECT id, task_id FROM outbox WHERE task_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_STANDING = text(
    "SELECT id, state, epoch, team, level, uid, idempotency_key, digest, origin, "
    "(SELECT MAX(id) FROM event WHERE task_id = task.id) AS last_event "
    "FROM task WHERE id IN :ids"
).bindparams(bindparam("ids", expanding=True))
_ARCHIVED = ArchivedTask.__table__.insert()  # type: ignore[attr-defined]
_EMPTY_RUNS = text(
    "DELETE FROM run WHERE id IN :ids "
    "AND NOT EXISTS (SELECT 1 FROM run_member m WHERE m.run_id = run.id)"
).bindparams(bindparam("ids", expanding=True))
_MEMBERS = text("DELETE FROM run_member WHERE task_id = :task AND run_id = :run")
_OUTBOX = text("DELETE FROM outbox WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))


class TaskSort:
    """Moves finished tasks."""

    name = "tasks"
    is_at_once = False

    def count(self, connection: Connection, *, before: int) -> int:
        parameters = {"before": before, "alerted": _alerted(connection)}
        return int(connection.execute(_COUNT, parameters).scalar_one())

    def gather(self, database: Database, *, before: int) -> Gathered | None:
        with database.read() as connection:
            parameters = {"before": before, "alerted": _alerted(connection)}
            ids = list(connection.execute(_IDS, parameters).scalars())
            told: dict[int, list[int]] = {}
            for entry in connection.execute(_TOLD, {"ids": ids}):
                told.setdefault(entry.task_id, []).append(entry.id)
        lines: list[bytes] = []
        rows: list[Line] = []
        size = 0
        for task_id in ids:
            # A transaction for each: the write-ahead log grows while a long read goes on.
            with database.read() as connection:
                query = select(TASK).where(TASK.c.id == task_id)
                found = connection.execute(query).mappings().one_or_none()
                if found is None or not State(found["state"]).is_final:
                    continue
                row = dict(found)
                document = task_document(connection, row, told.get(task_id, []))
            lines.append(line_of(document))
            rows.append(row)
            size += len(lines[-1])
            if size >= _MOST_BYTES:
                break
        if not rows:
            return None
        is_last = len(ids) < _MOST_TASKS and size < _MOST_BYTES
        return Gathered(lines=lines, content=_content(rows), name=_name(rows), is_last=is_last)

    def remove_with(self, connection: Connection, content: Content) -> None:
        raise NotImplementedError("tasks are removed after their file is recorded")

    def remove(self, database: Database, row: Line, lines: Sequence[bytes], step: Step) -> int:
        for number, batch in enumerate(_batches(lines)):
            with database.write() as connection:
                _remove_batch(connection, batch, row["id"])
            step(f"removed {number}")
            for document in batch:
                if document.get(_LATER):
                    _remove_steps(database, document["id"])
        with database.read() as connection:
            return count_tasks(connection, row["id"])


def _alerted(connection: Connection) -> list[int]:
    """Return the tasks that open alerts name: a person may still look into them."""
    found: set[int] = set()
    for row in connection.execute(_OPEN_ALERTS):
        found |= {*row.detail.get("tasks", ()), *(() if row.task_id is None else (row.task_id,))}
    return sorted(found)


def _content(rows: Sequence[Line]) -> Content:
    ids = [row["id"] for row in rows]
    times = [row["finished_at"] for row in rows]
    return Content(
        first=min(ids), last=max(ids), first_at=min(times), last_at=max(times), detail={}
    )


def _name(rows: Sequence[Line]) -> str:
    return f"{moment(rows[0]['finished_at']):%Y%m%d}-{rows[0]['id']}"


def _batches(lines: Sequence[bytes]) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents in groups whose rows fit one short transaction."""
    batch: list[dict[str, Any]] = []
    weight = 0
    for line in lines:
        document = json.loads(line)
        batch.append(document)
        parts = (part for name, part in document.items() if name != _LATER)
        weight += 1 + sum(len(part) for part in parts if isinstance(part, list))
        if weight >= _ROWS_AT_ONCE:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _remove_batch(connection: Connection, batch: Sequence[dict[str, Any]], archive_id: int) -> None:
    """Remove the tasks that are still as their documents say, and note where they are now."""
    ids = [document["id"] for document in batch]
    standing = {row.id: row for row in connection.execute(_STANDING, {"ids": ids})}
    same = [one for one in batch if _is_unchanged(one, standing.get(one["id"]))]
    if not same:
        return
    rows = [standing[document["id"]] for document in same]
    connection.execute(
        _ARCHIVED,
        [
            {
                "task_id": row.id,
                "uid": row.uid,
                "team": row.team,
                "idempotency_key": row.idempotency_key,
                "digest": row.digest,
                "archive_id": archive_id,
            }
            for row in rows
        ],
    )
    gone = [row.id for row in rows]
    for name, table in TASK_PARTS.items():
        if name != _LATER:
            connection.execute(table.delete().where(table.c.task_id.in_(gone)))
    connection.execute(TASK.delete().where(TASK.c.id.in_(gone)))
    _remove_around(connection, same)
    for row in rows:
        if row.origin == Origin.QUEUE:  # others are in no counter
            count(connection, row.team, row.level, State(row.state), -1)


def _remove_steps(database: Database, task_id: int) -> None:
    """Remove the steps of a task that is gone, a few at a time: there may be very many."""
    has_more = True
    while has_more:
        with database.write() as connection:
            is_gone = not connection.execute(_STANDING, {"ids": [task_id]}).all()
            has_more = is_gone and forget_steps(connection, task_id)


def _remove_around(connection: Connection, documents: Sequence[dict[str, Any]]) -> None:
    """Remove the tasks' share in runs, and what was told about them."""
    members = [
        {"task": member["task_id"], "run": member["run_id"]}
        for document in documents
        for member in document["members"]
    ]
    if members:
        connection.execute(_MEMBERS, members)
        connection.execute(_EMPTY_RUNS, {"ids": sorted({member["run"] for member in members})})
    told = [row["id"] for document in documents for row in document["outbox"]]
    if told:
        connection.execute(_OUTBOX, {"ids": told})


def _is_unchanged(document: dict[str, Any], row: Any) -> bool:
    """Whether a task stands as its document says: every change of one writes an event."""
    if row is None:
        return False
    last_event = max((event["id"] for event in document["events"]), default=None)
    task = document["task"]
    return (row.epoch, row.state, row.last_event) == (task["epoch"], task["state"], last_event)
