"""Durations and points in time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rediacc.cli.parse_times import parse_duration, parse_not_before
from rediacc.errors import InvalidInput

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("90", 90),
        ("0.5", 0.5),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("2d", 172800),
        ("1w", 604800),
        (" 10s ", 10),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text, option="--timeout") == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "5x", "-5s", "5 m", "1h-5m", "nan", "inf", "1e3", "0", "0s", "9" * 400, "3651d",
     "٣s", "1" * 70 + "s"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--timeout"):
        parse_duration(text, option="--timeout")


def test_nothing_is_a_duration_where_it_is_allowed() -> None:
    assert parse_duration("0", option="--retry-delay", allow_zero=True) == 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("+10m", NOW + timedelta(minutes=10)),
        ("2030-01-01T18:00:00Z", datetime(2030, 1, 1, 18, tzinfo=UTC)),
        ("2030-01-01T18:00+02:00", datetime(2030, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_time_is_read(text: str, moment: datetime) -> None:
    read = parse_not_before(text, now=NOW)
    assert read == moment
    assert read.tzinfo is UTC


def test_time_without_zone_is_local() -> None:
    local = datetime(2030, 6, 1, 8, 0).astimezone()
    assert parse_not_before("2030-06-01T08:00", now=NOW) == local


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "+", "+x", "2030-13-01", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--not-before"):
        parse_not_before(text, now=NOW)
