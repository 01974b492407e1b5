"""The worker's log: lines for people on a terminal, JSON lines elsewhere, always with context.

A line about a task names the task, its attempt, team, machines and level; one that a chore writes
names the chore; each names the worker. What libraries and Python itself warn of comes out in the
same form, so that every line can be read by a program.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

__all__ = ["LOG", "doing", "set_up_log", "task_context"]

LOG = logging.getLogger("rediacc.worker")
_ALL_OF_REDIACC = logging.getLogger("rediacc")
_ROOT = logging.getLogger()
_MOST_BYTES = 10 << 20
_KEPT_FILES = 5
_DOING: ContextVar[Mapping[str, Any] | None] = ContextVar("doing", default=None)


def set_up_log(stream: TextIO, *, worker: str, file: Path | None = None) -> None:
    """Send the log to `stream` in the form that suits it, or to `file` as JSON.

    :param worker: who speaks: in every line of JSON.
    :param file: kept at 10 MiB, with five older ones beside it.
    :raises OSError: the file cannot be written.
    """
    handler: logging.Handler
    if file is not None:
        handler = _PrivateFile(file, maxBytes=_MOST_BYTES, backupCount=_KEPT_FILES)
        handler.setFormatter(_JsonFormatter(worker))
    else:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_PeopleFormatter() if stream.isatty() else _JsonFormatter(worker))
    for old in _ROOT.handlers:
        if isinstance(old, _PrivateFile):
            old.close()
    _ROOT.handlers[:] = [handler]
    _ALL_OF_REDIACC.setLevel(logging.INFO)
    logging.captureWarnings(True)


def task_context(
    *, task: int, attempt: int, team: str, machines: Sequence[str], priority: int, **more: Any
) -> dict[str, Any]:
    """Return the ``extra`` of a line about a task: who, where, how urgent."""
    shown = ",".join(machines[:5]) + (f",+{len(machines) - 5}" if len(machines) > 5 else "")
    context = {"task": task, "attempt": attempt, "team": team, "machine": shown}
    return {"context": {**context, "priority": priority, **more}}


@contextlib.contextmanager
def doing(**context: Any) -> Iterator[None]:
    """Put `context` into every line that this thread logs inside the block."""
    token = _DOING.set({**(_DOING.get() or {}), **context})
    try:
        yield
    finally:
        _DOING.reset(token)


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A file that only its account reads; it is turned over before it grows too large."""

    def _open(self) -> Any:
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.baseFilename, flags, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


def _context(record: logging.LogRecord) -> Mapping[str, Any]:
    own: Mapping[str, Any] = getattr(record, "context", {})
    return {**(_DOING.get() or {}), **own}


def _when(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _when(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": " ".join(record.getMessage().split("\n")),
            "worker": self._worker,
            **_context(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _PeopleFormatter(logging.Formatter):
    """A line that a person reads: time, what, then the context."""

    def format(self, record: logging.LogRecord) -> str:
        context = " ".join(
            f"{name}={value}" for name, value in _context(record).items() if value not in ("", None)
        )
        words = f"{_when(record).astimezone():%H:%M:%S} {record.getMessage()}"
        line = f"{words:<40} {context}".rstrip()
        # Text from machines may be in a context: no line and no terminal code may come of it.
        line = "".join(char if char.isprintable() else "?" for char in line)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
