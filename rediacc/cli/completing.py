"""Values that completion offers: read from the home's own files, never from the database."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

__all__ = ["complete_machines", "complete_named_tasks", "complete_teams"]

_MOST = 500


def complete_teams(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the teams that ``rediacc.toml`` names."""
    return _matching(_teams(), incomplete)


def complete_machines(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the machines of the inventories that were read last."""
    return _matching(_machines(), incomplete)


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
    return _matching((stem for stem, _, end in stems if end in ("yml", "yaml")), incomplete)


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


def _machines() -> list[str]:
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
                    names.update(json.load(stream)["machines"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)]
