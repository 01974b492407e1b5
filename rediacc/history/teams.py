"""Which team a play that was started by hand belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rediacc.errors import NotFound, RediaccError
from rediacc.history.plays import Play
from rediacc.settings import Settings
from rediacc.teams.inventory import read_inventory

__all__ = ["team_of_play"]

_LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))
_HINT = "name it as team in [callback_rediacc] of ansible.cfg, or in REDIACC_TEAM"


def team_of_play(play: Play, settings: Settings, *, environment: Mapping[str, str]) -> str:
    """Return the team that the person named, else the one whose inventory the play used.

    Where its inventory was of no one team, the one that has all its machines.

    :raises NotFound: it cannot be told.
    """
    if play.team is not None:
        return settings.team(play.team).name
    by_files = _by_files(play, settings)
    if by_files is not None:
        return by_files
    machines = set(play.machines) - _LOCAL
    if not machines:
        raise NotFound(f"the play of {play.title} tells no team", hint=_HINT)
    having, unreadable = [], []
    for name in settings.teams:
        names = _names(settings, name, environment)
        if names is None:
            unreadable.append(name)
        elif machines <= names:
            having.append(name)
    if len(having) == 1:
        return having[0]
    shown = ", ".join(sorted(machines)[:3]) + (" ..." if len(machines) > 3 else "")
    which = f"several teams have: {', '.join(sorted(having))}" if having else "no team has"
    lack = f"; not readable: {', '.join(unreadable)}" if unreadable else ""
    raise NotFound(
        f"the play of {play.title} ran on machines that {which} ({shown}){lack}", hint=_HINT
    )


def _by_files(play: Play, settings: Settings) -> str | None:
    """Return the one team whose inventory all sources of the play's are, or lie in."""
    sources = [Path(source) for source in play.inventory]
    if not sources or not all(source.is_absolute() for source in sources):
        return None
    fitting = [
        name
        for name, team in settings.teams.items()
        if all(_lies_in(source, settings.home / team.inventory) for source in sources)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _lies_in(source: Path, inventory: Path) -> bool:
    try:
        return source.resolve().is_relative_to(inventory.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _names(settings: Settings, team: str, environment: Mapping[str, str]) -> set[str] | None:
    try:
        return set(read_inventory(settings, team, environment=environment).hosts)
    except RediaccError:
        return None
