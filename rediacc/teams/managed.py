"""Teams and machines that rediacc keeps, in files that people read, edit and keep in git.

Everything here reads and plans; :func:`rediacc.teams.changes.apply_changes` writes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.requests import MachineCreate, TeamCreate
from rediacc.settings import CONFIG_NAME, Settings, TeamSettings
from rediacc.settings.monitoring import check_sample_every
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.names import (
    check_address,
    check_group,
    check_machine,
    check_port,
    check_team,
    check_user,
    check_value,
    check_variable,
)
from rediacc.teams.safe_yaml import construct
from rediacc.teams.toml_tables import add_table, remove_table
from rediacc.teams.vaults.changing import plan_vault
from rediacc.teams.yaml_splice import insert_entry, remove_entry

__all__ = [
    "HOSTS_NAME",
    "hosts_path",
    "plan_create_machine",
    "plan_create_team",
    "plan_delete_machine",
    "plan_delete_team",
]

HOSTS_NAME = "hosts.yml"
_DIRECTORY = "inventories"
_VARIABLES_LIMIT = 1000

_NEW_HOSTS = """\
# The machines of team {team}: an ordinary Ansible inventory, yours to edit.
# rediacc adds and removes machines here and leaves everything else as you write it.
#   rediacc create machine NAME --team {team} --host ADDRESS --group GROUP
all:
  hosts: {{}}
"""

_Path = tuple[str, ...]


def hosts_path(settings: Settings, team: TeamSettings) -> Path:
    """Return where a managed team's machines stand."""
    return settings.home / team.inventory / HOSTS_NAME


def plan_create_team(settings: Settings, request: TeamCreate) -> tuple[FileChange, ...]:
    """Plan a team that rediacc keeps, or, with an inventory given, one over what exists.

    :raises InvalidInput: the name or the inventory cannot be meant.
    :raises Conflict: the team or its directory exists.
    """
    name = check_team(request.name)
    if request.ssh not in (None, "user", "vault"):
        raise InvalidInput(f"--ssh {request.ssh!r}: must be user or vault")
    if name in settings.teams:
        raise Conflict(f"team {name} exists", hint=f"rediacc inspect team {name}")
    sampling = _sampling(request.sample_every_seconds)
    if request.inventory is not None:
        inventory = _existing_inventory(settings, request.inventory)
        values = {"inventory": inventory, **sampling}
        if request.ssh != "vault":
            return (_toml_change(settings, name, values),)
        vault = plan_vault(settings, name, with_ssh_key=True)
        return (*vault, _toml_change(settings, name, values | {"ssh": "vault"}))
    inventory = f"{_DIRECTORY}/{name}"
    directory = settings.home / inventory
    if os.path.lexists(directory):
        raise Conflict(
            f"{directory} exists already",
            hint=f"to use it as it is: rediacc create team {name} --inventory {inventory}",
        )
    hosts = FileChange(
        path=directory / HOSTS_NAME,
        before=None,
        after=_NEW_HOSTS.format(team=name).encode(),
        summary=f"new inventory of team {name}: {inventory}/{HOSTS_NAME}",
    )
    ssh = request.ssh or "vault"
    vault = plan_vault(settings, name, with_ssh_key=ssh == "vault")
    table = {"inventory": inventory, "managed": True, "ssh": ssh, **sampling}
    return (hosts, *vault, _toml_change(settings, name, table))


def _sampling(every_seconds: float | None) -> dict[str, float]:
    if every_seconds is None:
        return {}
    check_sample_every(every_seconds, "sample_every")
    return {"sample_every": round(every_seconds) if every_seconds % 1 == 0 else every_seconds}


def plan_delete_team(settings: Settings, name: str) -> tuple[FileChange, ...]:
    """Plan the removal of a team; files that rediacc did not make stay, and a summary says so.

    :raises NotFound: no such team.
    :raises Conflict: ``rediacc.toml`` cannot be edited safely.
    """
    team = settings.team(name)
    path = settings.home / CONFIG_NAME
    before = _bytes_of(path)
    after = remove_table(_text_of(before, path), ("teams", name), what=str(path))
    hosts = hosts_path(settings, team)
    content = read_file(hosts) if team.is_managed else None
    removes = content is not None and _holds_only(hosts)
    stays = "" if removes else f"; {team.inventory} stays as it is"
    if content is not None and not removes:
        stays += ", because it holds files that rediacc did not make"
    config = FileChange(
        path=path,
        before=before,
        after=after.encode(),
        summary=f"team {name} taken out of {CONFIG_NAME}{stays}",
    )
    if not removes:
        return (config,)
    return (
        config,
        FileChange(
            path=hosts,
            before=content,
            after=None,
            prunes=True,
            summary=f"inventory of team {name} removed: {team.inventory}/{HOSTS_NAME}",
        ),
    )


