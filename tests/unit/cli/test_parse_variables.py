"""``-e``: what is read now, and what stays a reference because it holds secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from rediacc.cli.parse_variables import merged_values, parse_variables
from rediacc.errors import InvalidInput
from rediacc.values import ExtraVariables

VAULTED = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"


def values_of(text: str, directory: Path) -> object:
    (only,) = parse_variables([text], directory=directory)
    return only.values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1", {"a": "1"}),
        ("a=1 b='x y'", {"a": "1", "b": "x y"}),
        ('{"a": 1, "b": [true, null]}', {"a": 1, "b": [True, None]}),
        ("{a: 1, b: x}", {"a": 1, "b": "x"}),
        ("a={{ lookup('pipe', 'id') }}", {"a": "{{ lookup('pipe', 'id') }}"}),
        ("a='{\"b\": 1}'", {"a": '{"b": 1}'}),
    ],
)
def test_text_is_read(text: str, values: object, tmp_path: Path) -> None:
    assert values_of(text, tmp_path) == values


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("a: 1\nb: [x]\n", {"a": 1, "b": ["x"]}),
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("# nothing\n", {}),
        ("when: 2030-01-01\n", {"when": "2030-01-01"}),
        ("\ufeffa: 1\n", {"a": 1}),
    ],
)
def test_file_is_read_now(content: str, values: object, tmp_path: Path) -> None:
    (tmp_path / "v.yml").write_text(content, encoding="utf-8")
    assert values_of("@v.yml", tmp_path) == values


@pytest.mark.parametrize(
    "content",
    [
        VAULTED,
        "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
        "deep:\n  - b: !vault-encrypted x\n",
        "a: !unsafe '{{ x }}'\n",
        "a: !!binary aGk=\n",
        "a: {1: x}\n",
    ],
)
def test_file_with_secrets_or_tags_stays_a_reference(content: str, tmp_path: Path) -> None:
    (tmp_path / "v.yml").write_text(content, encoding="utf-8")
    (only,) = parse_variables(["@v.yml"], directory=tmp_path)
    assert only == ExtraVariables(file=str(tmp_path / "v.yml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("word", "not key=value"),
        ("a=1 word", "not key=value"),
        ("{a: 1", "valid JSON or YAML"),
        ("[1, 2]", "mapping"),
        ("@", "names no file"),
        ("@missing.yml", "no such file"),
        ("@.", "no such file"),
        ("./v.yml", "looks like a file"),
        ("/v.yml", "looks like a file"),
        ("{a: !vault x}", "only be given in a file"),
        ("a='x", "not closed"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        parse_variables([text], directory=tmp_path)
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a\n", "mapping"),
        (b"just text\n", "mapping"),
        (b"a: [\n", "valid JSON or YAML"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: " + b"x" * (1 << 20), "1 MiB"),
        (b"[" * 5000, "nested|valid"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(
                b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9))
                for n in range(8)
            ),
            "too many",
        ),
    ],
)
def test_broken_or_hostile_file_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "v.yml").write_bytes(content)
    with pytest.raises(InvalidInput, match=words) as refusal:
        parse_variables(["@v.yml"], directory=tmp_path)
    assert "\n" not in refusal.value.message


def test_order_is_kept_and_the_last_wins_for_a_named_task() -> None:
    given = parse_variables(["a=1", '{"a": 2}', "b=3"], directory=Path("/"))
    assert merged_values(given) == {"a": 2, "b": "3"}


def test_encrypted_file_cannot_give_a_named_tasks_variables() -> None:
    with pytest.raises(InvalidInput, match="encrypted"):
        merged_values([ExtraVariables(file="/x")])
