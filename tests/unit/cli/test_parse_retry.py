"""The retry policy from JSON and from options."""

from __future__ import annotations

from pathlib import Path

import pytest

from rediacc.cli.parse_retry import parse_retry, retry_from_options
from rediacc.errors import InvalidInput

SEED = """{
  "taskId": "550e8400-e29b-41d4-a716-446655440000",
  "retryCount": 3,
  "retryDelay": 30,
  "failureAction": "alert"
}"""


def nothing_piped() -> str:
    raise AssertionError("standard input was read")


def test_json_is_taken_as_given() -> None:
    read = parse_retry(SEED, read_stdin=nothing_piped)
    assert read == {
        "taskId": "550e8400-e29b-41d4-a716-446655440000",
        "retryCount": 3,
        "retryDelay": 30,
        "failureAction": "alert",
    }


def test_json_comes_from_a_file_or_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "retry.json"
    file.write_text(SEED)
    assert parse_retry(str(file), read_stdin=nothing_piped)["retryCount"] == 3
    assert parse_retry("-", read_stdin=lambda: SEED)["retryCount"] == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no valid JSON"),
        ('{"retryCount": }', "line 1"),
        ('{"a": 1, "a": 2}', "given twice"),
        ('{"retryDelay": NaN}', "NaN"),
        ("missing.json", "no file"),
        ("/", "no file"),
        ('{"a": ' + "[" * 100_000, "64 KiB"),
        ('{"a": ' + "[" * 60_000, "nested|valid"),
    ],
)
def test_broken_json_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        parse_retry(text, read_stdin=nothing_piped)
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize("content", ["[]", "3", "null", '"x"', ""])
def test_what_is_no_object_is_refused(content: str) -> None:
    with pytest.raises(InvalidInput, match="--retry -"):
        parse_retry("-", read_stdin=lambda: content)


def test_options_join_the_json() -> None:
    options = {"retry_delay": "1m", "retry_on": ("failed,auth", "syntax"), "jitter": 0.5}
    assert retry_from_options(options, {"retryCount": 3}) == {
        "retryCount": 3,
        "retryDelay": 60.0,
        "retryOn": ["failed", "auth", "syntax"],
        "jitter": 0.5,
    }


@pytest.mark.parametrize("field", ["retryCount", "maxRetries"])
def test_option_and_json_that_say_the_same_are_refused(field: str) -> None:
    with pytest.raises(InvalidInput, match="--retry-count"):
        retry_from_options({"retry_count": 2}, {field: 3})
