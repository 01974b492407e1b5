# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What any process of this Ansible run decrypts, known to all of them, and never on disk.

Ansible's workers are forked and decrypt most values on their own. They append what they
learn to an anonymous memory file that was opened before the first fork; the main process
reads on from where it was before it writes anything.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading

from ._masking import Masker

_HEADER = struct.Struct("<I")
_LIMIT_BYTES = 1 << 20
_READ_BYTES = 1 << 16


class SharedSecrets:
    """A masker whose knowledge is shared over forks."""

    def __init__(self) -> None:
        self._masker = Masker()
        self._fd = os.memfd_create("rediacc", os.MFD_CLOEXEC)
        # Appending makes writes of several processes follow each other whole.
        fcntl.fcntl(self._fd, fcntl.F_SETFL, fcntl.fcntl(self._fd, fcntl.F_GETFL) | os.O_APPEND)
        self._restart()
        os.register_at_fork(after_in_child=self._restart)

    def _restart(self) -> None:
        # A fork may come while another thread is reading: the child reads from the beginning.
        self._lock = threading.Lock()
        self._offset = 0
        self._rest = b""

    def learn(self, text: str) -> None:
        """Learn a secret and tell the other processes."""
        self._refresh()
        if self._masker.knows(text):
            return
        self._masker.learn(text)
        payload = text.encode("utf-8", "surrogateescape")[:_LIMIT_BYTES]
        os.write(self._fd, _HEADER.pack(len(payload)) + payload)

    def masker(self) -> Masker:
        """Return the masker with everything that any process has learned until now."""
        self._refresh()
        return self._masker

    def _refresh(self) -> None:
        with self._lock:
            while chunk := os.pread(self._fd, _READ_BYTES, self._offset):
                self._offset += len(chunk)
                self._rest += chunk
                self._consume()

    def _consume(self) -> None:
        while len(self._rest) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            payload, self._rest = self._rest[_HEADER.size : end], self._rest[end:]
            self._masker.learn(payload.decode("utf-8", "surrogateescape"))
