"""Documents as text: JSON and YAML."""

from __future__ import annotations

import json
import re
from typing import Any

from rediacc.documents import VERSION, document, envelope

__all__ = ["VERSION", "document", "envelope", "to_json", "to_yaml"]

# What GitHub's runner takes for a command in a line of a job's log.
_COMMANDS = re.compile(r"##\[|^\s*(?:- |'|\")*::", re.MULTILINE)


def to_json(value: Any, *, is_line: bool = False) -> str:
    """Return JSON in ASCII, so that no character of it can steer a terminal or a pipeline."""
    text = json.dumps(value, indent=None if is_line else 2, ensure_ascii=True)
    # GitHub's runner obeys what begins so, wherever in a line of the log it stands.
    return text.replace("\x7f", "\\u007f").replace("##[", "#\\u0023[")


def to_yaml(value: Any) -> str:
    """Return YAML in ASCII, its keys in the document's order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=100)
    if _COMMANDS.search(text):
        # Only between double quotes can a character be written otherwise; no line is broken there.
        text = yaml.safe_dump(
            value, sort_keys=False, allow_unicode=False, width=1 << 30, default_style='"'
        ).replace("##[", "#\\x23[")
    return text.rstrip("\n")
