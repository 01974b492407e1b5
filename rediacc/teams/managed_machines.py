"""Plans for the machines of teams that rediacc keeps, in files that people read and edit too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.requests import MachineCreate, MachineUpdate
from rediacc.settings import Settings
from rediacc.teams.changes import FileChange
from rediacc.teams.hosts_file import HOSTS_NAME, HostsFile, Place, checked_variables, read_hosts
from rediacc.teams.names import check_address, check_group, check_machine, check_port, check_user
from rediacc.teams.safe_yaml import construct, is_same
from rediacc.teams.yaml_splice import insert_entry, remove_entry, replace_value

__all__ = ["MachinePlan", "plan_create_machine", "plan_delete_machine", "plan_update_machine"]

_OWN_OPTIONS = {"host": "ansible_host", "user": "ansible_user", "port": "ansible_port"}
_GROUP_FROM_END = 3  # a place ends with: the group, "hosts", the machine


@dataclass(frozen=True, kw_only=True)
class MachinePlan:
    """A machine's change, and what the file says of it before and after; ``None``: nothing.

    Both hold ``host``, ``user``, ``port``, ``groups`` and ``variables``.
    """

    changes: tuple[FileChange, ...]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def plan_create_machine(
    settings: Settings, request: MachineCreate, *, existing: Collection[str] = ()
) -> MachinePlan:
    """Plan a new machine in a team that rediacc keeps.

    :param existing: machine names that the team's effective inventory has beside its hosts file,
        for example from ranges or from other files in its directory.
    :raises InvalidInput: a name, address or variable cannot be meant.
    :raises NotFound: no such team.
    :raises Conflict: the machine exists, the team is adopted, or its file cannot be edited safely.
    """
    file = read_hosts(settings, request.team)
    name = check_machine(request.name)
    groups = _checked_groups(request.groups)
    variables = _own_options(request)
    variables |= checked_variables(request.variables, besides=variables)
    if name in existing or file.places(name):
        raise Conflict(f"machine {name} is in team {file.team.name} already")
    if name in file.group_places() or name in groups:
        raise Conflict(f"{name} is a group: a machine needs another name")
    text = insert_entry(file.text, ("all", "hosts", name), variables or None, what=str(file.path))
    text = _with_groups(file, text, name, groups)
    change = file.changed(text, f"machine {name} added to team {file.team.name}")
    return MachinePlan(changes=(change,), before=None, after=_kept(_as_changed(file, text), name))


def plan_update_machine(settings: Settings, team: str, request: MachineUpdate) -> MachinePlan:
    """Plan another address, other groups or variables of a machine; no change where all is so.

    :raises InvalidInput: an address, group or variable cannot be meant.
    :raises NotFound: no such team, or its hosts file has no such machine of its own.
    :raises Conflict: the team is adopted, or its file cannot be edited safely.
    """
    file = read_hosts(settings, team)
    _check_update(request)
    before = _kept(file, request.name)
    edited = _as_changed(file, _with_variables(file, request))
    edited = _as_changed(edited, _with_other_groups(edited, request))
    after = _kept(edited, request.name)
    if edited.text == file.text:
        return MachinePlan(changes=(), before=before, after=after)
    what = ", ".join(name for name in after if not is_same(before[name], after[name]))
    summary = f"machine {request.name} of team {team} changed: {what}"
    change = file.changed(edited.text, summary)
    return MachinePlan(changes=(change,), before=before, after=after)


def plan_delete_machine(settings: Settings, team_name: str, name: str) -> MachinePlan:
    """Plan the removal of a machine from a team that rediacc keeps, out of all its groups.

    :raises NotFound: no such team or machine.
    :raises Conflict: the team is adopted, or its file cannot be edited safely.
    """
    file = read_hosts(settings, team_name)
    before, text = _kept(file, name), file.text
    for place in file.places(name):
        text = remove_entry(text, place, what=str(file.path))
    change = file.changed(text, f"machine {name} taken out of team {file.team.name}")
    return MachinePlan(changes=(change,), before=before, after=None)


def _kept(file: HostsFile, name: str) -> dict[str, Any]:
    """Return what the file says of a machine."""
    places = _places(file, name)
    variables: dict[str, Any] = {}
    for there in places.values():
        variables = {**there, **variables}
    own = {option: variables.pop(variable, None) for option, variable in _OWN_OPTIONS.items()}
    return {**own, "groups": sorted(_groups_of(places)), "variables": variables}


def _places(file: HostsFile, name: str) -> dict[Place, Mapping[str, Any]]:
    places = file.places(name)
    if not places:
        raise NotFound(
            f"{file.team.inventory}/{HOSTS_NAME} has no machine {name!r} of its own",
            hint=f"rediacc list machines --team {file.team.name}",
        )
    return places


def _groups_of(places: Iterable[Place]) -> set[str]:
    return {place[-_GROUP_FROM_END] for place in places} - {"all", "ungrouped"}


def _as_changed(file: HostsFile, text: str) -> HostsFile:
    return replace(file, text=text, data=construct(text, str(file.path)))


# -- variables


def _own_options(request: MachineCreate | MachineUpdate) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    if request.host is not None:
        variables["ansible_host"] = check_address(request.host)
    if request.user is not None:
        variables["ansible_user"] = check_user(request.user)
    if request.port is not None:
        variables["ansible_port"] = check_port(request.port)
    return variables


def _with_variables(file: HostsFile, request: MachineUpdate) -> str:
    """Return the file's text with the wished variables, and without those that shall go."""
    wanted = _own_options(request)
    wanted |= checked_variables(request.variables, besides=wanted)
    places = _places(file, request.name)
    there = {name for variables in places.values() for name in variables}
    going = set(request.remove_variables) & there
    if request.purge_variables:
        going |= there - set(wanted) - set(_OWN_OPTIONS.values())
    text, what = file.text, str(file.path)
    for name, value in wanted.items():
        text = _with_variable(text, places, name, value, what)
    for place, variables in places.items():
        for name in variables:
            if name in going:
                text = remove_entry(text, (*place, name), what=what)
    return text


