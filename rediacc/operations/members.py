"""Operations on members: who may do what where. Nobody gives more than they have."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from rediacc.access import members
from rediacc.access.binding import bind
from rediacc.access.identity import account_name, hash_token
from rediacc.access.roles import HOME_ROLES, Role
from rediacc.access.standing import ALL_TEAMS
from rediacc.durations import LONGEST_SECONDS
from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound
from rediacc.requests import MemberCreate, MemberRef, MemberUpdate, Nothing
from rediacc.times import moment, moment_or_none, seconds
from rediacc.views import CallerView, MemberView

__all__ = ["create", "delete", "list_all", "show_caller", "update"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_TOKEN_PREFIX = "rediacc_"


def create(call: Any, request: MemberCreate) -> MemberView:
    """``member.create``: list an account, or make a token."""
    _check_name(call, request.name)
    home_role, teams = _given(call, request.role, request.teams, all_teams=request.all_teams)
    token = _new_token() if request.token else None
    now = call.now
    member = members.NewMember(
        name=request.name,
        kind="token" if request.token else "account",
        token_hash=None if token is None else hash_token(token),
        home_role=home_role,
        teams=teams,
        created_at=now,
        created_by=call.caller.name,
        expires_at=_expiry(request.expires_in_seconds, now),
    )
    notes: tuple[str, ...] = ()
    detail: dict[str, Any] = {"before": None}
    with call.write(f"member {request.name}", detail) as connection:
        if members.find_member(connection, request.name) is not None:
            raise Conflict(
                f"{request.name} is a member already", hint=f"rediacc update member {request.name}"
            )
        if not request.token:
            notes += _list_creator(call, connection, request)
        members.insert_member(connection, member)
        if not request.token:
            # The last that can go wrong: a mark without a member would shut people out.
            notes += _bind(call)
        view = _view(_found(connection, request.name), now, token=token, notes=notes)
        detail["after"] = _shown(view)
    return view


def update(call: Any, request: MemberUpdate) -> MemberView:
    """``member.update``: roles given and taken away, a new token, another end."""
    nothing = MemberUpdate(name=request.name)
    if request == nothing:
        raise InvalidInput(
            "nothing to change",
            hint="give --role, --remove-team, --remove-home-role, --token or --expires-in",
        )
    home_role, given = "", dict[str, str]()
    if request.role is not None:
        home_role, given = _given(call, request.role, request.teams, all_teams=request.all_teams)
    elif request.teams or request.all_teams:
        raise InvalidInput("which role in the team? give --role")
    token = _new_token() if request.token else None
    now = call.now
    detail: dict[str, Any] = {}
    with call.write(f"member {request.name}", detail) as connection:
        row = _found(connection, request.name)
        _check_authority(call, row, whole=request.token or request.expires_in_seconds is not None)
        for team in request.remove_teams:
            _require_say(call, team)
            if team not in row.teams:
                raise NotFound(f"{row.name} has no role in {_team_words(team)}")
        if request.remove_home_role:
            call.require_owner("take a role of the home away")
        if token is not None and row.kind != "token":
            raise Conflict(f"{row.name} is an account: it shows no token")
        kept = {t: role for t, role in row.teams.items() if t not in request.remove_teams}
        values: dict[str, Any] = {"teams": {**kept, **given}}
        if home_role or request.remove_home_role:
            values["home_role"] = home_role
        if token is not None:
            values["token_hash"] = hash_token(token)
        if request.expires_in_seconds is not None:
            values["expires_at"] = _expiry(request.expires_in_seconds, now)
        detail["before"] = _shown(_view(row, now))
        members.update_member(connection, row.name, **values)
        view = _view(_found(connection, row.name), now, token=token)
        detail["after"] = _shown(view) | ({"token": "a new one"} if token is not None else {})
    return view


def delete(call: Any, request: MemberRef) -> MemberView:
    """``member.delete``: from now on they may do nothing here; what they queued stays."""
    detail: dict[str, Any] = {"after": None}
    with call.write(f"member {request.name}", detail) as connection:
        row = _found(connection, request.name)
        _check_authority(call, row, whole=True)
        view = _view(row, call.now)
        detail["before"] = _shown(view)
        members.delete_member(connection, row.name)
    return view


def list_all(call: Any, _request: Nothing) -> tuple[MemberView, ...]:
    """``member.list``: members and their roles, as far as the caller sees the teams."""
    visible = call.team_filter()
    with call.database.read() as connection:
        views = [_view(row, call.now) for row in members.list_members(connection)]
    if visible is None:
        return tuple(views)
    seen = {*visible, ALL_TEAMS}
    cut = (_cut(view, seen) for view in views)
    return tuple(view for view in cut if view.teams or view.home_role)


def show_caller(call: Any, _request: Nothing) -> CallerView:
    """``caller.show``: who the caller is here, and how that is known."""
    standing = call.standing
    return CallerView(
        name=standing.name,
        account=call.caller.account or account_name(call.caller.uid),
        proof=str(standing.proof),
        member=standing.member,
        home_role=standing.home_role,
        teams={team: role.name for team, role in standing.teams.items()},
        is_bounded=standing.is_bounded,
        home=str(call.settings.home),
    )


def _given(
    call: Any, role: str, teams: Iterable[str], *, all_teams: bool
) -> tuple[str, dict[str, str]]:
    """Return the home's role or the roles by team that are given, when the caller may give them."""
    named = dict.fromkeys([*teams, *([ALL_TEAMS] if all_teams else [])])
    if role in HOME_ROLES:
        if named:
            raise InvalidInput(f"{role} is a role of the whole home: give no team")
        call.require_owner(f"give the role {role}")
        return role, {}
    known: Mapping[str, Role] = call.standing.known_roles
    found = known.get(role)
    if found is None:
        names = ", ".join([*known, *HOME_ROLES])
        raise InvalidInput(f"there is no role {role[:64]!r}", hint=f"roles: {names}")
    if not named:
        raise InvalidInput(f"{role} in which team?", hint="give --team NAME or --all-teams")
    for team in named:
        _require_team(call, team)
        _check_gift(call, found, team)
    return "", dict.fromkeys(named, role)


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


