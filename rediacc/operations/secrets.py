"""Operations on secrets. Values are in requests and in the answer of ``secret.get`` only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rediacc.errors import AccessDenied, InvalidInput, NotFound, RediaccError
from rediacc.operations.files import change_files
from rediacc.operations.secret_notes import forget_secret, note_secret, read_notes
from rediacc.requests import SecretDelete, SecretFilter, SecretRef, SecretSet
from rediacc.settings import Settings
from rediacc.teams.vaults.adopted import list_variables
from rediacc.teams.vaults.changing import (
    checked_value,
    is_same_text,
    plan_delete_secret,
    plan_set_secret,
    scope_of_new,
)
from rediacc.teams.vaults.places import check_name, private_path
from rediacc.teams.vaults.private import read_private
from rediacc.teams.vaults.reading import secret_value
from rediacc.times import moment
from rediacc.values import SecretScope
from rediacc.views import SecretChange, SecretValue, SecretView

__all__ = ["get", "list_all", "remove", "set_value"]


def set_value(call: Any, request: SecretSet) -> SecretChange:
    """``secret.set``: a new secret or another value; the files hold it encrypted only.

    Whether a value is the one that was there already is told only to who may read it.
    """
    team = call.for_team(_team(call.settings, request.team)).name
    scope = scope_of_new(request.name, request.scope or _standing_scope(call, team, request.name))
    may_read = _may_read(call, team)
    if request.previous is not None and not may_read:
        raise AccessDenied(
            f"{call.caller.name} may not compare secret {request.name}: it takes the right "
            f"to read it, secret.get"
        )
    name = f"secret {team}/{request.name}"
    if request.if_different and may_read and _is_value(call, team, scope, request):
        call.note("done", object_name=name, detail={"changed": False})
        return _present(call, team, scope, request.name, is_dry_run=request.dry_run)
    plan = plan_set_secret(
        call.settings,
        team,
        request.name,
        scope,
        request.value,
        previous=request.previous,
        environment=call.environment,
    )
    path = _relative(call.settings, plan.path)
    if request.dry_run:
        call.note("done", object_name=name, detail={"dry_run": True})
        return SecretChange(
            name=request.name, team=team, scope=scope, path=path, changed=True, is_dry_run=True
        )
    now = call.now
    effect = note_secret(call, team, scope, request.name, now=now)
    change_files(call, name, plan.changes, effect=effect)
    return SecretChange(
        name=request.name,
        team=team,
        scope=scope,
        path=path,
        set_at=moment(now),
        set_by=call.caller.name,
        changed=True,
    )


def get(call: Any, request: SecretRef) -> SecretValue:
    """``secret.get``: one value."""
    team = call.for_team(_team(call.settings, request.team)).name
    check_name(request.name, SecretScope.PRIVATE)
    scope, value = secret_value(
        call.settings, team, request.name, request.scope, environment=call.environment
    )
    return SecretValue(name=request.name, team=team, scope=scope, value=value)


def remove(call: Any, request: SecretDelete) -> SecretChange | None:
    """``secret.delete``: the secret goes; what was committed to git stays in its history.

    Answers nothing where there was none and that is no error.
    """
    team = call.for_team(_team(call.settings, request.team)).name
    check_name(request.name, SecretScope.PRIVATE)
    scope = request.scope or _standing_scope(call, team, request.name) or SecretScope.VARS
    try:
        plan = plan_delete_secret(
            call.settings, team, request.name, scope, environment=call.environment
        )
    except NotFound:
        if not request.missing_ok:
            raise
        return None
    name = f"secret {team}/{request.name}"
    if request.dry_run:
        call.note("done", object_name=name, detail={"dry_run": True})
    else:
        effect = forget_secret(team, scope, request.name)
        change_files(call, name, plan.changes, effect=effect)
    path = _relative(call.settings, plan.path)
    return SecretChange(
        name=request.name,
        team=team,
        scope=scope,
        path=path,
        changed=True,
        is_dry_run=request.dry_run,
    )


def list_all(call: Any, request: SecretFilter) -> tuple[SecretView, ...]:
    """``secret.list``: names, of one team or of all that the caller sees."""
    if request.team is not None:
        teams = (call.for_team(request.team),)
    else:
        teams = tuple(call.visible_teams())
    views = [view for team in teams for view in _views(call, team.name)]
    return tuple(view for view in views if request.scope in (None, view.scope))


def _may_read(call: Any, team: str) -> bool:
    """Say whether the caller may read the team's secrets, and so may be told what they are not."""
    get_one = call.catalogue["secret.get"]
    return bool(call.standing.may(get_one.name, get_one.permission, team=team))


