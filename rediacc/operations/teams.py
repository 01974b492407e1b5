"""Operations on teams."""

from __future__ import annotations

from typing import Any

from rediacc.access.members import forget_team, list_members
from rediacc.counting import count as in_words
from rediacc.errors import Conflict, RediaccError
from rediacc.operations.files import change_files
from rediacc.operations.secret_notes import forget_secrets, note_secret
from rediacc.queue.reading import open_tasks_of_team
from rediacc.requests import Nothing, TeamCreate, TeamRef
from rediacc.settings import TeamSettings, load_settings
from rediacc.teams.inventory import read_inventory
from rediacc.teams.managed import plan_create_team, plan_delete_team
from rediacc.teams.vaults.keys import key_keeper
from rediacc.teams.vaults.places import SSH_KEY, private_path
from rediacc.teams.vaults.ssh import public_key
from rediacc.values import SecretScope
from rediacc.views import TeamView

__all__ = ["create", "delete", "inspect", "list_all"]


def create(call: Any, request: TeamCreate) -> TeamView:
    """``team.create``: a team that rediacc keeps, or one over an inventory that exists."""
    changes = plan_create_team(call.settings, request)
    has_key = any(change.path == private_path(call.settings, request.name) for change in changes)
    effect = note_secret(call, request.name, SecretScope.PRIVATE, SSH_KEY) if has_key else None
    change_files(call, f"team {request.name}", changes, effect=effect)
    settings = load_settings(call.settings.home, environment=call.environment)
    call.settings = settings
    return _view(call, settings.team(request.name))


def list_all(call: Any, _request: Nothing) -> tuple[TeamView, ...]:
    """``team.list``: all teams; one whose inventory cannot be read has no counts."""
    return tuple(_view(call, team) for team in call.visible_teams())


def inspect(call: Any, request: TeamRef) -> TeamView:
    """``team.inspect``: one team."""
    return _view(call, call.for_team(request.name))


def delete(call: Any, request: TeamRef) -> TeamView:
    """``team.delete``: refused while tasks of the team are not final."""
    team = call.for_team(request.name)
    view = _view(call, team)
    with call.database.read() as connection:
        count = open_tasks_of_team(connection, team.name)
    if count:
        raise Conflict(
            f"team {team.name} has {in_words(count, 'task')} pending or running",
            hint="cancel them or let them end first",
        )
    changes = plan_delete_team(call.settings, team.name)
    change_files(call, f"team {team.name}", changes, effect=forget_secrets(team.name))
    _forget_roles(call, team.name)
    return view


def _forget_roles(call: Any, team: str) -> None:
    """Take the roles in the team away: a later team of the same name is another one."""
    detail: dict[str, Any] = {}
    with call.database.read() as connection:
        has_members = any(team in row.teams for row in list_members(connection))
    if has_members:
        with call.write(f"team {team}", detail) as connection:
            detail["members"] = forget_team(connection, team)


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
