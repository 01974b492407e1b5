"""From values to places in a drawing: pure sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

__all__ = ["ceiling", "day_and_time", "log_place", "time_ticks", "value_ticks"]

_STEPS = tuple(
    timedelta(seconds=step)
    for step in (60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
)


def ceiling(value: float) -> float:
    """Return a round number that is not below `value`: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    # An edge that is hit but for rounding counts as hit.
    return next(factor * power for factor in (1, 2, 5, 10) if value <= factor * power * 1.000001)


def value_ticks(high: float) -> tuple[float, ...]:
    """Return the values to mark on an axis from 0 to `high`, whole ones where that is small."""
    parts = 5 if high >= 5 else max(1, round(high))
    return tuple(high * part / parts for part in range(parts + 1))


def time_ticks(since: datetime, until: datetime, *, most: int) -> tuple[datetime, ...]:
    """Return round times in UTC between `since` and `until`, at most `most`."""
    length = until - since
    step = next((step for step in _STEPS if length / step <= most), None)
    if step is None:
        step = timedelta(days=math.ceil(length / timedelta(days=most)))
    midnight = datetime(since.year, since.month, since.day, tzinfo=UTC)
    tick = midnight + math.ceil((since - midnight) / step) * step
    ticks = []
    while tick <= until:
        ticks.append(tick)
        tick += step
    return tuple(ticks)


def day_and_time(at: datetime, ticks: Sequence[datetime]) -> str:
    """Return the label of a tick: its time, or its day where all ticks are midnights."""
    if all(tick.hour == tick.minute == 0 for tick in ticks):
        return f"{at:%b %d}"
    return f"{at:%b %d}" if at.hour == at.minute == 0 else f"{at:%H:%M}"


def log_place(value: float, low: float, high: float) -> float:
    """Return where `value` lies between `low` and `high` on a logarithmic scale, 0 to 1."""
    if value <= low:
        return 0.0
    return min(1.0, math.log(value / low) / math.log(high / low))
