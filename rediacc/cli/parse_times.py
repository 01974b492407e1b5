"""Durations (``30s``, ``1h30m``) and points in time (ISO, ``+10m``) as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from rediacc.errors import InvalidInput

__all__ = ["parse_duration", "parse_not_before", "parse_past"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# Ten years: longer is a slip of the hand, and far larger numbers overflow dates.
_LONGEST_SECONDS = 3650 * 86400.0


def parse_duration(text: str, *, option: str, allow_zero: bool = False) -> float:
    """Return the seconds that `text` means: ``90``, ``30s``, ``5m``, ``1h30m``.

    :raises InvalidInput: it means no duration, nothing, or more than ten years.
    """
    compact = text.strip()
    if _PLAIN.fullmatch(compact):
        seconds = float(compact)
    elif len(compact) <= 64 and _WHOLE.fullmatch(compact):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    else:
        raise InvalidInput(f"{option}: {text!r} is no duration", hint="write 30s, 5m or 1h30m")
    if seconds > _LONGEST_SECONDS:
        raise InvalidInput(f"{option}: {text!r} is longer than ten years")
    if seconds == 0 and not allow_zero:
        raise InvalidInput(f"{option}: must be longer than nothing")
    return seconds


def parse_not_before(text: str, *, now: datetime, option: str = "--not-before") -> datetime:
    """Return the time in UTC that `text` means: ISO 8601, ``now``, or ``+10m`` from `now`.

    A time without a zone is the zone of this machine, as a person at it would mean it.

    :raises InvalidInput: it means no time.
    """
    compact = text.strip()
    if compact == "now":
        return now
    if compact.startswith("+"):
        span = parse_duration(compact[1:], option=option, allow_zero=True)
        return now + timedelta(seconds=span)
    try:
        moment = datetime.fromisoformat(compact)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidInput(
            f"{option}: {text!r} is no time",
            hint="write 2030-01-31T18:00+01:00, +10m for in ten minutes, or now",
        ) from exc


def parse_past(text: str, *, now: datetime, option: str) -> datetime:
    """Return the time in UTC that `text` means: ``2h`` for two hours ago, or ISO 8601.

    :raises InvalidInput: it means no time.
    """
    compact = text.strip()
    if _WHOLE.fullmatch(compact):
        return now - timedelta(seconds=parse_duration(compact, option=option))
    try:
        return datetime.fromisoformat(compact).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidInput(
            f"{option}: {text!r} is no time",
            hint="write 2h or 7d for so long ago, or 2030-01-31T18:00+01:00",
        ) from exc
