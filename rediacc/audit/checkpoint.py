"""A remembered end of the chain outside the database, so that a cut or rewritten end is seen.

The hash chain alone cannot tell that its last entries are missing or were written anew. After each
commit that added entries, number and hash of the last one go into ``.rediacc/audit.checkpoint``:
one line, written in place under a lock, smaller than a sector, and not synced. A crash between the
commit and this, or a power cut, leaves an older line, which is still on the chain; so the line is
a lower bound. It is replaced only where what it says is on the chain: a database that was cut or
put back cannot wipe out the evidence by going on.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from rediacc.audit.chain import Appended, archived_end
from rediacc.errors import InvalidInput, RediaccError
from rediacc.storage.engine import Database

__all__ = [
    "Checkpoint",
    "is_on_chain",
    "parse_checkpoint",
    "read_checkpoint",
    "remember_commits",
]

_NAME = "audit.checkpoint"
_LOG = logging.getLogger("rediacc.audit")
_TEXT = re.compile(r"([0-9a-f]{64})@(\d{1,18})", re.ASCII)
_HASH_AT = text("SELECT hash FROM audit WHERE seq = :seq")
_LENGTH = 64 + 1 + 18 + 1


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Number and hash of an entry that was the chain's last once."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.hash}@{self.seq}"


def parse_checkpoint(value: str) -> Checkpoint:
    """Return the checkpoint that ``HASH@SEQ`` means.

    :raises InvalidInput: it means none.
    """
    found = _TEXT.fullmatch(value.strip())
    if found is None:
        raise InvalidInput(
            f"{value[:100]!r} is no checkpoint",
            hint="it looks like HASH@SEQ: verify audit shows it",
        )
    return Checkpoint(seq=int(found[2]), hash=found[1])


def read_checkpoint(state_directory: Path) -> Checkpoint | None:
    """Return what was remembered; ``None`` where nothing is, or nothing that can be read."""
    try:
        content = (state_directory / _NAME).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return _parsed(content)


def is_on_chain(connection: Connection, checkpoint: Checkpoint) -> bool:
    """Say whether the chain holds the entry, or goes on from an archive that holds it."""
    found = connection.execute(_HASH_AT, {"seq": checkpoint.seq}).scalar_one_or_none()
    if found is not None:
        return bool(found == checkpoint.hash)
    seq, digest = archived_end(connection)
    return checkpoint.seq < seq or (checkpoint.seq, checkpoint.hash) == (seq, digest)


def remember_commits(database: Database, state_directory: Path) -> None:
    """Remember the chain's end from now on, after each commit that adds to it."""

    def is_known(checkpoint: Checkpoint) -> bool:
        with database.read() as connection:
            return is_on_chain(connection, checkpoint)

    def remember(added: Appended) -> None:
        try:
            _remember(state_directory / _NAME, added, is_known)
        except (OSError, RediaccError) as exc:
            # What was done is done and noted; the next commit catches up.
            _LOG.warning("the end of the audit was not remembered: %s", exc)

    database.after_commit = remember


def _remember(path: Path, added: Appended, is_known: Callable[[Checkpoint], bool]) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        present = _parsed(os.pread(descriptor, _LENGTH, 0).decode("ascii", "replace"))
        if present is not None and not _may_replace(present, added, is_known):
            return
        line = f"{added.hash}@{added.last:018d}\n"
        os.pwrite(descriptor, line.encode("ascii"), 0)
    finally:
        os.close(descriptor)


def _may_replace(
    present: Checkpoint, added: Appended, is_known: Callable[[Checkpoint], bool]
) -> bool:
    if (present.seq, present.hash) == (added.first - 1, added.previous):
        return True
    # Another process was faster or slower; or the chain is not the one that was remembered.
    return present.seq < added.first and is_known(present)


def _parsed(content: str) -> Checkpoint | None:
    try:
        return parse_checkpoint(content)
    except InvalidInput:
        return None
