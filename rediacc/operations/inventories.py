"""``inventory.read``: teams' inventories, for the collection and for other programs."""

from __future__ import annotations

from typing import Any

from rediacc.errors import NotFound
from rediacc.monitoring.samples import newest_health, stale_after
from rediacc.queue.machines import MachineWork, machine_states, work_on
from rediacc.requests import InventoryRequest
from rediacc.settings import TeamSettings
from rediacc.teams.inventory import Inventory, read_inventory
from rediacc.teams.inventory_sources import watch
from rediacc.values import MachineState
from rediacc.views import InventoryGroup, InventoryMachine, TeamInventory

__all__ = ["read"]


def read(call: Any, request: InventoryRequest) -> tuple[TeamInventory, ...]:
    """``inventory.read``: the named teams in their order, or all that the caller sees.

    One that cannot be read fails it: an inventory that lacks machines would be believed.
    """
    if request.teams:
        teams = [call.for_team(name) for name in dict.fromkeys(request.teams)]
    else:
        teams = list(call.visible_teams())
    if not teams:
        raise NotFound("no team of this home is yours to see", hint="rediacc list teams")
    answer = tuple(
        _whole(call, team) if request.contents else _outline(call, team) for team in teams
    )
    names = ", ".join(team.name for team in teams)
    call.note("done", object_name=f"teams {names}"[:200], detail={"contents": request.contents})
    return answer


def _outline(call: Any, team: TeamSettings) -> TeamInventory:
    source = watch(call.settings.home, team.inventory).source
    machines = _machines(call, team.name, None)
    return TeamInventory(
        team=team.name,
        source=source,
        machines=machines,
        groups={},
        is_complete=False,
        has_uncertain_trust=True,
        stale_seconds=stale_after(call.settings, team.name),
    )


def _whole(call: Any, team: TeamSettings) -> TeamInventory:
    inventory = read_inventory(call.settings, team.name, environment=call.environment)
    return TeamInventory(
        team=team.name,
        source=inventory.source,
        machines=_machines(call, team.name, inventory),
        groups={
            name: InventoryGroup(machines=group.machines, children=group.children)
            for name, group in inventory.structure.items()
        },
        is_complete=not inventory.has_hidden_variables,
        has_uncertain_trust=inventory.has_uncertain_trust,
        stale_seconds=stale_after(call.settings, team.name),
        digest=inventory.digest,
    )


def _machines(call: Any, team: str, inventory: Inventory | None) -> dict[str, InventoryMachine]:
    """Return the machines of an inventory, or without one those that the database knows."""
    with call.database.read() as connection:
        states = machine_states(connection, team)
        work = work_on(connection, team)
        health = newest_health(connection, call.settings, team, now=call.now)
    names = inventory.hosts if inventory is not None else sorted({*states, *work, *health})
    return {
        name: InventoryMachine(
            state=states.get(name, MachineState.ONLINE),
            running=work.get(name, MachineWork()).running,
            pending_count=work.get(name, MachineWork()).pending,
            health=health.get(name),
            variables=inventory.hosts[name] if inventory is not None else {},
        )
        for name in names
    }
