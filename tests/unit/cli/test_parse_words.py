"""Levels and ``KEY=VALUE`` texts."""

from __future__ import annotations

import pytest

from rediacc.cli.parse_words import parse_level, parse_pairs
from rediacc.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "level"),
    [("1", 1), ("5", 5), ("critical", 1), ("High", 2), ("normal", 3), ("low", 4), ("minimal", 5)],
)
def test_level_is_a_number_or_a_word(text: str, level: int) -> None:
    assert parse_level(text) == level


@pytest.mark.parametrize("text", ["", "0", "6", "-1", "1.0", "urgent", "01", "\uff11"])
def test_other_levels_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--priority"):
        parse_level(text)


def test_pairs_keep_everything_after_the_first_equals_sign() -> None:
    assert parse_pairs(["a=b=c", "d="], option="--label") == {"a": "b=c", "d": ""}


def test_the_same_pair_twice_is_one() -> None:
    assert parse_pairs(["a=b", "a=b"], option="--label") == {"a": "b"}


@pytest.mark.parametrize("texts", [["a"], ["=b"], [" =b"], [""], ["a=b", "a=c"]])
def test_what_is_no_pair_is_refused(texts: list[str]) -> None:
    with pytest.raises(InvalidInput, match="--label"):
        parse_pairs(texts, option="--label")
