"""The files in which the results callback leaves the records of plays that were started by hand.

A file belongs to the play while the play holds its lock, then to who holds it next. What lies in
it is what the file's owner says, and hostile until it is parsed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rediacc.settings import Settings

__all__ = ["Spool", "SpoolFile", "spools_of"]

_NAME = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.jsonl")
# More than the callback ever writes; what lies behind it is not looked at.
_MOST_BYTES = 48 << 20
_MOST_LINE = 1 << 20
_MOST_FILES = 2000


@dataclass(frozen=True, kw_only=True)
class SpoolFile:
    """A file whose play is over, locked for the reader.

    :param uid: the number of the account that ran the play.
    :param records: its lines that are records of it, in their order.
    """

    id: str
    uid: int
    records: tuple[dict[str, Any], ...]


class Spool:
    """One directory of such files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def waiting(self) -> list[str]:
        """Return the ids of the files, oldest first; those of plays that still go too."""
        try:
            with os.scandir(self._directory) as entries:
                found = [
                    (entry.stat(follow_symlinks=False).st_mtime, match[1])
                    for entry in entries
                    if (match := _NAME.fullmatch(entry.name)) is not None
                ]
        except OSError:
            return []
        return [spool_id for _time, spool_id in sorted(found)[:_MOST_FILES]]

    @contextlib.contextmanager
    def opened(self, spool_id: str) -> Iterator[SpoolFile | None]:
        """Give a file whose play is over; ``None`` for one that is in use, or not ours to read."""
        descriptor = self._open(spool_id)
        if descriptor is None:
            yield None
            return
        try:
            status = os.fstat(descriptor)
            records = tuple(_records(descriptor, spool_id)) if _is_plain(status) else ()
            yield SpoolFile(id=spool_id, uid=status.st_uid, records=records)
        finally:
            os.close(descriptor)

    def _open(self, spool_id: str) -> int | None:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(self._path(spool_id), flags)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before may have removed it.
            os.stat(self._path(spool_id), follow_symlinks=False)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def remove(self, spool_id: str) -> None:
        """Remove a file that is brought in."""
        self._path(spool_id).unlink(missing_ok=True)

    def refuse(self, spool_id: str, why: str) -> None:
        """Put in the place of a file why it is not brought in; the next play says it once."""
        note = self._directory / f"{spool_id}.refused"
        descriptor = os.open(note, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(" ".join(why.split())[:500])
        self.remove(spool_id)

    def _path(self, spool_id: str) -> Path:
        return self._directory / f"{spool_id}.jsonl"


def spools_of(settings: Settings, environment: Mapping[str, str]) -> tuple[Spool, ...]:
    """Return where the records of this home's plays may lie: in the home, else in the account.

    The second is used by plays that could not write to the home.
    """
    # As in plugins/plugin_utils/_spool.py, which may not import this package.
    own = hashlib.sha256(str(settings.home).encode()).hexdigest()[:12]
    base = environment.get("XDG_STATE_HOME") or os.path.join(
        environment.get("HOME") or "/nonexistent", ".local", "state"
    )
    return (
        Spool(settings.state_directory / "spool"),
        Spool(Path(base) / "rediacc" / "spool" / own),
    )


def _is_plain(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _records(descriptor: int, spool_id: str) -> Iterator[dict[str, Any]]:
    """Yield the whole records with this file's id; a last line without its end is no record."""
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        left = _MOST_BYTES
        while left > 0:
            line = stream.readline(_MOST_LINE)
            left -= len(line)
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict) and record.get("nonce") == spool_id:
                yield record
