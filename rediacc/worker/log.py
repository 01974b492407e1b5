"""The worker's log: lines for people on a terminal, JSON lines elsewhere, always with context."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["LOG", "set_up_log", "task_context"]

LOG = logging.getLogger("rediacc.worker")


def set_up_log(stream: TextIO) -> None:
    """Send the log to `stream` in the form that suits it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_PeopleFormatter() if stream.isatty() else _JsonFormatter())
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.INFO)


def task_context(
    *, task: int, attempt: int, team: str, machines: tuple[str, ...], priority: int, **more: Any
) -> dict[str, Any]:
    """Return the ``extra`` of a line about a task: who, where, how urgent."""
    shown = ",".join(machines[:5]) + (f",+{len(machines) - 5}" if len(machines) > 5 else "")
    context = {"task": task, "attempt": attempt, "team": team, "machine": shown}
    return {"context": {**context, "priority": priority, **more}}


def _context(record: logging.LogRecord) -> Mapping[str, Any]:
    context: Mapping[str, Any] = getattr(record, "context", {})
    return context


def _when(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _when(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
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
