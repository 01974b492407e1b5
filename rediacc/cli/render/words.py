"""Small values in words: times, durations, counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rediacc.counting import count

__all__ = ["age", "clock", "count", "duration", "labels", "names"]


def clock(moment: datetime | None) -> str:
    """Return a time in UTC to the second; empty for none."""
    if moment is None:
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float | None) -> str:
    """Return a duration as people say it: ``0.4s``, ``12s``, ``3m5s``, ``2h10m``, ``4d``."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f}".rstrip("0").rstrip(".") + "s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    for size, unit, next_size, next_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "m")):
        if whole >= size:
            rest = whole % size // next_size
            return f"{whole // size}{unit}" + (f"{rest}{next_unit}" if rest else "")
    return f"{whole // 60}m" + (f"{whole % 60}s" if whole % 60 else "")


def age(moment: datetime | None, *, now: datetime) -> str:
    """Return how long ago a time was; empty for none."""
    return "" if moment is None else duration(max((now - moment).total_seconds(), 0.0))


def names(items: Iterable[str], *, most: int = 3) -> str:
    """Return names with commas, the first few and how many more."""
    listed = list(items)
    if len(listed) <= most:
        return ",".join(listed)
    return f"{','.join(listed[: most - 1])},+{len(listed) - most + 1}"


def labels(pairs: Mapping[str, str]) -> str:
    """Return labels as ``k=v,k=v``."""
    return ",".join(f"{key}={value}" for key, value in sorted(pairs.items()))
