"""Answers as documents: plain JSON values with one envelope and a version.

Fields carry the names of :mod:`rediacc.values`; times are ISO 8601 in UTC, durations are numbers
of seconds in fields that end in ``_seconds``. A field is added, never renamed, within a version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

__all__ = ["VERSION", "document", "envelope", "to_json", "to_yaml"]

VERSION = 1


def document(value: Any, only: Sequence[str] = ()) -> Any:
    """Return `value` as plain JSON values, with the fields in `only` if any are named."""
    if is_dataclass(value) and not isinstance(value, type):
        names = only or [field.name for field in fields(value)]
        return {name: document(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): document(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [document(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def envelope(kind: str, **content: Any) -> dict[str, Any]:
    """Return the document of an answer: its version, its kind, and ``item`` or ``items``."""
    return {"version": VERSION, "kind": kind, **content}


def to_json(value: Any, *, is_line: bool = False) -> str:
    """Return JSON in ASCII, so that no character of it can steer a terminal."""
    text = json.dumps(value, indent=None if is_line else 2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f")


def to_yaml(value: Any) -> str:
    """Return YAML in ASCII, its keys in the document's order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=100)
    return text.rstrip("\n")
