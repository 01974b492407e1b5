"""Durations as people write them: ``30``, ``30s``, ``5m``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re

from rediacc.errors import InvalidInput

__all__ = ["LONGEST_SECONDS", "parse_duration"]

LONGEST_SECONDS = 10 * 365 * 86400.0

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_PARTS = re.compile(
    r"(?:(?P<w>\d{1,9})w)?(?:(?P<d>\d{1,9})d)?(?:(?P<h>\d{1,9})h)?"
    r"(?:(?P<m>\d{1,9})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,6})?)s)?",
    re.ASCII,
)


def parse_duration(text: str) -> float:
    """Return the seconds that `text` means; a plain number is seconds.

    :raises InvalidInput: it means no duration, or more than ten years.
    """
    compact = text.strip().lower()
    parts = _PARTS.fullmatch(compact)
    if _PLAIN.fullmatch(compact):
        seconds = float(compact)
    elif compact and parts is not None:
        seconds = sum(
            float(value) * _UNITS[unit] for unit, value in parts.groupdict().items() if value
        )
    else:
        raise InvalidInput(f"{text[:60]!r} is no duration", hint="write 30s, 5m, 1h30m or 2d")
    if seconds > LONGEST_SECONDS:
        raise InvalidInput(f"{text[:60]!r} is more than ten years")
    return seconds