def _is_value(call: Any, team: str, scope: SecretScope, request: SecretSet) -> bool:
    """Say whether the secret is there and has the requested value."""
    value = checked_value(request.name, scope, request.value, team=team)
    try:
        _rest, present = secret_value(
            call.settings, team, request.name, scope, environment=call.environment
        )
    except NotFound:
        return False
    return is_same_text(present, value)


def _present(
    call: Any, team: str, scope: SecretScope, name: str, *, is_dry_run: bool
) -> SecretChange:
    """Return the answer about a secret that stays as it is."""
    for view in _views(call, team):
        if (view.name, view.scope) == (name, scope):
            return SecretChange(**vars(view), changed=False, is_dry_run=is_dry_run)
    raise NotFound(f"team {team} has no secret {name!r}")


def _views(call: Any, team: str) -> Iterator[SecretView]:
    with call.database.read() as connection:
        notes = read_notes(connection, team)
    for scope, name, path, error in _entries(call, team):
        set_at, set_by = notes.get((str(scope), name), (None, ""))
        yield SecretView(
            name=name,
            team=team,
            scope=scope,
            path=_relative(call.settings, path),
            set_at=None if set_at is None else moment(set_at),
            set_by=set_by,
            error=error,
        )


def _entries(call: Any, team: str) -> Iterator[tuple[SecretScope, str, Path, str]]:
    settings, environment = call.settings, call.environment
    try:
        for variable in list_variables(settings, team, environment=environment):
            yield SecretScope.VARS, variable.name, variable.path, variable.error
    except RediaccError as exc:
        inventory = settings.home / settings.team(team).inventory
        yield SecretScope.VARS, "", inventory, exc.message
    try:
        private = read_private(settings, team, environment=environment)
    except RediaccError as exc:
        yield SecretScope.PRIVATE, "", private_path(settings, team), exc.message
        return
    for name in private.values:
        yield SecretScope.PRIVATE, name, private.path, ""


def _standing_scope(call: Any, team: str, name: str) -> SecretScope | None:
    """Return the scope of a secret that exists; ``None`` for one that does not.

    :raises Conflict: there are two of that name.
    """
    check_name(name, SecretScope.PRIVATE)
    known = read_private(call.settings, team, environment=call.environment).values
    variables = list_variables(call.settings, team, environment=call.environment)
    is_variable = any(variable.name == name for variable in variables)
    if name in known and is_variable:
        raise InvalidInput(
            f"team {team} has two secrets {name}: a variable and a private one",
            hint="say which with --scope vars or --scope private",
        )
    if name in known:
        return SecretScope.PRIVATE
    return SecretScope.VARS if is_variable else None


def _team(settings: Settings, named: str | None) -> str:
    if named is not None:
        return named
    if len(settings.teams) == 1:
        return next(iter(settings.teams))
    raise InvalidInput("which team? a secret belongs to one", hint="--team NAME")


def _relative(settings: Settings, path: Path) -> str:
    for home in (settings.home, settings.home.resolve()):
        if path.is_relative_to(home):
            return str(path.relative_to(home))
    return str(path)
