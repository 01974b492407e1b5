"""Text from machines cannot steer the terminal that shows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rediacc.cli.neutral import neutral, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("grüße 中文 🎉", "grüße 中文 🎉"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("50%\r100%", "50%\\x0d100%"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x00b\x07\x08\x7f", "a\\x00b\\x07\\x08\\x7f"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert neutral(text) == shown


def test_one_line_holds_no_line_break() -> None:
    assert one_line("a\nb\tc") == "a\\nb\\tc"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = neutral(text)
    assert all(char in "\n\t" or (char >= " " and not "\x7f" <= char <= "\x9f") for char in shown)
    shown.encode("utf-8")
