"""Every command that a message of the program names is one that the program understands."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rediacc.cli import main
from rediacc.cli.session import Session

PACKAGE = Path(main.__file__).resolve().parents[1]
# A command begins a text, or stands behind a colon, a semicolon, a quote or a line's begin; in a
# sentence the program's name alone is only a name.
_BEGIN = re.compile(r"(?:^|[:;,(|]\s+|['`(\n]\s*|\bor )rediacc (?=[a-z])")
_END = re.compile(
    r"[;`)(\n]|, | \| (?=rediacc)|  | (?:in|to|or|and|shows|says|knows|checks|comes) "
)
# Names of arguments, as help writes them, and what may stand for them.
_STANDS_FOR = {"ADDRESS": "192.0.2.1", "TEAM": "prod", "NAME": "x", "ROLE": "viewer"}
# What begins like a command and is none: names of plays and of senders, and sentences.
_NAMES = {
    "alerts/child.py": "alerts",
    "execution/plays.py": "",
    "teams/ansible_command.py": "works with",
    "teams/vaults/client.py": "is no longer installed",
    "teams/yaml_splice.py": "reads it",
}


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield every text that is no docstring; what is put into it later becomes a number."""
    docstrings = [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    ]
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    known = parts | {id(node.value) for node in docstrings}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "42" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in known:
            yield node.value if isinstance(node.value, str) else ""


def _commands(text: str) -> Iterator[str]:
    for found in _BEGIN.finditer(text):
        rest = text[found.end() :]
        quote = text[found.start()] if text[found.start()] in "'`" else ""
        end = rest.find(quote) if quote else -1
        yield (_END.split(rest)[0] if end < 0 else rest[:end]).rstrip(" .&")


@functools.cache
def _hints() -> list[tuple[str, str]]:
    return sorted(
        {
            (path.relative_to(PACKAGE).as_posix(), command)
            for path in PACKAGE.rglob("*.py")
            for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
            # Examples of help are run elsewhere, with all that a shell makes of them.
            if not text.startswith("\b\n")
            for command in _commands(text)
            if not _is_name(path.relative_to(PACKAGE).as_posix(), command)
        }
    )


def _is_name(file: str, command: str) -> bool:
    return file in _NAMES and command.startswith(_NAMES[file])


def _parse(words: list[str]) -> None:
    """Parse the words as the program does, up to where the command would begin.

    :raises click.UsageError: the program would refuse them.
    """
    command: click.Command = main.build_root()
    context = click.Context(command, info_name="rediacc", obj=Session({}))
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context = click.Context(found, parent=context, info_name=name, obj=context.obj)
        command = found
    command.parse_args(context, [_STANDS_FOR.get(word, word) for word in words])


def test_commands_are_found_in_the_messages() -> None:
    commands = {command for _file, command in _hints()}
    assert len(commands) > 30
    assert {"release task 42 --retry", "trust machine --unknown", "worker"} <= commands


@pytest.mark.parametrize(("file", "command"), _hints())
def test_every_command_in_a_message_is_understood(file: str, command: str) -> None:
    words = shlex.split(command)
    try:
        _parse(words)
    except click.MissingParameter:
        # A message may name a command without saying what with: `rediacc set secret`.
        assert len(words) <= 2, command
    except click.UsageError as error:
        pytest.fail(f"{file} says `rediacc {command}`: {error.format_message()}")


@pytest.mark.parametrize("words", ["release task 1 --again", "scan machine 1", "wait"])
def test_a_wrong_command_would_be_found(words: str) -> None:
    with pytest.raises(click.UsageError):
        _parse(words.split())
