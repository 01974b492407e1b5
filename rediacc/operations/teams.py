"""Operations on teams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rediacc.access.members import forget_team, list_members
from rediacc.counting import count as in_words
from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.operations.files import change_files
from rediacc.operations.secret_notes import forget_secrets, note_secret
from rediacc.queue.reading import open_tasks_of_team
from rediacc.requests import Nothing, TeamCreate, TeamDelete, TeamRef, TeamUpdate
from rediacc.settings import TeamSettings, load_settings
from rediacc.teams.inventory import read_inventory
from rediacc.teams.managed import plan_create_team, plan_delete_team, plan_update_team
from rediacc.teams.vaults.keys import key_keeper
from rediacc.teams.vaults.places import SSH_KEY, private_path
from rediacc.teams.vaults.ssh import public_key
from rediacc.values import SecretScope
from rediacc.views import TeamChange, TeamView

__all__ = ["create", "delete", "inspect", "list_all", "update"]


def create(call: Any, request: TeamCreate) -> TeamChange:
    """``team.create``: a team that rediacc keeps, or one over an inventory that exists."""
    changes = plan_create_team(call.settings, request)
    name, key = f"team {request.name}", private_path(call.settings, request.name)
    if request.dry_run:
        call.note("done", object_name=name, detail={"dry_run": True})
        future = _future(request)
        return TeamChange(
            **vars(future), changed=True, before=None, after=_kept(future), is_dry_run=True
        )
    has_key = any(change.path == key for change in changes)
    effect = note_secret(call, request.name, SecretScope.PRIVATE, SSH_KEY) if has_key else None
    change_files(call, name, changes, effect=effect)
    view = _view_anew(call, request.name)
    return TeamChange(**vars(view), changed=True, before=None, after=_kept(view))


def update(call: Any, request: TeamUpdate) -> TeamChange:
    """``team.update``: settings of a team; another inventory only while it has no task to do."""
    if replace(request, dry_run=False) == TeamUpdate(name=request.name):
        raise InvalidInput(
            "nothing to change", hint="give --inventory, --ssh, --sample-every or --weight"
        )
    team = call.for_team(request.name)
    plan = plan_update_team(call.settings, request, environment=call.environment)
    if plan.before["inventory"] != plan.after["inventory"]:
        _check_idle(call, team.name)
    name, before, after = f"team {team.name}", plan.before, plan.after
    if request.dry_run or not plan.changes:
        note = {"dry_run": True} if request.dry_run else {"changed": False}
        call.note("done", object_name=name, detail=note)
        future = replace(_view(call, team), **plan.after)
        return TeamChange(
            **vars(future),
            changed=bool(plan.changes),
            before=before,
            after=after,
            is_dry_run=request.dry_run,
        )
    key = private_path(call.settings, team.name)
    has_key = any(change.path == key for change in plan.changes)
    effect = note_secret(call, team.name, SecretScope.PRIVATE, SSH_KEY) if has_key else None
    change_files(call, name, plan.changes, effect=effect, detail={"before": before, "after": after})
    return TeamChange(**vars(_view_anew(call, team.name)), changed=True, before=before, after=after)


def list_all(call: Any, _request: Nothing) -> tuple[TeamView, ...]:
    """``team.list``: all teams; one whose inventory cannot be read has no counts."""
    return tuple(_view(call, team) for team in call.visible_teams())


def inspect(call: Any, request: TeamRef) -> TeamView:
    """``team.inspect``: one team."""
    return _view(call, call.for_team(request.name))


def delete(call: Any, request: TeamDelete) -> TeamChange | None:
    """``team.delete``: refused while tasks of the team are not final.

    Answers nothing where there was none and that is no error.
    """
    try:
        team = call.for_team(request.name)
    except NotFound:
        if not request.missing_ok:
            raise
        return None
    view = _view(call, team)
    _check_idle(call, team.name)
    changes = plan_delete_team(call.settings, team.name)
    if request.dry_run:
        call.note("done", object_name=f"team {team.name}", detail={"dry_run": True})
    else:
        effect = forget_secrets(team.name)
        change_files(call, f"team {team.name}", changes, effect=effect)
        _forget_roles(call, team.name)
    return TeamChange(
        **vars(view), changed=True, before=_kept(view), after=None, is_dry_run=request.dry_run
    )


def _check_idle(call: Any, team: str) -> None:
    """Pass when all tasks of a team are final.

    :raises Conflict: some are not.
    """
    with call.database.read() as connection:
        count = open_tasks_of_team(connection, team)
    if count:
        raise Conflict(
            f"team {team} has {in_words(count, 'task')} pending or running",
            hint="cancel them or let them end first",
        )


def _forget_roles(call: Any, team: str) -> None:
    """Take the roles in the team away: a later team of the same name is another one."""
    detail: dict[str, Any] = {}
    with call.database.read() as connection:
        has_members = any(team in row.teams for row in list_members(connection))
    if has_members:
        with call.write(f"team {team}", detail) as connection:
            detail["members"] = forget_team(connection, team)


def _future(request: TeamCreate) -> TeamView:
    """Return the team as it would be, as far as that can be told before."""
    is_managed = request.inventory is None
    return TeamView(
        name=request.name,
        inventory=request.inventory or f"inventories/{request.name}",
        is_managed=is_managed,
        ssh=request.ssh or ("vault" if is_managed else "user"),
        machine_count=0,
        group_count=0,
        weight=request.weight or 1,
        sample_every_seconds=request.sample_every_seconds,
    )


def _kept(view: TeamView) -> dict[str, Any]:
    """Return the settings that make a team what it is."""
    return {
        "inventory": view.inventory,
        "ssh": view.ssh,
        "sample_every_seconds": view.sample_every_seconds,
        "weight": view.weight,
    }


def _view_anew(call: Any, name: str) -> TeamView:
    call.settings = load_settings(call.settings.home, environment=call.environment)
    return _view(call, call.settings.team(name))


def _view(call: Any, team: TeamSettings) -> TeamView:
    try:
        inventory = read_inventory(call.settings, team.name, environment=call.environment)
        # `all` and `ungrouped` are in every inventory and are nobody's groups.
        groups = len(set(inventory.groups) - {"all", "ungrouped"})
        machines = len(inventory.hosts)
        error = ""
    except RediaccError as exc:
        machines, groups, error = 0, 0, exc.message
    return TeamView(
        name=team.name,
        inventory=team.inventory,
        is_managed=team.is_managed,
        ssh=team.ssh,
        machine_count=machines,
        group_count=groups,
        weight=team.weight,
        sample_every_seconds=team.sample_every_seconds,
        error=error,
        public_key=public_key(call.settings, team.name) if team.ssh == "vault" else "",
        vault=key_keeper(call.settings, team.name),
    )
