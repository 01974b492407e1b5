"""Entries are put into people's YAML and taken out; every other byte stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.teams.safe_yaml import is_same
from rediacc.teams.yaml_splice import insert_entry, remove_entry

HOST = ("all", "hosts", "web9")

PEOPLE = """\
---
# our machines
all:
    vars:
        ntp: "yes"   # keep the quotes
    hosts:
        # the old ones
        web1:
            ansible_host: 10.0.0.1
            # ansible_user: old

        db1: {ansible_host: 10.0.0.2, ansible_port: 0022}   # flow
    children:
        # front
        web:
            hosts:
                web1:   # member
        empty:
            hosts:
            # nobody yet
"""


def _added_lines(before: str, after: str) -> list[str]:
    """Return the lines that came in, having shown that all others stayed in order."""
    rest = iter(after.splitlines(keepends=True))
    added = []
    for line in before.splitlines(keepends=True):
        for other in rest:
            if other == line:
                break
            added.append(other)
        else:
            pytest.fail(f"{line!r} is gone")
    return added + list(rest)


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        (HOST, None, ["        web9:\n"]),
        (
            HOST,
            {"ansible_host": "10.0.0.9", "ntp": "yes"},
            ["        web9:\n", "            ansible_host: 10.0.0.9\n", '            ntp: "yes"\n'],
        ),
        (("all", "children", "web", "hosts", "web9"), None, ["                web9:\n"]),
        (("all", "children", "empty", "hosts", "web9"), None, ["                web9:\n"]),
        (
            ("all", "children", "new", "hosts", "web9"),
            None,
            ["        new:\n", "            hosts:\n", "                web9:\n"],
        ),
    ],
)
def test_insert_keeps_every_line_of_a_hand_written_file(
    path: tuple[str, ...], value: Any, lines: list[str]
) -> None:
    assert _added_lines(PEOPLE, insert_entry(PEOPLE, path, value, what="it")) == lines


def test_insert_goes_into_a_flow_mapping_at_its_end() -> None:
    after = insert_entry(PEOPLE, ("all", "hosts", "db1", "rack"), "7", what="it")
    assert 'ansible_port: 0022, rack: "7"}   # flow\n' in after
    assert len(after) == len(PEOPLE) + len(', rack: "7"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "all:\n  hosts:\n    web9:\n"),
        ("# only a comment", "# only a comment\nall:\n  hosts:\n    web9:\n"),
        ("---\n", "---\nall:\n  hosts:\n    web9:\n"),
        ("all:\n", "all:\n  hosts:\n    web9:\n"),
        ("all:", "all:\n  hosts:\n    web9:\n"),
        ("all: {}\n", "all:\n  hosts:\n    web9:\n"),
        ("all:\n  hosts: {}  # none\n", "all:\n  hosts:  # none\n    web9:\n"),
        ("all:\n  hosts: ~\n", "all:\n  hosts:\n    web9:\n"),
        ("all:\n  hosts:\n    {}\n", "all:\n  hosts:\n\n    web9:\n"),
        ("all: {hosts: {}}\n", "all: {hosts: {web9: null}}\n"),
        ("{all: {hosts: {a: {}}}}\n", "{all: {hosts: {a: {}, web9: null}}}\n"),
        ("all: {hosts: {a: 1,}}\n", "all: {hosts: {a: 1, web9: null,}}\n"),
        ("all:\n  children: {}\n", "all:\n  children: {}\n  hosts:\n    web9:\n"),
        ("web:\n  hosts:\n    a:\n", "web:\n  hosts:\n    a:\nall:\n  hosts:\n    web9:\n"),
        ("all:\n  hosts:\n    a:\n      k: |\n        t\n\n  # c\n  vars: {}\n", None),
        ("all:\n  hosts:\n    a:\n      k: >+\n        t\n\n", None),
        ("all:\n  hosts:\n    a: !vault |\n      6162\n", None),
        ("all:\n  hosts:\n    a:\n      k: one\n        two\n  vars: {}\n", None),
        ("all:\n  hosts:\n    a: {x: 1,\n      y: 2}\n  vars: {}\n", None),
        ("all:\n  hosts:\n    a:\n      k:\n      - 1\n      - 2\n", None),
        ("x: &v {a: 1}\nall:\n  hosts:\n    a: *v\n    b:\n      <<: *v\n", None),
        ("all:\r\n  hosts:\r\n    a:\r\n  vars: {}\r\n", None),
        ("all:\n  hosts:\n    käse: {n: \U0001f9c0}\n", None),
    ],
)
def test_insert_finds_its_place_in_every_form(text: str, expected: str | None) -> None:
    after = insert_entry(text, HOST, None, what="it")
    if expected is not None:
        assert after == expected
    else:
        assert _added_lines(text, after)
    assert "web9" in after
    assert ("\r\n" in text) == ("web9:\r\n" in after)


@pytest.mark.parametrize(
    "text",
    [
        "all:\n  hosts: web1\n",
        "- all\n",
        "all:\n  hosts:\n    a:\n...\n---\nb: 1\n",
        "h: &h\n  a:\nall:\n  hosts: *h\n",
        "all:\n  hosts: &h\n    a:\n  children:\n    web:\n      hosts: *h\n",
        "all:\n  hosts:\n    a:\n    a:\n",
        "all: !x {}\n",
        "all:\n\thosts:\n",
        "all: [\n",
    ],
)
def test_insert_refuses_what_it_cannot_edit_exactly(text: str) -> None:
    with pytest.raises((Conflict, InvalidInput), match="the file"):
        insert_entry(text, HOST, None, what="the file")


def test_insert_refuses_an_entry_that_exists() -> None:
    with pytest.raises(Conflict, match="already"):
        insert_entry(PEOPLE, ("all", "hosts", "web1"), None, what="it")


def test_insert_refuses_expanding_aliases() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(InvalidInput, match="more than"):
        insert_entry(bomb, HOST, None, what="it")


def test_insert_refuses_deep_nesting_without_crashing() -> None:
    for text in ("[" * 5000, "a: " + "{a: " * 200 + "}" * 200, "&a [*a]"):
        with pytest.raises(InvalidInput):
            insert_entry(text, HOST, None, what="it")


def test_remove_takes_the_entry_and_what_is_its_own() -> None:
    after = remove_entry(PEOPLE, ("all", "hosts", "web1"), what="it")
    gone = _added_lines(after, PEOPLE)
    assert [line.strip() for line in gone] == [
        "web1:",
        "ansible_host: 10.0.0.1",
        "# ansible_user: old",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n  hosts:\n    web9:\n", "all:\n  hosts:\n"),
        ("all:\n  hosts:\n    web9:", "all:\n  hosts:\n"),
        ("all: {hosts: {web9: 1}}\n", "all: {hosts: {}}\n"),
        ("all: {hosts: {web9: 1, b: 2}}\n", "all: {hosts: {b: 2}}\n"),
        ("all: {hosts: {b: 2, web9: {c: d}}}\n", "all: {hosts: {b: 2}}\n"),
        ("all:\n  hosts:\n    web9:\n      k: |\n        x\n    b:\n", "all:\n  hosts:\n    b:\n"),
        ("all:\n  hosts:\n    b:\n    'web9': {x:\n  1}\n", "all:\n  hosts:\n    b:\n"),
    ],
)
def test_remove_in_every_form(text: str, expected: str) -> None:
    assert remove_entry(text, HOST, what="it") == expected


def test_remove_refuses_an_anchor_that_others_use() -> None:
    text = "all:\n  hosts:\n    web9: &v {a: 1}\n    b: *v\n"
    with pytest.raises(Conflict, match="without touching"):
        remove_entry(text, HOST, what="it")


def test_remove_says_when_there_is_nothing() -> None:
    with pytest.raises(NotFound):
        remove_entry("all:\n  hosts:\n", HOST, what="it")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
    | st.sampled_from(
        [
            "yes",
            "No",
            "12:30:45",
            "1e3",
            "null",
            "~",
            "007",
            "0x1f",
            "=",
            "<<",
            "1_0",
            "2020-01-01",
            "a: b",
            "a #b",
            "- a",
            "!x",
            "&a",
            "*a",
            "|",
            "{{ x }}",
            " a ",
            "on",
            ".5",
            ".inf",
            "\ufeff",
            "\x85",
            "\u2028",
            "\x7f",
            "%a",
            "@a",
            "`a",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=("Cs",)), max_size=9), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(value=st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), JSON, max_size=4))
def test_any_value_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    for text in (PEOPLE, "all: {hosts: {}}\n"):
        after = insert_entry(text, HOST, value, what="it")
        assert is_same(yaml.safe_load(after)["all"]["hosts"]["web9"], value)
        gone = remove_entry(after, HOST, what="it")
        assert gone == text
