"""Operations on members: who may do what where. Nobody gives more than they have."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row

from rediacc.access import members
from rediacc.access.binding import bind
from rediacc.access.identity import account_name, hash_token
from rediacc.access.standing import ALL_TEAMS
from rediacc.durations import LONGEST_SECONDS
from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.operations.member_rules import (
    check_authority,
    given_roles,
    require_say,
    team_words,
)
from rediacc.requests import MemberCreate, MemberDelete, MemberUpdate, Nothing
from rediacc.times import micros, moment, moment_or_none, seconds
from rediacc.views import CallerView, MemberChange, MemberView

__all__ = ["create", "delete", "list_all", "show_caller", "update"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_TOKEN_PREFIX = "rediacc_"


def create(call: Any, request: MemberCreate) -> MemberChange:
    """``member.create``: list an account, or make a token."""
    _check_name(call, request.name)
    home_role, teams = given_roles(call, request)
    if not home_role and not teams:
        raise InvalidInput("which role? give --role")
    token = _new_token() if request.token and not request.dry_run else None
    now = call.now
    member = members.NewMember(
        name=request.name,
        kind="token" if request.token else "account",
        token_hash=None if token is None else hash_token(token),
        home_role=home_role,
        teams=teams,
        created_at=now,
        created_by=call.caller.name,
        expires_at=_expiry(request, now),
    )
    notes: tuple[str, ...] = ()
    detail: dict[str, Any] = {"before": None}
    with _transaction(call, request, detail) as connection:
        if members.find_member(connection, request.name) is not None:
            raise Conflict(
                f"{request.name} is a member already", hint=f"rediacc update member {request.name}"
            )
        if request.dry_run:
            view = _view(SimpleNamespace(**vars(member), used_at=None), now)
        else:
            if not request.token:
                notes += _list_creator(call, connection, request)
            members.insert_member(connection, member)
            if not request.token:
                # The last that can go wrong: a mark without a member would shut people out.
                notes += _bind(call)
            view = _view(_found(connection, request.name), now, token=token, notes=notes)
        detail["after"] = _shown(view)
    return MemberChange(
        **vars(view), changed=True, before=None, after=_shown(view), is_dry_run=request.dry_run
    )


def update(call: Any, request: MemberUpdate) -> MemberChange:
    """``member.update``: roles given and taken away, a new token, another end."""
    if replace(request, dry_run=False) == MemberUpdate(name=request.name):
        raise InvalidInput(
            "nothing to change",
            hint="give --role, --remove-team, --remove-home-role, --token or --expires-in",
        )
    home_role, given = given_roles(call, request)
    token = _new_token() if request.token and not request.dry_run else None
    now = call.now
    detail: dict[str, Any] = {}
    with _transaction(call, request, detail) as connection:
        row = _found(connection, request.name)
        values = _values(call, row, request, home_role=home_role, given=given)
        before = _shown(_view(row, now))
        future = SimpleNamespace(**{**row._mapping, **values})
        after = _shown(_view(future, now))
        changed = request.token or after != before
        if token is not None:
            values["token_hash"] = hash_token(token)
        if changed and not request.dry_run:
            members.update_member(connection, row.name, **values)
        detail["before"] = before
        detail["after"] = after | ({"token": "a new one"} if request.token else {})
    return MemberChange(
        **vars(_view(future, now, token=token)),
        changed=changed,
        before=before,
        after=after,
        is_dry_run=request.dry_run,
    )


def delete(call: Any, request: MemberDelete) -> MemberChange | None:
    """``member.delete``: from now on they may do nothing here; what they queued stays.

    Answers nothing where there was none and that is no error.
    """
    detail: dict[str, Any] = {"after": None}
    with _transaction(call, request, detail) as connection:
        if request.missing_ok and members.find_member(connection, request.name) is None:
            call.team_filter()  # nobody's team is concerned
            return None
        row = _found(connection, request.name)
        check_authority(call, row, whole=True)
        view = _view(row, call.now)
        detail["before"] = _shown(view)
        if not request.dry_run:
            members.delete_member(connection, row.name)
    return MemberChange(
        **vars(view), changed=True, before=_shown(view), after=None, is_dry_run=request.dry_run
    )


@contextlib.contextmanager
def _transaction(
    call: Any, request: MemberCreate | MemberUpdate | MemberDelete, detail: dict[str, Any]
) -> Iterator[Connection]:
    """Yield the connection of a change; of a dry run one that only reads. Both are noted."""
    name = f"member {request.name}"
    if not request.dry_run:
        with call.write(name, detail) as connection:
            yield connection
        return
    with call.database.read() as connection:
        yield connection
    call.note("done", object_name=name, detail={"dry_run": True})


def _values(
    call: Any, row: Row[Any], request: MemberUpdate, *, home_role: str, given: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a member's row shall hold, when the caller may change it so."""
    ends = request.expires_in_seconds is not None or request.expires_at is not None
    check_authority(call, row, whole=request.token or ends)
    gone = {team for team in row.teams if request.purge_roles and team not in given}
    for team in (*request.remove_teams, *sorted(gone)):
        require_say(call, team)
        if team not in row.teams:
            raise NotFound(f"{row.name} has no role in {team_words(team)}")
    if request.remove_home_role:
        call.require_owner("take a role of the home away")
    if request.token and row.kind != "token":
        raise Conflict(f"{row.name} is an account: it shows no token")
    gone |= set(request.remove_teams)
    kept = {team: role for team, role in row.teams.items() if team not in gone}
    values: dict[str, Any] = {"teams": {**kept, **given}}
    if home_role or request.remove_home_role:
        values["home_role"] = home_role
    if ends:
        values["expires_at"] = _expiry(request, call.now, present=row.expires_at)
    return values


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


def _expiry(
    request: MemberCreate | MemberUpdate, now: int, *, present: int | None = None
) -> int | None:
    """Return the wished end in microseconds; ``None`` for none.

    :param present: the end so far, which may be wished again although it is over.
    """
    lasts, until = request.expires_in_seconds, request.expires_at
    if lasts is not None and until is not None:
        raise InvalidInput("an end is given as a duration or as a time: not both")
    if until is not None:
        if until.tzinfo is None:
            raise InvalidInput("the end needs a time zone: 2027-01-31T12:00:00Z")
        end = micros(until)
        if end != present and not now < end <= now + seconds(LONGEST_SECONDS):
            raise InvalidInput("the end must be in the future, at most ten years from now")
        return end
    if lasts is None:
        return None
    if not 0 < lasts <= LONGEST_SECONDS:
        raise InvalidInput("--expires-in: must be above 0, at most ten years")
    return int(now + seconds(lasts))


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


def _view(
    row: Row[Any] | SimpleNamespace,
    now: int,
    *,
    token: str | None = None,
    notes: tuple[str, ...] = (),
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
