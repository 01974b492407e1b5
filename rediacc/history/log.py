"""What a play told, as lines to read: for its log, because nobody kept what Ansible printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["log_of"]

_MOST = 1 << 20
_MOST_MESSAGE = 300
_SHORT = {"failures": "failed"}


def log_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the records as lines, bounded; the last ones say how it ended."""
    ends = [line for record in records for line in _end(record)]
    room = _MOST - sum(map(len, ends))
    parts: list[str] = []
    for line in (line for record in records for line in _lines(record)):
        room -= len(line)
        if room < 0:
            parts.append("[... the rest is in the steps of the task ...]\n")
            break
        parts.append(line)
    return "".join(parts + ends)[: 2 * _MOST]


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    if record["type"] == "play":
        yield f"\nPLAY [{record['name']}]\n"
    elif record["type"] == "task":
        yield f"\nTASK [{record['name']}]\n"
    elif record["type"] == "result":
        words = " ".join(record["message"].split())
        shown = words if len(words) <= _MOST_MESSAGE else f"{words[:_MOST_MESSAGE]} ..."
        is_told = bool(shown) and record["status"] not in ("ok", "changed", "skipped")
        yield f"{record['status']}: [{record['host']}]{f': {shown}' if is_told else ''}\n"


def _end(record: Mapping[str, Any]) -> Iterator[str]:
    if record["type"] != "stats":
        return
    yield "\nPLAY RECAP\n"
    for name, counts in record["hosts"].items():
        words = " ".join(f"{_SHORT.get(word, word)}={number}" for word, number in counts.items())
        yield f"{name}: {words}\n"
