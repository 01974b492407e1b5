"""Documents as text: JSON and YAML."""

from __future__ import annotations

import json
from typing import Any

from rediacc.documents import VERSION, document, envelope

__all__ = ["VERSION", "document", "envelope", "to_json", "to_yaml"]


def to_json(value: Any, *, is_line: bool = False) -> str:
    """Return JSON in ASCII, so that no character of it can steer a terminal."""
    text = json.dumps(value, indent=None if is_line else 2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f")


def to_yaml(value: Any) -> str:
    """Return YAML in ASCII, its keys in the document's order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=100)
    return text.rstrip("\n")
