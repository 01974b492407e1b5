"""``--args`` of a module."""

from __future__ import annotations

from typing import Any

import pytest

from rediacc.cli.parse_arguments import is_free_form, parse_arguments
from rediacc.errors import InvalidInput


@pytest.mark.parametrize(
    ("module", "text", "arguments"),
    [
        ("ansible.builtin.copy", "src=a dest='b c'", {"src": "a", "dest": "b c"}),
        ("ansible.builtin.copy", '{"src": "a", "force": false}', {"src": "a", "force": False}),
        ("ansible.builtin.copy", "{src: a, mode: '0644'}", {"src": "a", "mode": "0644"}),
        ("ping", "", {}),
        ("shell", "ls | wc chdir=/tmp", {"_raw_params": "ls | wc", "chdir": "/tmp"}),
        ("ansible.builtin.command", "echo a=b", {"_raw_params": "echo a=b"}),
        ("ansible.legacy.raw", "reboot", {"_raw_params": "reboot"}),
    ],
)
def test_arguments_are_read(module: str, text: str, arguments: dict[str, Any]) -> None:
    assert parse_arguments(text, module=module) == arguments


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("src", "'src' is not key=value"),
        ("src=a b", "'b' is not key=value"),
        ("src='a", "not closed"),
        ("{src: ", "valid JSON or YAML"),
        ("{src: !vault x}", "cannot be given"),
    ],
)
def test_broken_arguments_are_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_arguments(text, module="ansible.builtin.copy")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("command", True),
        ("ansible.builtin.script", True),
        ("ansible.windows.win_shell", True),
        ("community.general.command", False),
        ("ansible.builtin.copy", False),
        ("my.own.shell", False),
    ],
)
def test_free_form_modules_are_known_by_their_full_names(name: str, says: bool) -> None:
    assert is_free_form(name) is says
