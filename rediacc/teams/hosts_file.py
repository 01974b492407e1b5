"""The file in which a team that rediacc keeps has its machines, as it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.settings import Settings, TeamSettings
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.names import check_value, check_variable
from rediacc.teams.safe_yaml import construct

__all__ = [
    "HOSTS_NAME",
    "HostsFile",
    "Place",
    "bytes_of",
    "checked_variables",
    "hosts_path",
    "managed_team",
    "read_hosts",
    "text_of",
]

HOSTS_NAME = "hosts.yml"
_VARIABLES_LIMIT = 1000

Place = tuple[str, ...]
"""Where something stands in the file: the keys that lead to it."""


@dataclass(frozen=True, kw_only=True)
class HostsFile:
    """A hosts file as it was read.

    :param before: its bytes; what is written is refused when they are no longer these.
    """

    team: TeamSettings
    path: Path
    before: bytes = field(repr=False)
    text: str = field(repr=False)
    data: Any = field(repr=False)

    def tables(self) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Yield each mapping of machines with its place."""
        for path, group in _walk_groups(self.data, ()):
            hosts = group.get("hosts")
            if isinstance(hosts, dict):
                yield (*path, "hosts"), hosts

    def places(self, machine: str) -> dict[Place, Mapping[str, Any]]:
        """Return where a machine stands, each place with the variables that stand there.

        The place outside of any group comes first.
        """
        found = {
            (*place, machine): hosts[machine] if isinstance(hosts[machine], dict) else {}
            for place, hosts in self.tables()
            if machine in hosts
        }
        return dict(sorted(found.items(), key=lambda item: len(item[0])))

    def group_places(self) -> dict[str, Place]:
        """Return every group with the place to add to: where it stands with machines already."""
        places = sorted(_walk_groups(self.data, ()), key=lambda place: bool(place[1].get("hosts")))
        return {path[-1]: path for path, _rest in places}

    def changed(self, text: str, summary: str) -> FileChange:
        """Return the change to another text."""
        return FileChange(path=self.path, before=self.before, after=text.encode(), summary=summary)


def hosts_path(settings: Settings, team: TeamSettings) -> Path:
    """Return where a managed team's machines stand."""
    return settings.home / team.inventory / HOSTS_NAME


def read_hosts(settings: Settings, team_name: str) -> HostsFile:
    """Return the hosts file of a team that rediacc keeps.

    :raises NotFound: no such team, or its file is missing.
    :raises Conflict: the team is adopted.
    :raises InvalidInput: the file is no inventory in YAML.
    """
    team = managed_team(settings, team_name)
    path = hosts_path(settings, team)
    before = bytes_of(path)
    text = text_of(before, path)
    data = construct(text, str(path))
    return HostsFile(team=team, path=path, before=before, text=text, data=data)


def managed_team(settings: Settings, name: str) -> TeamSettings:
    """Return a team whose inventory rediacc keeps.

    :raises NotFound: no such team.
    :raises Conflict: its inventory is people's own.
    """
    team = settings.team(name)
    if not team.is_managed:
        raise Conflict(
            f"team {name} uses an inventory of yours, which rediacc does not change",
            hint=f"edit {team.inventory} yourself",
        )
    return team


def checked_variables(
    variables: Mapping[str, Any], *, besides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return variables that a machine can have.

    :param besides: those that options of their own give.
    :raises InvalidInput: one cannot be meant, or is given twice.
    """
    if len(variables) > _VARIABLES_LIMIT:
        raise InvalidInput(f"a machine takes at most {_VARIABLES_LIMIT} variables")
    for name in variables:
        if check_variable(name) in besides:
            raise InvalidInput(f"{name} is given twice: as an option and as a variable")
    return {name: check_value(one, f"the variable {name}") for name, one in variables.items()}


def bytes_of(path: Path) -> bytes:
    """Return a file's content.

    :raises NotFound: there is none.
    """
    content = read_file(path)
    if content is None:
        raise NotFound(
            f"{path} is missing", hint="put it back, or remove the team and make it anew"
        )
    return content


def text_of(content: bytes, path: Path) -> str:
    """Return a file's text.

    :raises InvalidInput: it is no UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{path} is not UTF-8") from exc


def _walk_groups(groups: Any, path: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    if not isinstance(groups, dict):
        return
    for name, group in groups.items():
        if not isinstance(name, str):
            continue
        place = (*path, name)
        yield place, group if isinstance(group, dict) else {}
        if isinstance(group, dict):
            yield from _walk_groups(group.get("children"), (*place, "children"))
