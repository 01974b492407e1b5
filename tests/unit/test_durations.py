"""Durations mean what people write, and nothing else means anything."""

from __future__ import annotations

import pytest

from rediacc.durations import parse_duration
from rediacc.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        (" 1D2h ", 93600),
        ("1w", 604800),
        ("0.5s", 0.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "m", "-5", "5x", "5m1h", "1e3", "nan", "inf", "5 m", "٣", "11000d", "9" * 400]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_duration(text)
