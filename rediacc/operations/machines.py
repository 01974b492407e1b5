"""Operations on machines and their host keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from rediacc.counting import count as in_words
from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.monitoring.samples import newest_health
from rediacc.operations.files import change_files
from rediacc.queue.machines import MachineWork, machine_states, work_on
from rediacc.queue.resources import set_machine_state
from rediacc.queue.rules import machine_key
from rediacc.queue.transitions import wake
from rediacc.requests import (
    MachineCreate,
    MachineFilter,
    MachineRef,
    MachineUpdate,
    ScanRequest,
    TrustRequest,
)
from rediacc.teams.inventory import Inventory, find_team, read_inventory
from rediacc.teams.known_hosts import scan_host_keys, unknown_machines
from rediacc.teams.known_hosts import trust as record_keys
from rediacc.teams.managed import plan_create_machine, plan_delete_machine
from rediacc.values import MachineState
from rediacc.views import HostKey, MachineHealth, MachineList, MachineView

__all__ = ["create", "delete", "inspect", "list_all", "scan", "trust", "update"]


def create(call: Any, request: MachineCreate) -> MachineView:
    """``machine.create``: in a team that rediacc keeps."""
    call.for_team(request.team)
    existing = tuple(_inventory(call, request.team).hosts)
    changes = plan_create_machine(call.settings, request, existing=existing)
    change_files(call, f"machine {request.team}/{request.name}", changes)
    inventory = read_inventory(
        call.settings, request.team, environment=call.environment, refresh=True
    )
    return _view(inventory, request.name, MachineState.ONLINE, MachineWork())


def list_all(call: Any, request: MachineFilter) -> MachineList:
    """``machine.list``: the machines of one team or all, with what runs on them.

    Of all teams, one whose inventory cannot be read keeps nobody from seeing the others.
    """
    views: list[MachineView] = []
    unreadable: dict[str, str] = {}
    inventories: dict[str, Inventory] = {}
    for team in _teams(call, request.team):
        try:
            inventories[team] = _inventory(call, team)
        except RediaccError as exc:
            if request.team is not None:
                raise
            unreadable[team] = exc.message
    for team, inventory in inventories.items():
        if request.team is None and _lacks_group(inventory, request.group, inventories.values()):
            continue
        names = _names(inventory, request.group, team)
        groups = inventory.groups_of_all()
        with call.database.read() as connection:
            states = machine_states(connection, team)
            work = work_on(connection, team)
            health = _health(call, connection, team) if request.health else {}
        views += [
            _view(
                inventory,
                name,
                states.get(name, MachineState.ONLINE),
                work.get(name, MachineWork()),
                health=health.get(name),
                groups=groups.get(name, ()),
            )
            for name in names
        ]
    chosen = tuple(v for v in views if request.state is None or v.state is request.state)
    return MachineList(machines=chosen, unreadable=unreadable)


def inspect(call: Any, request: MachineRef) -> MachineView:
    """``machine.inspect``: one machine, with its variables (vaulted values stay vaulted)."""
    team, inventory = _locate(call, request.name, request.team)
    return _present(call, team, inventory, request.name)


def update(call: Any, request: MachineUpdate) -> MachineView:
    """``machine.update``: whether the machine takes work."""
    if request.state is None:
        raise InvalidInput("nothing to change: give --state online, maintenance or offline")
    team, inventory = _locate(call, request.name, request.team)
    name = f"machine {team}/{request.name}"
    detail: dict[str, Any] = {"after": {"state": str(request.state)}}
    with call.write(name, detail) as connection:
        known = machine_states(connection, team).get(request.name, MachineState.ONLINE)
        detail["before"] = {"state": str(known)}
        set_machine_state(connection, team, request.name, state=request.state, now=call.now)
        wake(connection, {machine_key(team, request.name)})
    return _present(call, team, inventory, request.name)


def delete(call: Any, request: MachineRef) -> MachineView:
    """``machine.delete``: refused while tasks for the machine are not final."""
    team, inventory = _locate(call, request.name, request.team)
    view = _present(call, team, inventory, request.name)
    count = view.pending_count + len(view.running)
    if count:
        raise Conflict(
            f"machine {request.name} has {in_words(count, 'task')} pending or running",
            hint="cancel them or let them end first",
        )
    changes = plan_delete_machine(call.settings, team, request.name)
    change_files(call, f"machine {team}/{request.name}", changes)
    return view


def scan(call: Any, request: ScanRequest) -> tuple[HostKey, ...]:
    """``machine.scan``: the host keys that machines show, and whether they are known."""
    found: list[HostKey] = []
    for team, names in _scan_targets(call, request).items():
        found += scan_host_keys(call.settings, team, names, environment=call.environment)
    return tuple(found)


def trust(call: Any, request: TrustRequest) -> int:
    """``machine.trust``: record host keys that a person looked at."""
    if not request.keys:
        raise InvalidInput("no host key to record")
    for team in sorted({key.team for key in request.keys}):
        call.for_team(team)
    keys = [f"{key.machine} {key.key_type} {key.fingerprint}" for key in request.keys]
    intent = call.note("intent", object_name="host keys", detail={"keys": keys})
    try:
        added = record_keys(call.settings, request.keys, environment=call.environment)
    except RediaccError as exc:
        call.note("refused", object_name="host keys", detail={"intent": intent, "why": exc.code})
        raise
    detail = {"intent": intent, "keys": keys, "added": added}
    call.note("done", object_name="host keys", detail=detail)
    return int(added)


def _scan_targets(call: Any, request: ScanRequest) -> dict[str, tuple[str, ...]]:
    if request.unknown:
        return {
            team: unknown_machines(call.settings, team, environment=call.environment)
            for team in _teams(call, request.team)
        }
    if not request.names:
        raise InvalidInput("which machines? give names, or --unknown")
    targets: dict[str, tuple[str, ...]] = {}
    for name in request.names:
        team, _inventory_of = _locate(call, name, request.team)
        targets[team] = (*targets.get(team, ()), name)
    return targets


def _locate(call: Any, name: str, team: str | None) -> tuple[str, Inventory]:
    found = team or find_team(call.settings, name, environment=call.environment)
    call.for_team(found)
    inventory = _inventory(call, found)
    if name not in inventory.hosts:
        raise NotFound(f"team {found} has no machine {name!r}", hint="rediacc list machines")
    return found, inventory


def _teams(call: Any, team: str | None) -> list[str]:
    """Return the names of the one team, or of all that the caller sees."""
    if team is not None:
        return [call.for_team(team).name]
    return [team.name for team in call.visible_teams()]


def _inventory(call: Any, team: str) -> Inventory:
    return read_inventory(call.settings, team, environment=call.environment)


def _lacks_group(inventory: Inventory, group: str | None, others: Iterable[Inventory]) -> bool:
    """Say whether the group is not this team's but another's."""
    if group is None or group in inventory.groups:
        return False
    return any(group in other.groups for other in others)


def _names(inventory: Inventory, group: str | None, team: str) -> tuple[str, ...]:
    if group is None:
        return tuple(inventory.hosts)
    if group not in inventory.groups:
        raise NotFound(f"team {team} has no group {group!r}")
    return inventory.groups[group]


def _present(call: Any, team: str, inventory: Inventory, name: str) -> MachineView:
    with call.database.read() as connection:
        state = machine_states(connection, team).get(name, MachineState.ONLINE)
        work = work_on(connection, team).get(name, MachineWork())
        health = _health(call, connection, team, name).get(name)
    return _view(inventory, name, state, work, health=health)


def _health(
    call: Any, connection: Connection, team: str, name: str | None = None
) -> dict[str, MachineHealth]:
    return newest_health(connection, call.settings, team, now=call.now, machine=name)


def _view(
    inventory: Inventory,
    name: str,
    state: MachineState,
    work: MachineWork,
    *,
    health: MachineHealth | None = None,
    groups: tuple[str, ...] | None = None,
) -> MachineView:
    """Return a machine as people see it.

    :param groups: what is known of its groups already, in a list; lists leave out its variables.
    """
    variables = dict(inventory.hosts[name])
    port = _plain(variables.get("ansible_port", variables.get("ansible_ssh_port")))
    return MachineView(
        name=name,
        team=inventory.team,
        state=state,
        address=inventory.addresses.get(name, name),
        user=_plain(variables.get("ansible_user", variables.get("ansible_ssh_user"))),
        port=int(port) if port.isdecimal() else None,
        groups=inventory.groups_of(name) if groups is None else groups,
        running=work.running,
        pending_count=work.pending,
        health=health,
        variables=variables if groups is None else {},
    )


def _plain(value: Any) -> str:
    """Return a variable's text; empty for one that only Ansible can evaluate or decrypt."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return "" if "{{" in text else text
