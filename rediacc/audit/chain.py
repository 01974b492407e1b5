"""The audit: a hash chain. Each entry's hash covers the entry and the hash before it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.storage.engine import COMMITTED
from rediacc.storage.tables.work import AuditEntry

__all__ = [
    "GENESIS",
    "Appended",
    "append_entry",
    "archived_end",
    "entry_hash",
    "find_break",
    "first_misfit",
]

GENESIS = "0" * 64
_LAST = text("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
_ALL = (
    text(
        "SELECT seq, at, actor, channel, operation, object, outcome, detail, previous, hash "
        "FROM audit ORDER BY seq"
    )
    .columns(detail=JSON)
    .execution_options(yield_per=1000)
)
# What left the database for an archive: the chain goes on from the last hash there.
_ARCHIVED = text(
    "SELECT detail FROM archive WHERE sort = 'audit' ORDER BY last DESC LIMIT 1"
).columns(detail=JSON)
_INSERT = AuditEntry.__table__.insert()  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Appended:
    """Which entries one transaction added: from after `previous` to the one with `hash`."""

    first: int
    previous: str
    last: int
    hash: str


def append_entry(
    connection: Connection,
    *,
    actor: str,
    channel: str,
    operation: str,
    object_name: str,
    outcome: str,
    detail: Mapping[str, Any],
    now: int,
) -> int:
    """Add one entry in the caller's transaction; return its number in the chain."""
    seq, previous = _end_of_chain(connection)
    entry = {
        "seq": seq + 1,
        "at": now,
        "actor": _storable(actor),
        "channel": channel,
        "operation": operation,
        "object": _storable(object_name),
        "outcome": outcome,
        "detail": json.loads(json.dumps(dict(detail), default=str)),
        "previous": previous,
    }
    digest = entry_hash(entry)
    connection.execute(_INSERT, {**entry, "hash": digest})
    _tell_commit(connection, Appended(first=seq + 1, previous=previous, last=seq + 1, hash=digest))
    return seq + 1


def _end_of_chain(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the last entry, wherever that lies by now."""
    last = connection.execute(_LAST).one_or_none()
    return archived_end(connection) if last is None else (last.seq, last.hash)


def archived_end(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the last entry that lies in an archive."""
    row = connection.execute(_ARCHIVED).one_or_none()
    return (0, GENESIS) if row is None else (int(row.detail["seq"]), str(row.detail["hash"]))


def _tell_commit(connection: Connection, added: Appended) -> None:
    """Leave word for what happens after the commit (see :meth:`Database.write`)."""
    before: Appended | None = connection.info.get(COMMITTED)
    connection.info[COMMITTED] = (
        added if before is None else replace(before, last=added.last, hash=added.hash)
    )


def _storable(name: str) -> str:
    """Return `name` as a database can hold it: bytes of an argument that are no text escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the entry's canonical JSON (sorted keys, no spaces, ASCII)."""
    covered = {name: value for name, value in entry.items() if name != "hash"}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def find_break(connection: Connection) -> int | None:
    """Return the number of the first entry that does not fit the chain; ``None`` when all do.

    The chain begins at its first entry, or goes on from the last one that lies in an archive.
    """
    rows = connection.execute(_ALL)
    entries = (dict(row._mapping) for row in rows)
    first = next(entries, None)
    if first is None:
        return None
    seq, previous = (0, GENESIS) if first["seq"] == 1 else archived_end(connection)
    return first_misfit(itertools.chain([first], entries), after=seq, previous=previous)


def first_misfit(entries: Iterable[Mapping[str, Any]], *, after: int, previous: str) -> int | None:
    """Return the number of the first of `entries` that does not fit; ``None`` when all do.

    :param entries: with all fields of an entry, in the order of the chain.
    :param after: the number of the entry before the first, and `previous` its hash.
    """
    expected = after + 1
    for entry in entries:
        fits = entry["seq"] == expected and entry["previous"] == previous
        if not fits or entry_hash(entry) != entry["hash"]:
            return int(entry["seq"])
        previous, expected = str(entry["hash"]), expected + 1
    return None
