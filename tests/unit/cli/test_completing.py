"""What completion offers beside names: groups, levels, states, files, the tasks of a verb."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click
import pytest

from rediacc.cli import completing, main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / ".rediacc" / "cache"
    cache.mkdir(parents=True)
    (cache / "inventory-prod.json").write_text('{"machines": ["a"], "groups": {"web": 1, "db": 1}}')
    database = sqlite3.connect(tmp_path / ".rediacc" / "rediacc.db")
    database.execute("CREATE TABLE task (id INTEGER, title TEXT, state INTEGER)")
    rows = [(1, "uptime", 20), (2, "df -h", 21), (3, "sleep 9", 6), (10, "held", 8)]
    database.executemany("INSERT INTO task VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    monkeypatch.setenv("REDIACC_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    return tmp_path


def offered(*words: str) -> list[str]:
    """Return what is offered for the last of the words."""
    command: click.Command = main.build_root()
    context = click.Context(command, info_name="rediacc")
    rest = list(words)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        context = click.Context(found, parent=context, info_name=name)
        command = found
    option = next(
        param
        for param in command.params
        if rest[0] in param.opts or (len(rest) == 1 and isinstance(param, click.Argument))
    )
    return [item.value for item in option.shell_complete(context, rest[-1])]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("create task --group w", ["web"]),
        ("list machines --group ?", []),
        ("create task -p h", ["high"]),
        ("update task -p 1", ["1"]),
        ("list tasks --state f", ["failed"]),
        ("inspect task 1", ["10", "1"]),
        ("logs 2", ["2"]),
        ("wait 3", ["3"]),
        ("wait 2", []),
        ("cancel task 1", ["10"]),
        ("retry task 2", ["2"]),
        ("retry task 1", []),
        ("release task 1", ["10"]),
        ("update task 3", []),
    ],
)
def test_offers_what_the_command_can_take(words: str, values: list[str]) -> None:
    assert offered(*words.split()) == values


@pytest.mark.usefixtures("home")
def test_a_playbook_is_a_file() -> None:
    item = completing.complete_playbooks(None, None, "site")[0]  # type: ignore[arg-type]
    assert (item.value, item.type) == ("site", "file")


@pytest.mark.usefixtures("home")
def test_through_sudo_no_task_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")
    assert offered("inspect", "task", "1") == []


def test_a_home_without_a_database_offers_nothing(home: Path) -> None:
    (home / ".rediacc" / "rediacc.db").unlink()
    assert offered("inspect", "task", "1") == []
