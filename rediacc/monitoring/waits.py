"""How long starts waited, counted in classes: counts of two spans add up, percentiles follow.

The classes grow by about a half each and contain every promise of the queue's defaults, so that
a percentile is within a class of the true one and the share of kept promises is exact.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping

__all__ = [
    "BOUNDS",
    "SUM",
    "Waits",
    "add_wait",
    "count_waits",
    "kept_ratio",
    "merge_waits",
    "percentile",
]

Waits = dict[str, float]
"""Upper bound of a class in seconds, as text → number of starts; ``sum`` → seconds in all."""

SUM = "sum"
_OVER = "inf"
BOUNDS = (
    0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450,
    600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10800, 14400, 21600, 28800, 43200, 86400,
    172800, 345600,
)  # fmt: skip
_KEYS = (*(f"{bound:g}" for bound in BOUNDS), _OVER)


def add_wait(waits: Waits, seconds: float, number: int = 1) -> None:
    """Count `number` starts that waited `seconds`."""
    key = _KEYS[bisect.bisect_left(BOUNDS, seconds)]
    waits[key] = waits.get(key, 0) + number
    waits[SUM] = round(waits.get(SUM, 0.0) + seconds * number, 6)


def merge_waits(several: Iterable[Mapping[str, float]]) -> Waits:
    """Return the counts of `several` spans together."""
    merged: Waits = {}
    for waits in several:
        for key, number in waits.items():
            merged[key] = merged.get(key, 0) + number
    return merged


def count_waits(waits: Mapping[str, float]) -> int:
    """Return how many starts were counted."""
    return int(sum(number for key, number in waits.items() if key != SUM))


def percentile(waits: Mapping[str, float], share: float) -> float | None:
    """Return the wait in seconds that `share` (0 to 1) of the starts did not exceed.

    Within its class it is interpolated; waits beyond the last class count as its bound.
    """
    total = count_waits(waits)
    if not total:
        return None
    rank = max(1.0, share * total)
    passed = 0.0
    lower = 0.0
    for key, bound in zip(_KEYS, (*BOUNDS, BOUNDS[-1]), strict=True):
        number = waits.get(key, 0)
        if number and passed + number >= rank:
            part = (rank - passed) / number
            return _between(lower, bound, part)
        passed += number
        lower = bound
    return float(BOUNDS[-1])


def kept_ratio(waits: Mapping[str, float], promise_seconds: float) -> float | None:
    """Return the share of starts that waited at most `promise_seconds`.

    A promise between two bounds counts only the classes that lie wholly within it.
    """
    total = count_waits(waits)
    if not total:
        return None
    kept = sum(
        waits.get(key, 0)
        for key, bound in zip(_KEYS, BOUNDS, strict=False)
        if bound <= promise_seconds
    )
    return kept / total


def _between(lower: float, upper: float, part: float) -> float:
    """Return the place `part` (0 to 1) of the way up a class, evenly on a logarithmic scale."""
    if part >= 1:
        return float(upper)
    if lower <= 0:
        return upper * part
    return math.exp(math.log(lower) + (math.log(upper) - math.log(lower)) * part)