def _check_authority(call: Any, row: Row[Any], *, whole: bool) -> None:
    """Pass when the caller may change this member.

    :param whole: the change is about the member as a whole: the caller needs a say in each of
        its teams. Else the teams that the change names are checked.
    """
    if row.home_role:
        call.require_owner(f"change {row.name}, who is {row.home_role}")
    if whole or not row.teams:
        for team in row.teams or [ALL_TEAMS]:
            _require_say(call, team)


def _require_say(call: Any, team: str) -> None:
    """Like :func:`_require_team`, for a team that may be gone."""
    if team == ALL_TEAMS:
        _require_team(call, team)
    else:
        call.check_team(team)


def _require_team(call: Any, team: str) -> None:
    if team == ALL_TEAMS:
        call.require_owner("change roles in all teams")
    else:
        call.for_team(team)


def _check_name(call: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name[:80]!r} is no member's name: letters, digits, . _ @ + -")
    owners = {0, call.settings.home.stat().st_uid}
    if name in {account_name(uid) for uid in owners}:
        # Raised for whoever asks, so it is no team's matter.
        raise Conflict(f"{name} owns this home: it may do everything and cannot be a member")


def _list_creator(call: Any, connection: Connection, request: MemberCreate) -> tuple[str, ...]:
    """List whoever came through sudo and was owner because nobody was listed: they stay it."""
    creator = call.caller
    if creator.name == creator.account or call.standing.member is not None:
        return ()
    if members.count_accounts(connection) or members.find_member(connection, creator.name):
        return ()
    if request.name == creator.name:
        if request.role != "owner":
            raise Conflict(
                f"you are {creator.name}: with the role {request.role} you could not go on",
                hint=f"rediacc create member {creator.name} --role owner comes first",
            )
        return ()
    members.insert_member(
        connection,
        members.NewMember(
            name=creator.name,
            kind="account",
            token_hash=None,
            home_role="owner",
            teams={},
            created_at=call.now,
            created_by=creator.name,
            expires_at=None,
        ),
    )
    return (f"{creator.name} is listed as owner with it, to keep what sudo gave so far",)


def _bind(call: Any) -> tuple[str, ...]:
    problem = bind(call.environment)
    if not problem:
        return ()
    return (f"who comes through sudo is not bound to a role: {problem}",)


def _found(connection: Connection, name: str) -> Row[Any]:
    row = members.find_member(connection, name)
    if row is None:
        raise NotFound(f"there is no member {name[:80]!r}", hint="rediacc list members")
    return row


def _expiry(expires_in_seconds: float | None, now: int) -> int | None:
    if expires_in_seconds is None:
        return None
    if not 0 < expires_in_seconds <= LONGEST_SECONDS:
        raise InvalidInput("--expires-in: must be above 0, at most ten years")
    return int(now + seconds(expires_in_seconds))


def _new_token() -> str:
    return _TOKEN_PREFIX + secrets.token_urlsafe(32)


def _cut(view: MemberView, teams: set[str]) -> MemberView:
    return replace(view, teams={name: role for name, role in view.teams.items() if name in teams})


def _shown(view: MemberView) -> dict[str, Any]:
    """Return what the audit keeps of a member: never anything of a token."""
    return {
        "home_role": view.home_role,
        "teams": dict(view.teams),
        "expires_at": None if view.expires_at is None else view.expires_at.isoformat(),
    }


def _team_words(team: str) -> str:
    return "all teams" if team == ALL_TEAMS else f"team {team}"


def _view(
    row: Row[Any], now: int, *, token: str | None = None, notes: tuple[str, ...] = ()
) -> MemberView:
    return MemberView(
        name=row.name,
        kind=row.kind,
        home_role=row.home_role,
        teams=dict(row.teams),
        created_at=moment(row.created_at),
        created_by=row.created_by,
        expires_at=moment_or_none(row.expires_at),
        used_at=moment_or_none(row.used_at),
        is_expired=row.expires_at is not None and row.expires_at <= now,
        token=token,
        notes=notes,
    )
