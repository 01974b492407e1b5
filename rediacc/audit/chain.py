"""The audit: a hash chain. Each entry's hash covers the entry and the hash before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.storage.tables.work import AuditEntry

__all__ = ["GENESIS", "append_entry", "entry_hash", "find_break"]

GENESIS = "0" * 64
_LAST = text("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
_ALL = text(
    "SELECT seq, at, actor, channel, operation, object, outcome, detail, previous, hash "
    "FROM audit ORDER BY seq"
).columns(detail=JSON)
_INSERT = AuditEntry.__table__.insert()  # type: ignore[attr-defined]


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
    last = connection.execute(_LAST).one_or_none()
    entry = {
        "seq": 1 if last is None else last.seq + 1,
        "at": now,
        "actor": _storable(actor),
        "channel": channel,
        "operation": operation,
        "object": _storable(object_name),
        "outcome": outcome,
        "detail": json.loads(json.dumps(dict(detail), default=str)),
        "previous": GENESIS if last is None else last.hash,
    }
    connection.execute(_INSERT, {**entry, "hash": entry_hash(entry)})
    return int(entry["seq"])


def _storable(name: str) -> str:
    """Return `name` as a database can hold it: bytes of an argument that are no text escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the entry's canonical JSON (sorted keys, no spaces, ASCII)."""
    covered = {name: value for name, value in entry.items() if name != "hash"}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def find_break(connection: Connection) -> int | None:
    """Return the number of the first entry that does not fit the chain; ``None`` when all do."""
    previous, expected = GENESIS, 1
    for row in connection.execute(_ALL):
        entry = dict(row._mapping)
        fits = entry["seq"] == expected and entry["previous"] == previous
        if not fits or entry_hash(entry) != entry["hash"]:
            return int(entry["seq"])
        previous, expected = entry["hash"], expected + 1
    return None
