"""A task's output in pieces, after a cursor, for following it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from rediacc.queue.diffs import diff_text
from rediacc.queue.reading import attempts_of, result_from_row
from rediacc.storage.tables.tasks import Output, Result
from rediacc.times import moment
from rediacc.values import Kind, MachineResult
from rediacc.views import LogEntry

__all__ = ["last_entries", "log_entries"]

_R = Result.__table__  # type: ignore[attr-defined]
_O = Output.__table__  # type: ignore[attr-defined]
_PAGE = 500
_LONGEST_TAIL = 16_384


def log_entries(
    connection: Connection, task_id: int, kind: Kind, cursor: int
) -> tuple[LogEntry, ...]:
    """Return the pieces after `cursor`, in order; their ``cursor`` continues from there.

    A playbook's log is what Ansible printed; other tasks' logs are their machines' results.
    """
    table = _O if kind is Kind.PLAYBOOK else _R
    query = select(table).where(table.c.task_id == task_id, table.c.id > cursor)
    rows = connection.execute(query.order_by(table.c.id).limit(_PAGE)).all()
    return _entries(connection, task_id, kind, rows)


def last_entries(
    connection: Connection, task_id: int, kind: Kind, *, most: int
) -> tuple[LogEntry, ...]:
    """Return the last pieces of a task's output, at most `most` of its rows, long ones cut."""
    table = _O if kind is Kind.PLAYBOOK else _R
    query = select(table).where(table.c.task_id == task_id).order_by(table.c.id.desc())
    rows = connection.execute(query.limit(most)).all()
    return tuple(
        replace(entry, text=entry.text[-_LONGEST_TAIL:])
        for entry in _entries(connection, task_id, kind, rows[::-1])
    )


def _entries(
    connection: Connection, task_id: int, kind: Kind, rows: Sequence[Row[Any]]
) -> tuple[LogEntry, ...]:
    numbers = {view.epoch: view.number for view in attempts_of(connection, task_id)}
    entries: list[LogEntry] = []
    for row in rows:
        base = {"cursor": row.id, "attempt": numbers.get(row.epoch, 0), "at": moment(row.at)}
        if kind is Kind.PLAYBOOK:
            text = row.text.decode("utf-8", "surrogateescape")
            entries.append(LogEntry(**base, machine="", stream="ansible", text=text))
            continue
        result = result_from_row(row)
        entries += [
            LogEntry(**base, machine=result.machine, stream=stream, text=text)
            for stream, text in _streams(kind, result)
        ]
    return tuple(entries)


def _streams(kind: Kind, result: MachineResult) -> list[tuple[str, str]]:
    streams = [("stdout", result.stdout), ("stderr", result.stderr)]
    if kind is Kind.MODULE and result.result:
        differences = diff_text(result.result.get("diff"))
        rest = {name: value for name, value in result.result.items() if name != "diff"}
        streams.append(("stdout", json.dumps(rest, indent=2, sort_keys=True)))
        streams.append(("stdout", differences))
    shown = [(name, text) for name, text in streams if text]
    return [*shown, ("status", _status(result))]


def _status(result: MachineResult) -> str:
    words = str(result.outcome)
    if result.rc is not None:
        words += f", rc {result.rc}"
    if result.truncated:
        words += f", output cut ({result.stdout_bytes + result.stderr_bytes} bytes in all)"
    return f"{words}: {result.message}" if result.message else words
