"""Rows as lines of JSON, and back: nothing that a column holds is lost on the way."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, select

from rediacc.storage.tables.tasks import (
    Attempt,
    Event,
    Label,
    Output,
    Result,
    Step,
    Task,
    TaskMachine,
    TaskPayload,
)
from rediacc.storage.tables.work import Outbox, Run, RunMember

__all__ = [
    "TASK",
    "TASK_PARTS",
    "decode_row",
    "encode_row",
    "line_of",
    "task_document",
]

TASK: Table = Task.__table__  # type: ignore[attr-defined]
# What belongs to a task: the name in its document, the table; each has a column task_id.
TASK_PARTS: Mapping[str, Table] = {
    "payload": TaskPayload.__table__,  # type: ignore[attr-defined]
    "machines": TaskMachine.__table__,  # type: ignore[attr-defined]
    "labels": Label.__table__,  # type: ignore[attr-defined]
    "attempts": Attempt.__table__,  # type: ignore[attr-defined]
    "results": Result.__table__,  # type: ignore[attr-defined]
    "output": Output.__table__,  # type: ignore[attr-defined]
    "events": Event.__table__,  # type: ignore[attr-defined]
    "steps": Step.__table__,  # type: ignore[attr-defined]
}
_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_MEMBER: Table = RunMember.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = Outbox.__table__  # type: ignore[attr-defined]
_FORMAT = 1


def task_document(
    connection: Connection, row: Mapping[str, Any], told: Sequence[int]
) -> dict[str, Any]:
    """Return all that the database holds of a task.

    :param row: the task's own row.
    :param told: the numbers of its rows in the outbox, delivered all.
    """
    task_id = row["id"]
    # The number comes first, so that a reader finds a task without parsing the others.
    document: dict[str, Any] = {"id": task_id, "format": _FORMAT, "task": encode_row(TASK, row)}
    for name, table in TASK_PARTS.items():
        query = select(table).where(table.c.task_id == task_id).order_by(*table.primary_key)
        document[name] = _rows(connection, table, query)
    runs = [one["run_id"] for one in document["attempts"] if one["run_id"] is not None]
    document["runs"] = _rows(connection, _RUN, select(_RUN).where(_RUN.c.id.in_(runs)))
    mine = (_MEMBER.c.run_id.in_(runs)) & (_MEMBER.c.task_id == task_id)
    document["members"] = _rows(connection, _MEMBER, select(_MEMBER).where(mine))
    rows = select(_OUTBOX).where(_OUTBOX.c.id.in_(told)).order_by(_OUTBOX.c.id)
    document["outbox"] = _rows(connection, _OUTBOX, rows) if told else []
    return document


def line_of(document: Mapping[str, Any]) -> bytes:
    """Return one line of JSON with its end."""
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def encode_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON carries it: bytes as text where they are UTF-8, else as base64."""
    return {
        column.name: _encode_bytes(row[column.name])
        if isinstance(column.type, LargeBinary)
        else row[column.name]
        for column in table.columns
    }


def decode_row(table: Table, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row for `table`; columns that it does not know are left out."""
    return {
        column.name: _decode_bytes(document[column.name])
        if isinstance(column.type, LargeBinary)
        else document[column.name]
        for column in table.columns
        if column.name in document
    }


def _rows(connection: Connection, table: Table, query: Any) -> list[dict[str, Any]]:
    rows: Iterable[Any] = connection.execute(query).mappings()
    return [encode_row(table, row) for row in rows]


def _encode_bytes(value: bytes) -> str | dict[str, str]:
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _decode_bytes(value: str | Mapping[str, str]) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])
