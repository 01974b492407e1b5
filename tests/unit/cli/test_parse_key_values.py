"""``key=value`` text means what it means to Ansible, held against Ansible's own parser."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv
from hypothesis import given, settings
from hypothesis import strategies as st

from rediacc.cli.parse_key_values import parse_key_values
from rediacc.errors import InvalidInput

CASES = [
    "src=a dest=b",
    "src=\"a b\" dest='c d'",
    "a=b=c",
    "a={{ x | default('y z') }} b=1",
    "a={% if x %} 1 {% endif %}",
    r"msg=a\nb\tc",
    r"msg=\u00e9 x=\x41",
    r"a\=b c=d",
    "a=1\nb=2",
    "a=1 \\\n b=2",
    "a='it''s'",
    r"a=\"x y\"",
    "  a=1   b=2  ",
    "=a",
    "a=",
    'path="/x y/"z',
    "",
]
FREE = [
    "ls -l chdir=/tmp",
    "creates=/x echo a=b",
    "echo 'a  b'   c",
    "a=b removes='x y' stdin=z",
    "echo one\ntwo chdir=/",
]


def theirs(text: str, *, free_form: bool) -> tuple[dict[str, str], str] | None:
    try:
        options = dict(parse_kv(text, check_raw=free_form))
    except (AnsibleError, UnicodeDecodeError):
        return None
    left_over = options.pop("_raw_params", "")
    return {str(key): str(value) for key, value in options.items()}, str(left_over)


def ours(text: str, *, free_form: bool) -> tuple[dict[str, str], str] | None:
    try:
        return parse_key_values(text, option="--args", free_form=free_form)
    except InvalidInput:
        return None


@pytest.mark.parametrize("text", CASES)
def test_pairs_are_ansibles(text: str) -> None:
    assert ours(text, free_form=False) == theirs(text, free_form=False)


@pytest.mark.parametrize("text", FREE)
def test_free_form_text_is_ansibles(text: str) -> None:
    assert ours(text, free_form=True) == theirs(text, free_form=True)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="ab= \n\\'\"{}%#nx4u0chdir", max_size=24), free_form=st.booleans())
def test_any_text_is_read_as_ansible_reads_it(text: str, free_form: bool) -> None:
    assert ours(text, free_form=free_form) == theirs(text, free_form=free_form)


@pytest.mark.parametrize("text", ["a='b", 'a="b', "a={{ b", "a={% b"])
def test_what_does_not_close_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not closed"):
        parse_key_values(text, option="--args")
