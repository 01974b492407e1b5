"""Operations on machines and their host keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from rediacc.errors import InvalidInput, NotFound, RediaccError
from rediacc.monitoring.samples import newest_health
from rediacc.queue.machines import MachineWork, machine_states, work_on
from rediacc.requests import MachineFilter, MachineRef, ScanRequest, TrustRequest
from rediacc.teams.inventory import Inventory, find_team, read_inventory
from rediacc.teams.known_hosts import scan_host_keys, unknown_machines
from rediacc.teams.known_hosts import trust as record_keys
from rediacc.values import MachineState
from rediacc.views import HostKey, MachineHealth, MachineList, MachineView

__all__ = ["inspect", "inventory_of", "list_all", "locate", "present", "scan", "trust"]


def list_all(call: Any, request: MachineFilter) -> MachineList:
    """``machine.list``: the machines of one team or all, with what runs on them.

    Of all teams, one whose inventory cannot be read keeps nobody from seeing the others.
    """
    views: list[MachineView] = []
    unreadable: dict[str, str] = {}
    inventories: dict[str, Inventory] = {}
    for team in _teams(call, request.team):
        try:
            inventories[team] = inventory_of(call, team)
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
    team, inventory = locate(call, request.name, request.team)
    return present(call, team, inventory, request.name)


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
        team, _inventory_of = locate(call, name, request.team)
        targets[team] = (*targets.get(team, ()), name)
    return targets


def locate(call: Any, name: str, team: str | None) -> tuple[str, Inventory]:
    """Return the machine's team, when the caller may do this there, and its inventory.

    :raises NotFound: there is no such machine.
    """
    found = team or find_team(call.settings, name, environment=call.environment)
    call.for_team(found)
    inventory = inventory_of(call, found)
    if name not in inventory.hosts:
        raise NotFound(f"team {found} has no machine {name!r}", hint="rediacc list machines")
    return found, inventory


def _teams(call: Any, team: str | None) -> list[str]:
    """Return the names of the one team, or of all that the caller sees."""
    if team is not None:
        return [call.for_team(team).name]
    return [team.name for team in call.visible_teams()]


def inventory_of(call: Any, team: str) -> Inventory:
    """Return a team's inventory."""
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


def present(call: Any, team: str, inventory: Inventory, name: str) -> MachineView:
    """Return a machine as it is now, with its variables."""
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
