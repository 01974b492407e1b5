"""Who may give which role to whom: nobody gives more than they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from rediacc.access.roles import HOME_ROLES, Role
from rediacc.access.standing import ALL_TEAMS
from rediacc.errors import AccessDenied, InvalidInput
from rediacc.requests import MemberCreate, MemberUpdate

__all__ = ["check_authority", "given_roles", "require_say", "team_words"]


def given_roles(call: Any, request: MemberCreate | MemberUpdate) -> tuple[str, dict[str, str]]:
    """Return the home's role and the roles by team that the caller gives and may give."""
    home_role = ""
    roles = dict(request.roles)
    named = dict.fromkeys([*request.teams, *([ALL_TEAMS] if request.all_teams else [])])
    if request.role is not None and request.role in HOME_ROLES:
        if named:
            raise InvalidInput(f"{request.role} is a role of the whole home: give no team")
        call.require_owner(f"give the role {request.role}")
        home_role = request.role
    elif request.role is not None:
        _known_role(call, request.role)
        if not named:
            raise InvalidInput(
                f"{request.role} in which team?", hint="give --team NAME or --all-teams"
            )
        roles |= dict.fromkeys(named, request.role)
    elif named:
        raise InvalidInput("which role in the team? give --role")
    for team, role in roles.items():
        found = _known_role(call, role)
        _require_team(call, team)
        _check_gift(call, found, team)
    return home_role, roles


def _known_role(call: Any, name: str) -> Role:
    known: Mapping[str, Role] = call.standing.known_roles
    if name not in known:
        names = ", ".join([*known, *HOME_ROLES])
        raise InvalidInput(f"there is no role {name[:64]!r} in a team", hint=f"roles: {names}")
    return known[name]


def _check_gift(call: Any, gift: Role, team: str) -> None:
    """Refuse a role that holds what the caller's own role in the team does not.

    :raises AccessDenied: it does.
    """
    if call.standing.is_owner:
        return
    own: Role = call.standing.role_in(team)
    more = [
        operation.name
        for operation in call.catalogue.values()
        if gift.allows(operation.name, operation.permission)
        and not own.allows(operation.name, operation.permission)
    ]
    is_higher = own.highest_priority is not None and (
        gift.highest_priority is None or gift.highest_priority < own.highest_priority
    )
    if more or is_higher:
        what = f"allows {more[0]}" if more else "goes up to a higher priority"
        raise AccessDenied(
            f"{call.caller.name} may not give the role {gift.name} in team {team}: it {what}, "
            f"and {own.name} does not"
        )


def check_authority(call: Any, row: Row[Any], *, whole: bool) -> None:
    """Pass when the caller may change this member.

    :param whole: the change is about the member as a whole: the caller needs a say in each of
        its teams. Else the teams that the change names are checked.
    """
    if row.home_role:
        call.require_owner(f"change {row.name}, who is {row.home_role}")
    if whole or not row.teams:
        for team in row.teams or [ALL_TEAMS]:
            require_say(call, team)


def require_say(call: Any, team: str) -> None:
    """Pass when the caller may change roles in a team, also in one that is gone."""
    if team == ALL_TEAMS:
        _require_team(call, team)
    else:
        call.check_team(team)


def _require_team(call: Any, team: str) -> None:
    if team == ALL_TEAMS:
        call.require_owner("change roles in all teams")
    else:
        call.for_team(team)


def team_words(team: str) -> str:
    """Return how people say a team, or all of them."""
    return "all teams" if team == ALL_TEAMS else f"team {team}"