def _with_variable(
    text: str, places: Mapping[Place, Mapping[str, Any]], name: str, value: Any, what: str
) -> str:
    holding = [place for place, variables in places.items() if name in variables]
    if len(holding) > 1:
        raise Conflict(
            f"{name} stands in {len(holding)} places of {what}", hint="take out all but one"
        )
    if not holding:
        return insert_entry(text, (*next(iter(places)), name), value, what=what)
    if is_same(places[holding[0]][name], value):
        return text
    return replace_value(text, (*holding[0], name), value, what=what)


# -- groups


def _with_other_groups(file: HostsFile, request: MachineUpdate) -> str:
    name, places = request.name, _places(file, request.name)
    present = _groups_of(places)
    if request.groups is not None:
        wanted = set(_checked_groups(request.groups))
    else:
        wanted = (present | set(_checked_groups(request.add_groups))) - set(request.remove_groups)
    if name in wanted:
        raise Conflict(f"{name} is a machine: a group needs another name")
    given = [*(request.groups or ()), *request.add_groups]
    new = [group for group in dict.fromkeys(given) if group in wanted - present]
    going = {place: places[place] for place in places if _groups_of([place]) & (present - wanted)}
    text = _with_groups(file, file.text, name, new)
    if not going:
        return text
    text = _with_ground(text, name, places, going, stays=bool(new), what=str(file.path))
    for place in going:
        text = remove_entry(text, place, what=str(file.path))
    return text


def _with_ground(
    text: str,
    name: str,
    places: Mapping[Place, Mapping[str, Any]],
    going: Mapping[Place, Mapping[str, Any]],
    *,
    stays: bool,
    what: str,
) -> str:
    """Return the text in which the machine, and its variables, stay when it leaves groups."""
    ground = ("all", "hosts", name)
    moved: dict[str, Any] = {}
    for variables in going.values():
        moved = {**variables, **moved}
    if ground not in places:
        is_last = len(going) == len(places) and not stays
        return insert_entry(text, ground, moved or None, what=what) if moved or is_last else text
    for key, value in moved.items():
        if key not in places[ground]:
            text = insert_entry(text, (*ground, key), value, what=what)
    return text


def _with_groups(file: HostsFile, text: str, name: str, groups: Iterable[str]) -> str:
    known = file.group_places()
    for group in groups:
        place = known.get(group, ("all", "children", group))
        text = insert_entry(text, (*place, "hosts", name), None, what=str(file.path))
    return text


def _checked_groups(groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check_group(group) for group in groups))


def _check_update(request: MachineUpdate) -> None:
    if request.groups is not None and (request.add_groups or request.remove_groups):
        raise InvalidInput("groups are given whole, or as what comes and goes: not both")
    for what, coming, going in (
        ("variable", request.variables, request.remove_variables),
        ("group", request.add_groups, request.remove_groups),
    ):
        both = sorted(set(coming) & set(going))
        if both:
            raise InvalidInput(f"the {what} {both[0]} is to be set and removed")
