"""Signals that ask a process to end, noted instead of obeyed at once."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Signals"]

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Counts what Ctrl-C, a runner or a closed terminal send, for as long as it listens.

    A signal that whoever started the process had it ignore, as `nohup` does, stays ignored.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._last: int | None = None
        self._number = 0
        self._answered = 0

    def listen(self) -> None:
        """Note signals from now on; a second call changes nothing."""
        for number in _WATCHED:
            if number not in self._before and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)

    @property
    def is_waiting(self) -> bool:
        """Whether one came that nobody has answered."""
        return self._number > self._answered

    def answer(self) -> str:
        """Take what came as answered; return the name of the last signal."""
        self._answered = self._number
        return "" if self._last is None else signal.Signals(self._last).name

    def __enter__(self) -> Signals:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._last = number
        self._number += 1
