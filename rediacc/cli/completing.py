"""Values that completion offers: read from the home's own files, as fast as a keystroke wants it.

Nothing of rediacc is loaded for it. Task numbers come from the database, which is only read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = [
    "complete_groups",
    "complete_levels",
    "complete_machines",
    "complete_named_tasks",
    "complete_playbooks",
    "complete_states",
    "complete_tasks",
    "complete_teams",
]

_MOST = 500
_MOST_TASKS = 30
_LEVELS = ("1", "2", "3", "4", "5", "critical", "high", "normal", "low", "minimal")
_STATES = ("pending", "running", "succeeded", "failed", "cancelled")
# Which fine states (see `rediacc.values.State`) the tasks have that a verb is for.
_STATES_OF_VERB = {
    "cancel": "state < 20",
    "update": "state < 6",
    "retry": "state IN (21, 22)",
    "release": "state = 8",
    "wait": "state < 20",
}


def complete_teams(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the teams that ``rediacc.toml`` names."""
    return _matching(_teams(), incomplete)


def complete_machines(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the machines of the inventories that were read last."""
    return _matching(_cached("machines"), incomplete)


def complete_named_tasks(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[str]:
    """Offer the files of ``named_tasks/``."""
    home = _home()
    try:
        names = os.listdir(os.path.join(home, "named_tasks")) if home else []
    except OSError:
        names = []
    stems = (name.rpartition(".") for name in names)
    return _matching((stem for stem, _rest, end in stems if end in ("yml", "yaml")), incomplete)


def complete_groups(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the groups of the inventories that were read last."""
    return _matching(_cached("groups"), incomplete)


def complete_levels(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the levels and their names."""
    return _matching(_LEVELS, incomplete)


def complete_states(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the states of tasks."""
    return _matching(_STATES, incomplete)


def complete_playbooks(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_tasks(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the newest tasks that the verb is for, each with what it runs."""
    from click.shell_completion import CompletionItem

    words = ctx.command_path.split()
    wanted = next((_STATES_OF_VERB[word] for word in words if word in _STATES_OF_VERB), "state > 0")
    return [
        CompletionItem(number, help=title)
        for number, title in _tasks(wanted)
        if number.startswith(incomplete)
    ]


def _tasks(wanted: str) -> list[tuple[str, str]]:
    import sqlite3
    from urllib.parse import quote

    home = _home()
    # Who comes through sudo sees no more than their role shows, which is not known here.
    if home is None or "SUDO_UID" in os.environ:
        return []
    path = os.path.join(home, ".rediacc", "rediacc.db")
    query = f"SELECT id, title FROM task WHERE {wanted} ORDER BY id DESC LIMIT {_MOST_TASKS}"
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=0.2)
        try:
            return [(str(number), title) for number, title in connection.execute(query)]
        finally:
            connection.close()
    except sqlite3.Error:
        return []


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))[:_MOST]


def _home() -> str | None:
    named = os.environ.get("REDIACC_HOME")
    if named:
        return named
    directory = os.getcwd()
    while not os.path.isfile(os.path.join(directory, "rediacc.toml")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory


def _teams() -> list[str]:
    # The headers are enough, and reading TOML would double the time of a completion.
    import re

    header = re.compile(r"^\s*\[\s*teams\s*\.\s*(?:\"([^\"]+)\"|([\w-]+))\s*[\].]", re.MULTILINE)
    home = _home()
    try:
        if home is None:
            return []
        with open(os.path.join(home, "rediacc.toml"), encoding="utf-8") as stream:
            return [quoted or bare for quoted, bare in header.findall(stream.read())]
    except (OSError, ValueError):
        # Completion has nowhere to complain: it offers nothing.
        return []


def _cached(what: str) -> list[str]:
    """Return all names of machines or groups in the inventories that were read last."""
    import json

    home = _home()
    if home is None:
        return []
    folder = os.path.join(home, ".rediacc", "cache")
    names: set[str] = set()
    try:
        for file in os.listdir(folder):
            if file.startswith("inventory-") and file.endswith(".json"):
                with open(os.path.join(folder, file), "rb") as stream:
                    names.update(json.load(stream)[what])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)]
