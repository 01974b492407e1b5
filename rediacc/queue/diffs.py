"""A module's differences in the form that Ansible prints them: lines with - and +."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["DIFF_CUT", "bounded_diff", "diff_text"]

DIFF_CUT = "[the rest of the differences was not kept]"
_MOST = 4_000


def diff_text(diff: Any) -> str:
    """Return what a module gave as ``diff`` as text; empty where nothing differs.

    :param diff: one difference or a list; each has ``before`` and ``after``, or is ``prepared``.
    """
    parts = diff if isinstance(diff, list) else [diff]
    return "\n".join(text for part in parts if isinstance(part, Mapping) for text in _texts(part))


def bounded_diff(diff: Any) -> str:
    """Return :func:`diff_text`, cut to at most 4,000 characters with a line that says so."""
    text = diff_text(diff)
    if len(text) <= _MOST:
        return text
    kept, _end, _rest = text[: _MOST - len(DIFF_CUT) - 1].rpartition("\n")
    return f"{kept}\n{DIFF_CUT}"


def _texts(part: Mapping[str, Any]) -> Iterator[str]:
    if part.get("prepared"):
        yield str(part["prepared"]).rstrip("\n")
    if "before" not in part and "after" not in part:
        return
    before, after = (_lines(part.get(name)) for name in ("before", "after"))
    old, new = (str(part.get(f"{name}_header") or name) for name in ("before", "after"))
    lines = list(difflib.unified_diff(before, after, old, new, lineterm=""))
    if lines:
        yield "\n".join(lines)


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=4, sort_keys=True)
    return text.splitlines()
