"""Rows that stand for themselves on their way to an archive: the audit's entries, samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from rediacc.archives.documents import encode_row, line_of
from rediacc.archives.gathered import Gathered, Step
from rediacc.archives.rows import Content, Line
from rediacc.audit.chain import archived_end, entry_hash
from rediacc.errors import ArchiveDamaged
from rediacc.storage.engine import Database
from rediacc.storage.tables.monitoring import Sample
from rediacc.storage.tables.work import AuditEntry
from rediacc.times import moment

__all__ = ["AuditSort", "SampleSort"]

_MOST_ENTRIES = 2000
_MOST_SAMPLES = 20_000
_SAMPLES_AT_ONCE = 1000
_AUDIT: Table = AuditEntry.__table__  # type: ignore[attr-defined]
_SAMPLE: Table = Sample.__table__  # type: ignore[attr-defined]
_LAST_SEQ = text("SELECT MAX(seq) FROM audit")
_OUTCOMES = text(
    "SELECT detail FROM audit WHERE seq > :seq AND CAST(detail AS TEXT) LIKE '%\"intent\"%'"
)


class AuditSort:
    """Moves the oldest entries of the audit; the newest stays, for the chain goes on from it."""

    name = "audit"
    is_at_once = True

    def count(self, connection: Connection, *, before: int) -> int:
        last = connection.execute(_LAST_SEQ).scalar_one() or 0
        due = (_AUDIT.c.at < before) & (_AUDIT.c.seq < last)
        return int(connection.execute(select(func.count()).where(due)).scalar_one())

    def gather(self, database: Database, *, before: int) -> Gathered | None:
        with database.read() as connection:
            last = connection.execute(_LAST_SEQ).scalar_one() or 0
            query = select(_AUDIT).order_by(_AUDIT.c.seq).limit(_MOST_ENTRIES)
            rows: Sequence[Line] = [dict(row) for row in connection.execute(query).mappings()]
            rows = _beginning(rows, before=before, last=last)
            rows = rows[: _first_open_intent(connection, rows)]
            start = archived_end(connection)
        if not rows:
            return None
        _require_chain(rows, start)
        head = rows[-1]
        return Gathered(
            lines=[line_of(encode_row(_AUDIT, row)) for row in rows],
            content=Content(
                first=rows[0]["seq"],
                last=head["seq"],
                first_at=min(row["at"] for row in rows),
                last_at=max(row["at"] for row in rows),
                # Where the chain that is left in the database goes on.
                detail={
                    "seq": head["seq"],
                    "hash": head["hash"],
                    "previous": rows[0]["previous"],
                },
            ),
            name=f"{moment(rows[0]['at']):%Y%m%d}-{rows[0]['seq']}",
            is_last=len(rows) < _MOST_ENTRIES,
        )

    def remove_with(self, connection: Connection, content: Content) -> None:
        connection.execute(_AUDIT.delete().where(_AUDIT.c.seq <= content.last))

    def remove(self, database: Database, row: Line, lines: Sequence[bytes], step: Step) -> int:
        del database, row, step
        return len(lines)


class SampleSort:
    """Moves single looks at machines; what is rolled up of them stays."""

    name = "samples"
    is_at_once = False

    def count(self, connection: Connection, *, before: int) -> int:
        query = select(func.count()).where(_SAMPLE.c.at < before)
        return int(connection.execute(query).scalar_one())

    def gather(self, database: Database, *, before: int) -> Gathered | None:
        with database.read() as connection:
            query = select(_SAMPLE).where(_SAMPLE.c.at < before).order_by(_SAMPLE.c.id)
            found = connection.execute(query.limit(_MOST_SAMPLES)).mappings()
            rows: Sequence[Line] = [dict(row) for row in found]
        if not rows:
            return None
        times = [row["at"] for row in rows]
        return Gathered(
            lines=[line_of(encode_row(_SAMPLE, row)) for row in rows],
            content=Content(
                first=rows[0]["id"],
                last=rows[-1]["id"],
                first_at=min(times),
                last_at=max(times),
                detail={},
            ),
            name=f"{moment(min(times)):%Y%m%d}-{rows[0]['id']}",
            is_last=len(rows) < _MOST_SAMPLES,
        )

    def remove_with(self, connection: Connection, content: Content) -> None:
        raise NotImplementedError("samples are removed after their file is recorded")

    def remove(self, database: Database, row: Line, lines: Sequence[bytes], step: Step) -> int:
        del row
        ids = [int(json.loads(line)["id"]) for line in lines]
        for number, start in enumerate(range(0, len(ids), _SAMPLES_AT_ONCE)):
            part = ids[start : start + _SAMPLES_AT_ONCE]
            with database.write() as connection:
                connection.execute(_SAMPLE.delete().where(_SAMPLE.c.id.in_(part)))
            step(f"removed {number}")
        return len(ids)


def _beginning(rows: Sequence[Line], *, before: int, last: int) -> Sequence[Line]:
    """Return the entries from the first on that are due: a chain is cut at one place only."""
    for index, row in enumerate(rows):
        if row["at"] >= before or row["seq"] >= last:
            return rows[:index]
    return rows


def _first_open_intent(connection: Connection, rows: Sequence[Line]) -> int:
    """Return where the first intent without an outcome stands: it is needed to find that out."""
    intents = [row["seq"] for row in rows if row["outcome"] == "intent"]
    if not intents:
        return len(rows)
    texts = connection.execute(_OUTCOMES, {"seq": intents[0]}).scalars()
    settled = {_detail(value).get("intent") for value in texts}
    for index, row in enumerate(rows):
        if row["outcome"] == "intent" and row["seq"] not in settled:
            return index
    return len(rows)


def _detail(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _require_chain(rows: Sequence[Line], start: tuple[int, str]) -> None:
    """Refuse to put away entries that were tampered with: they would look whole ever after."""
    last, previous = start
    for expected, row in enumerate(rows, start=last + 1):
        fits = row["seq"] == expected and row["previous"] == previous
        if not fits or entry_hash(row) != row["hash"]:
            raise ArchiveDamaged(
                f"the audit is broken at entry {row['seq']}: it is not archived",
                hint="rediacc verify audit",
            )
        previous = row["hash"]
