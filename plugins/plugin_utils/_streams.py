# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard output and error that never show a known secret."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable

from ._masking import Masker

_WITHHELD = "[rediacc: output withheld, it could not be masked]\n"


class MaskingStream:
    """A text stream that masks what is written before it hands it on.

    Lines are handed on when they are complete. What of an unfinished line may be the
    beginning of a secret stays here, also at a flush, until it is clear that it is none.
    """

    def __init__(self, stream: object, masker: Callable[[], Masker]) -> None:
        self._stream = stream
        self._masker = masker
        self._pending = ""
        self._lock = threading.RLock()
        self.buffer = _MaskingBuffer(self)
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # The parent prints what is pending; its lock may be held by a thread that is not here.
        self._lock = threading.RLock()
        self._pending = ""

    def write(self, text: str) -> int:
        with self._lock:
            self._pending += text
            end = self._pending.rfind("\n") + 1
            if end:
                self._emit(end)
        return len(text)

    def writelines(self, lines: object) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._lock:
            if self._pending:
                self._emit(len(self._pending) - self._masker().held_back(self._pending))
        self._stream.flush()

    def finish(self) -> None:
        """Hand on everything: nothing more will come that could complete a secret."""
        with self._lock:
            text = self._pending
            held = self._masker().held_back(text)
            self._emit(len(text) - held)
            # The beginning of a secret is masked like one; shorter beginnings give nothing away.
            if self._pending:
                self._stream.write(self._pending if held < 4 else "********")
                self._pending = ""
        self._stream.flush()

    def _emit(self, end: int) -> None:
        text, self._pending = self._pending[:end], self._pending[end:]
        try:
            masked = self._masker().mask(text)
        except Exception:  # what cannot be masked is not shown
            masked = _WITHHELD
        if masked:
            self._stream.write(masked)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def __iter__(self) -> object:
        return iter(self._stream)


class _MaskingBuffer:
    """The binary side of a masking stream, for code that writes bytes."""

    def __init__(self, text: MaskingStream) -> None:
        self._text = text

    def write(self, data: bytes) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._text.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._text._stream.buffer, name)


def mask_standard_streams(masker: Callable[[], Masker]) -> None:
    """Replace standard output and error of this process by masking ones."""
    for name in ("stdout", "stderr"):
        stream = MaskingStream(getattr(sys, name), masker)
        setattr(sys, name, stream)
        atexit.register(stream.finish)


class _MaskingFilter(logging.Filter):
    """Masks the messages of a log."""

    def __init__(self, masker: Callable[[], Masker]) -> None:
        super().__init__()
        self._masker = masker

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._masker().mask(record.getMessage()), ()
        return True


def mask_log(masker: Callable[[], Masker]) -> None:
    """Mask Ansible's log file, where the user's configuration names one."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_MaskingFilter(masker))
