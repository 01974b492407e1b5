"""Operations that make, change and remove machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from rediacc.counting import count as in_words
from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.operations.files import change_files
from rediacc.operations.machines import inventory_of, locate, present
from rediacc.queue.machines import machine_states
from rediacc.queue.resources import set_machine_state
from rediacc.requests import MachineCreate, MachineDelete, MachineUpdate
from rediacc.teams.inventory import Inventory, read_inventory
from rediacc.teams.managed_machines import (
    MachinePlan,
    plan_create_machine,
    plan_delete_machine,
    plan_update_machine,
)
from rediacc.teams.showing import shown_change, shown_variables
from rediacc.values import MachineState
from rediacc.views import MachineChange, MachineView

__all__ = ["create", "delete", "update"]

_NO_FILE = MachinePlan(changes=(), before={}, after={})


def create(call: Any, request: MachineCreate) -> MachineChange:
    """``machine.create``: in a team that rediacc keeps."""
    call.for_team(request.team)
    name = f"machine {request.team}/{request.name}"
    existing = tuple(inventory_of(call, request.team).hosts)
    plan = plan_create_machine(call.settings, request, existing=existing)
    if request.dry_run:
        call.note("done", object_name=name, detail={"dry_run": True})
        return _changed(_future(request), plan, states=(None, request.state), is_dry_run=True)
    # A machine of that name that is gone may have left its state.
    effect = _state_effect(call, request.team, request.name, request.state)
    change_files(call, name, plan.changes, effect=effect)
    view = present(call, request.team, _anew(call, request.team), request.name)
    return _changed(view, plan, states=(None, request.state))


def update(call: Any, request: MachineUpdate) -> MachineChange:
    """``machine.update``: whether it takes work; where and what it is, where rediacc keeps that."""
    is_about_file = replace(request, team=None, state=None, dry_run=False) != MachineUpdate(
        name=request.name
    )
    if request.state is None and not is_about_file:
        raise InvalidInput(
            "nothing to change: give --state online, maintenance or offline, "
            "or an address, a group or a variable"
        )
    team, inventory = locate(call, request.name, request.team)
    plan = plan_update_machine(call.settings, team, request) if is_about_file else _NO_FILE
    view = present(call, team, inventory, request.name)
    states = (view.state, request.state or view.state)
    name, detail = f"machine {team}/{request.name}", _noted(plan, states)
    is_same = not plan.changes and states[0] is states[1]
    if request.dry_run or is_same:
        note = {"dry_run": True} if request.dry_run else {"changed": False}
        call.note("done", object_name=name, detail=note)
        return _changed(view, plan, states=states, is_dry_run=request.dry_run)
    effect = _state_effect(call, team, request.name, states[1])
    if plan.changes:
        change_files(call, name, plan.changes, effect=effect, detail=detail)
        inventory = _anew(call, team)
    else:
        with call.write(name, detail) as connection:
            effect(connection)
    return _changed(present(call, team, inventory, request.name), plan, states=states)


def delete(call: Any, request: MachineDelete) -> MachineChange | None:
    """``machine.delete``: refused while tasks for the machine are not final.

    Answers nothing where there was none and that is no error.
    """
    try:
        team, inventory = locate(call, request.name, request.team)
    except NotFound:
        if not request.missing_ok or request.team is None:
            raise
        call.for_team(request.team)
        return None
    view = present(call, team, inventory, request.name)
    count = view.pending_count + len(view.running)
    if count:
        raise Conflict(
            f"machine {request.name} has {in_words(count, 'task')} pending or running",
            hint="cancel them or let them end first",
        )
    plan = plan_delete_machine(call.settings, team, request.name)
    name, states = f"machine {team}/{request.name}", (view.state, None)
    if request.dry_run:
        call.note("done", object_name=name, detail={"dry_run": True})
    else:
        change_files(call, name, plan.changes)
    return _changed(view, plan, states=states, is_dry_run=request.dry_run)


def _anew(call: Any, team: str) -> Inventory:
    return read_inventory(call.settings, team, environment=call.environment, refresh=True)


def _state_effect(
    call: Any, team: str, name: str, state: MachineState
) -> Callable[[Connection], None]:
    def effect(connection: Connection) -> None:
        known = machine_states(connection, team).get(name, MachineState.ONLINE)
        if known is not state:
            set_machine_state(connection, team, name, state=state, now=call.now)

    return effect


def _future(request: MachineCreate) -> MachineView:
    """Return the machine as it would be, as far as that can be told before."""
    return MachineView(
        name=request.name,
        team=request.team,
        state=request.state,
        address=request.host or request.name,
        user=request.user or "",
        port=request.port,
        groups=tuple(sorted(set(request.groups))),
    )


def _changed(
    view: MachineView,
    plan: MachinePlan,
    *,
    states: tuple[MachineState | None, MachineState | None],
    is_dry_run: bool = False,
) -> MachineChange:
    before, after = shown_change(plan.before, plan.after)
    if before is not None:
        before = {"state": str(states[0]), **before}
    if after is not None:
        after = {"state": str(states[1]), **after}
    shown = _as_planned(view, plan, states[1]) if is_dry_run else view
    return MachineChange(
        **vars(replace(shown, variables=shown_variables(view.variables))),
        changed=bool(plan.changes) or states[0] is not states[1],
        before=before,
        after=after,
        is_dry_run=is_dry_run,
    )


def _as_planned(view: MachineView, plan: MachinePlan, state: MachineState | None) -> MachineView:
    """Return the machine as it will be once the plan is carried out."""
    if state is None:
        return view
    future = replace(view, state=state)
    if not plan.changes or plan.before is None or plan.after is None:
        return future
    left, joined = (set(one["groups"]) for one in (plan.before, plan.after))
    after = plan.after
    return replace(
        future,
        address=str(after["host"] or view.address),
        user=str(after["user"] or view.user),
        port=after["port"] if isinstance(after["port"], int) else view.port,
        groups=tuple(sorted((set(view.groups) - left) | joined)),
    )


def _noted(
    plan: MachinePlan, states: tuple[MachineState, MachineState]
) -> dict[str, dict[str, Any]]:
    """Return what the audit keeps of a change, before and after; of variables only the names."""
    before, after = shown_change(plan.before, plan.after)
    pairs: dict[str, tuple[Any, Any]] = {"state": (str(states[0]), str(states[1]))}
    for name in after or {}:
        pair = ((before or {})[name], (after or {})[name])
        if name == "variables":
            pair = (_others(*pair), _others(*reversed(pair)))
        pairs[name] = pair
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return {
        side: {name: pair[number] for name, pair in changed.items()}
        for number, side in enumerate(("before", "after"))
    }


def _others(variables: Mapping[str, Any], than: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that are not the same in both."""
    missing = object()
    return sorted(
        f"{name} = ..." for name, value in variables.items() if than.get(name, missing) != value
    )
