"""Levels, labels and other small words of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from rediacc.errors import InvalidInput
from rediacc.values import LEVEL_NAMES

__all__ = ["parse_level", "parse_pairs"]


def parse_level(text: str, *, option: str = "--priority") -> int:
    """Return the level 1 to 5 that a number or a word means.

    :raises InvalidInput: it means no level.
    """
    word = text.strip().lower()
    for level, name in LEVEL_NAMES.items():
        if word in (str(level), name):
            return level
    raise InvalidInput(
        f"{option}: {text!r} is no level", hint=f"1 to 5, or {', '.join(LEVEL_NAMES.values())}"
    )


def parse_pairs(texts: Iterable[str], *, option: str) -> dict[str, str]:
    """Return ``KEY=VALUE`` texts as a mapping; the value is everything after the first ``=``.

    :raises InvalidInput: one has no ``=`` or no key, or a key is given twice with two values.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"{option}: {text!r} is not KEY=VALUE")
        key = key.strip()
        if pairs.get(key, value) != value:
            raise InvalidInput(f"{option}: {key!r} is given twice with different values")
        pairs[key] = value
    return pairs
