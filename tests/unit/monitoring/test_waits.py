"""Waits in classes: they add up, and percentiles are within a class of the true ones."""

from __future__ import annotations

import random
import statistics

import pytest

from rediacc.monitoring.waits import (
    BOUNDS,
    Waits,
    add_wait,
    count_waits,
    kept_ratio,
    merge_waits,
    percentile,
)
from rediacc.settings.model import LEVEL_LIMITS


def _counted(*seconds: float) -> Waits:
    waits: Waits = {}
    for one in seconds:
        add_wait(waits, one)
    return waits


def test_no_start_has_no_percentile_and_no_ratio() -> None:
    assert percentile({}, 0.5) is None
    assert kept_ratio({}, 60) is None


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("mean", [0.2, 8.0, 900.0])
def test_percentiles_are_within_a_class_of_the_true_ones(share: float, mean: float) -> None:
    draw = random.Random(f"{share}{mean}")
    seconds = [draw.expovariate(1 / mean) for _turn in range(4000)]
    true = statistics.quantiles(seconds, n=100)[round(share * 100) - 1]
    found = percentile(_counted(*seconds), share)
    assert found is not None
    place = next(n for n, bound in enumerate(BOUNDS) if true <= bound)
    assert (BOUNDS[place - 1] if place else 0) <= found <= BOUNDS[place]


def test_spans_merge_to_what_counting_all_at_once_gives() -> None:
    some, more = (0.05, 1.0, 59.9, 4000.0), (1.0, 1e9)
    merged = merge_waits((_counted(*some), _counted(*more)))
    assert merged == _counted(*some, *more)
    assert count_waits(merged) == 6


def test_a_promise_is_kept_to_the_second() -> None:
    for limit in LEVEL_LIMITS.values():
        waits = _counted(limit - 0.5, limit, limit + 0.5, limit * 2)
        assert kept_ratio(waits, limit) == 0.5


def test_longest_waits_count_as_the_last_bound() -> None:
    assert percentile(_counted(1e9), 0.5) == BOUNDS[-1]
