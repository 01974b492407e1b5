"""Each operation of the catalogue: allowed to whom it must be, denied to others, and noted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from requests_by_operation import REQUESTS
from world import SECRET_WORDS, World

from rediacc.access.roles import HOME_ROLES, TEAM_ROLES
from rediacc.errors import AccessDenied, ExitCode, RediaccError
from rediacc.operations.catalogue import OPERATIONS
from rediacc.operations.office import Office
from rediacc.operations.registry import Operation
from rediacc.values import Permission, Scope

ALL = sorted(OPERATIONS)
FOR_SOME = [
    name
    for name in ALL
    if OPERATIONS[name].scope is Scope.TEAM or OPERATIONS[name].permission is Permission.READ
]
TEAM_LADDER = {
    Permission.READ: "viewer",
    Permission.RUN: "operator",
    Permission.MANAGE: "maintainer",
}
BELOW = {Permission.RUN: "viewer", Permission.MANAGE: "operator"}


def test_every_operation_has_a_request_here_and_every_request_an_operation() -> None:
    missing = sorted(set(OPERATIONS) - set(REQUESTS))
    assert not missing, f"add them to requests_by_operation.py: {', '.join(missing)}"
    assert set(REQUESTS) == set(OPERATIONS)


@pytest.mark.parametrize("name", ALL)
def test_operation_declares_scope_and_permission(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.name == name
    assert isinstance(operation.scope, Scope)
    assert isinstance(operation.permission, Permission)
    # In a team nothing is an auditor's alone; in the home nothing is an operator's.
    wrong = Permission.AUDIT if operation.scope is Scope.TEAM else Permission.RUN
    assert operation.permission is not wrong


@pytest.mark.parametrize("name", ALL)
def test_least_role_is_allowed_and_noted(world: World, name: str) -> None:
    operation, request = OPERATIONS[name], REQUESTS[name](world)
    office = _least(world, operation)
    before = len(world.entries(name))
    answer = office.perform(name, request)
    assert not _exit_codes(answer), answer
    new = world.entries(name)[before:]
    if operation.is_audited(request):
        assert [entry.outcome for entry in new if entry.outcome != "intent"] == ["done"]
        assert {entry.actor for entry in new} == {_name(world, office)}
    else:
        assert not new


@pytest.mark.parametrize("name", ALL)
def test_greatest_role_that_does_not_do_is_denied_and_noted(world: World, name: str) -> None:
    request = REQUESTS[name](world)
    for office in _too_little(world, OPERATIONS[name]):
        _denied(world, office, name, request)


@pytest.mark.parametrize("name", FOR_SOME)
def test_role_in_another_team_shows_nothing_of_this_one(world: World, name: str) -> None:
    office, request = world.member(teams={"staging": "maintainer"}), REQUESTS[name](world)
    before = world.picture()
    try:
        answer = office.perform(name, request)
    except AccessDenied:
        answer = ()
    except RediaccError as exc:
        # In a team nothing but the denial may be told; the home has troubles of its own.
        is_of_home = OPERATIONS[name].scope is Scope.HOME
        if not is_of_home or any(word in exc.message for word in SECRET_WORDS):
            raise AssertionError(f"{exc.code} tells more than the denial: {exc}") from exc
        answer = ()
    codes = _exit_codes(answer)
    assert set(codes) <= {int(ExitCode.NOT_ALLOWED)}
    if not codes:
        shown = repr(answer)
        assert not [word for word in SECRET_WORDS if word in shown], shown
    assert world.picture() == before


def _least(world: World, operation: Operation) -> Office:
    """Return the door of somebody with the least role that allows it."""
    if operation.scope is Scope.TEAM:
        return world.member(teams={"prod": TEAM_LADDER[operation.permission]})
    if operation.permission is Permission.READ:
        return world.member(teams={"staging": "viewer"})
    role = "auditor" if operation.permission is Permission.AUDIT else "owner"
    return world.member(home_role=role)


def _too_little(world: World, operation: Operation) -> Iterable[Office]:
    """Return the doors of those who have as much as one can have without being allowed."""
    yield world.member()  # listed, and without any role
    if operation.permission is Permission.READ:
        return
    if operation.scope is Scope.TEAM:
        below = BELOW[operation.permission]
        yield world.member(home_role="auditor", teams={"prod": below, "staging": "maintainer"})
    elif operation.permission is Permission.AUDIT:
        yield world.member(teams={"*": "maintainer"})
    else:
        yield world.member(home_role="auditor", teams={"*": "maintainer"})


def _denied(world: World, office: Office, name: str, request: Any) -> None:
    before, picture = len(world.entries(name)), world.picture()
    try:
        answer = office.perform(name, request)
    except AccessDenied as exc:
        message = exc.message
    else:
        assert set(_exit_codes(answer)) == {int(ExitCode.NOT_ALLOWED)}
        message = answer[0].message
    assert "it takes the role" in message
    assert "\n" not in message
    new = world.entries(name)[before:]
    assert [entry.outcome for entry in new] == ["denied"]
    assert new[0].actor == _name(world, office)
    assert world.picture() == picture


def _exit_codes(answer: Any) -> list[int]:
    """Return what went wrong for each of several tasks, where the answer tells it for each."""
    if not isinstance(answer, tuple):
        return []
    return [code for code in (getattr(one, "exit_code", 0) for one in answer) if code]


def _name(world: World, office: Office) -> str:
    from rediacc.access.members import find_token

    token_hash = office.caller.token_hash
    assert token_hash is not None
    with world.database.read() as connection:
        row = find_token(connection, token_hash)
    assert row is not None
    return str(row.name)


def test_roles_are_a_ladder() -> None:
    for lower, higher in (("viewer", "operator"), ("operator", "maintainer")):
        assert TEAM_ROLES[lower].permissions < TEAM_ROLES[higher].permissions
    for scope in Scope:
        assert HOME_ROLES["auditor"][scope].permissions < HOME_ROLES["owner"][scope].permissions
        assert HOME_ROLES["owner"][scope].permissions == frozenset(Permission)
