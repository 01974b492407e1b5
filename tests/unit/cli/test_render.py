"""Tables, documents and words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml

from rediacc.cli.render.document import document, envelope, to_json, to_yaml
from rediacc.cli.render.output import print_items
from rediacc.cli.render.table import Column, table_lines
from rediacc.cli.render.words import age, clock, count, duration, names
from rediacc.cli.session import View
from rediacc.errors import InvalidInput
from rediacc.values import PublicState

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Thing:
    id: int
    name: str
    size: float | None = None


COLUMNS = (
    Column("id", lambda thing: str(thing.id), key=lambda thing: thing.id),
    Column("name", lambda thing: thing.name),
    Column("size", lambda thing: str(thing.size or ""), is_wide=True, key=lambda thing: thing.size),
)
THINGS = (Thing(id=2, name="b"), Thing(id=10, name="a\nb\x1b[0m", size=1.5), Thing(id=1, name=""))


def shown(capsys: pytest.CaptureFixture[str], view: View) -> str:
    print_items(view, THINGS, kind="things", columns=COLUMNS, name=lambda thing: str(thing.id))
    return capsys.readouterr().out


def test_table_has_one_row_a_line_and_no_borders(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, View()).splitlines() == [
        "ID  NAME",
        "2   b",
        "10  a\\nb\\x1b[0m",
        "1   -",
    ]


def test_sort_is_by_value_and_what_has_none_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    by_id = shown(capsys, View(sort="-id", has_headers=False)).splitlines()
    assert [line.split()[0] for line in by_id] == ["10", "2", "1"]
    by_size = shown(capsys, View(sort="size", output="name")).split()
    assert by_size[0] == "10"


def test_columns_choose_in_documents_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, View(output="json", columns=("name",)))
    assert json.loads(text) == {
        "version": 1,
        "kind": "things",
        "items": [{"name": "b"}, {"name": "a\nb\x1b[0m"}, {"name": ""}],
    }


def test_every_output_parses_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(shown(capsys, View(output="json")))
    assert yaml.safe_load(shown(capsys, View(output="yaml"))) == whole
    lines = shown(capsys, View(output="jsonl")).splitlines()
    assert [json.loads(line) for line in lines] == whole["items"]
    assert shown(capsys, View(output="name")).split() == ["2", "10", "1"]


@pytest.mark.parametrize("view", [View(columns=("colour",)), View(sort="-colour")])
def test_unknown_column_is_refused_with_the_list(view: View) -> None:
    with pytest.raises(InvalidInput, match="colour") as refusal:
        print_items(view, THINGS, kind="things", columns=COLUMNS, name=str)
    assert "id, name, size" in refusal.value.hint


def test_wide_text_keeps_columns_in_line() -> None:
    lines = table_lines([["中文", "x"], ["a", "y"]], ("NAME", "Z"))
    assert lines == ["NAME  Z", "中文  x", "a     y"]


def test_line_is_cut_at_the_terminals_edge() -> None:
    assert table_lines([["abcdefgh"]], (), width=5) == ["abcd~"]


def test_document_holds_plain_values() -> None:
    moment = datetime(2030, 1, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    value = {"at": moment, "state": PublicState.FAILED, "things": (Thing(id=1, name="x"),)}
    assert document(value) == {
        "at": "2030-01-01T12:00:00Z",
        "state": "failed",
        "things": [{"id": 1, "name": "x", "size": None}],
    }


def test_documents_are_harmless_for_a_terminal() -> None:
    hostile = envelope("x", item="\x1b\x7f\x9b\u202e\udc80")
    for text in (to_json(hostile), to_yaml(envelope("x", item="\x1b\x7f\x9b\u202e"))):
        assert all(" " <= char <= "~" or char == "\n" for char in text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0s"),
        (0.25, "0.2s"),
        (9.96, "10s"),
        (59.9, "59s"),
        (60, "1m"),
        (185, "3m5s"),
        (7800, "2h10m"),
        (90000, "1d1h"),
        (-3, "0s"),
    ],
)
def test_duration_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_small_words() -> None:
    assert clock(NOW) == "2030-01-01T12:00:00Z"
    assert clock(None) == ""
    assert age(NOW - timedelta(minutes=3), now=NOW) == "3m"
    assert age(NOW + timedelta(minutes=3), now=NOW) == "0s"
    assert (count(1, "task"), count(2, "task")) == ("1 task", "2 tasks")
    assert names(["a", "b", "c", "d", "e"]) == "a,b,+3"
    assert names(["a", "b", "c"]) == "a,b,c"
