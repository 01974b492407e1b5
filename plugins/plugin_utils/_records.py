# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private channel of a run: one JSON object a line, each written whole."""

from __future__ import annotations

import datetime
import fcntl
import json
import mmap
import os
import struct

_COUNTER = struct.Struct("<Q")


def utc_now() -> str:
    """Return the time as records carry it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")


class RecordFile:
    """Appends records. Forked workers may write too: the numbers follow the file's order."""

    def __init__(self, path: str, nonce: str) -> None:
        self._nonce = nonce
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, 0o600)
        self._counter = mmap.mmap(-1, _COUNTER.size)

    def fileno(self) -> int:
        """Return the file's descriptor."""
        return self._fd

    def write(self, kind: str, fields: dict[str, object]) -> None:
        """Append one record of a kind.

        :raises OSError: it could not be written.
        """
        # POSIX locks are each process's own, also on a descriptor that was inherited.
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            (last,) = _COUNTER.unpack_from(self._counter)
            _COUNTER.pack_into(self._counter, 0, last + 1)
            record = {"nonce": self._nonce, "type": kind, "seq": last + 1, "at": utc_now()}
            line = json.dumps({**fields, **record}, ensure_ascii=True, default=str) + "\n"
            data = line.encode("ascii")
            if os.write(self._fd, data) != len(data):
                raise OSError("a record could not be written whole")
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