def plan_create_machine(
    settings: Settings, request: MachineCreate, *, existing: Collection[str] = ()
) -> tuple[FileChange, ...]:
    """Plan a new machine in a team that rediacc keeps.

    :param existing: machine names that the team's effective inventory has beside its hosts file,
        for example from ranges or from other files in its directory.
    :raises InvalidInput: a name, address or variable cannot be meant.
    :raises NotFound: no such team.
    :raises Conflict: the machine exists, the team is adopted, or its file cannot be edited safely.
    """
    team = _managed(settings, request.team)
    name = check_machine(request.name)
    groups = tuple(dict.fromkeys(check_group(group) for group in request.groups))
    variables = _machine_variables(request)
    path = hosts_path(settings, team)
    before = _bytes_of(path)
    text, what = _text_of(before, path), str(path)
    data = construct(text, what)
    if name in existing or any(name in hosts for _, hosts in _host_tables(data)):
        raise Conflict(f"machine {name} is in team {team.name} already")
    known = dict(_group_paths(data))
    if name in known or name in groups:
        raise Conflict(f"{name} is a group: a machine needs another name")
    text = insert_entry(text, ("all", "hosts", name), variables or None, what=what)
    for group in groups:
        place = known.get(group, ("all", "children", group))
        text = insert_entry(text, (*place, "hosts", name), None, what=what)
    return (_hosts_change(path, before, text, f"machine {name} added to team {team.name}"),)


def plan_delete_machine(settings: Settings, team_name: str, name: str) -> tuple[FileChange, ...]:
    """Plan the removal of a machine from a team that rediacc keeps, out of all its groups.

    :raises NotFound: no such team or machine.
    :raises Conflict: the team is adopted, or its file cannot be edited safely.
    """
    team = _managed(settings, team_name)
    path = hosts_path(settings, team)
    before = _bytes_of(path)
    text, what = _text_of(before, path), str(path)
    places = [place for place, hosts in _host_tables(construct(text, what)) if name in hosts]
    if not places:
        raise NotFound(
            f"{team.inventory}/{HOSTS_NAME} has no machine {name!r} of its own",
            hint=f"rediacc list machines --team {team.name}",
        )
    for place in places:
        text = remove_entry(text, (*place, name), what=what)
    return (_hosts_change(path, before, text, f"machine {name} taken out of team {team.name}"),)


def _managed(settings: Settings, name: str) -> TeamSettings:
    team = settings.team(name)
    if not team.is_managed:
        raise Conflict(
            f"team {name} uses an inventory of yours, which rediacc does not change",
            hint=f"edit {team.inventory} yourself",
        )
    return team


def _existing_inventory(settings: Settings, given: str) -> str:
    """Return an inventory as ``rediacc.toml`` shall name it: relative when it lies in the home."""
    if not given or not given.isprintable() or len(given) > 4096:
        raise InvalidInput(f"{given[:80]!r} is no path of an inventory")
    path = settings.home / Path(given).expanduser()
    if not path.exists():
        raise InvalidInput(f"there is no inventory {path}")
    plain = Path(os.path.normpath(path))
    if plain.is_relative_to(settings.home) and plain != settings.home:
        return str(plain.relative_to(settings.home))
    return str(plain)


def _toml_change(settings: Settings, name: str, values: Mapping[str, Any]) -> FileChange:
    path = settings.home / CONFIG_NAME
    before = _bytes_of(path)
    after = add_table(_text_of(before, path), ("teams", name), values, what=str(path))
    return FileChange(
        path=path,
        before=before,
        after=after.encode(),
        summary=f"team {name} over {values['inventory']} added to {CONFIG_NAME}",
    )


def _hosts_change(path: Path, before: bytes, text: str, summary: str) -> FileChange:
    return FileChange(path=path, before=before, after=text.encode(), summary=summary)


def _bytes_of(path: Path) -> bytes:
    content = read_file(path)
    if content is None:
        raise NotFound(
            f"{path} is missing", hint="put it back, or remove the team and make it anew"
        )
    return content


def _text_of(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{path} is not UTF-8") from exc


def _holds_only(hosts: Path) -> bool:
    # A link leads to files that others may use as well.
    if hosts.is_symlink() or hosts.parent.is_symlink():
        return False
    return [entry.name for entry in os.scandir(hosts.parent)] == [hosts.name]


def _machine_variables(request: MachineCreate) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    if request.host is not None:
        variables["ansible_host"] = check_address(request.host)
    if request.user is not None:
        variables["ansible_user"] = check_user(request.user)
    if request.port is not None:
        variables["ansible_port"] = check_port(request.port)
    if len(request.variables) > _VARIABLES_LIMIT:
        raise InvalidInput(f"a machine takes at most {_VARIABLES_LIMIT} variables")
    for name, value in request.variables.items():
        if check_variable(name) in variables:
            raise InvalidInput(f"{name} is given twice: as an option and as a variable")
        variables[name] = check_value(value, f"the variable {name}")
    return variables


def _group_paths(data: Any) -> Iterator[tuple[str, _Path]]:
    """Yield every group with one place where it stands; a place with machines comes last.

    A group may stand in several places; what is yielded later is the better one to add to.
    """
    places = sorted(_walk_groups(data, ()), key=lambda place: bool(place[1].get("hosts")))
    for path, _ in places:
        yield path[-1], path


def _host_tables(data: Any) -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    for path, group in _walk_groups(data, ()):
        hosts = group.get("hosts")
        if isinstance(hosts, dict):
            yield (*path, "hosts"), hosts


def _walk_groups(groups: Any, path: _Path) -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    if not isinstance(groups, dict):
        return
    for name, group in groups.items():
        if not isinstance(name, str):
            continue
        place = (*path, name)
        yield place, group if isinstance(group, dict) else {}
        if isinstance(group, dict):
            yield from _walk_groups(group.get("children"), (*place, "children"))
