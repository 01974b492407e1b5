"""Members: who may give which role, how tokens prove somebody, what lock-outs cannot happen."""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from world import World

from rediacc import requests
from rediacc.access import binding
from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotAuthenticated, NotFound
from rediacc.operations.office import Office
from rediacc.requests import MemberCreate, MemberDelete, MemberUpdate
from rediacc.values import Kind

SOMEBODY = pwd.getpwnam("nobody")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home directory of the account of this process, without the mark that binds."""
    monkeypatch.setattr(binding, "_account_home", lambda: str(tmp_path))
    return tmp_path


@pytest.fixture
def nobody_listed(world: World) -> Iterator[None]:
    """No account is a member, before and after."""
    query = text("DELETE FROM member WHERE kind = 'account'")
    with world.database.write() as connection:
        connection.execute(query)
    yield
    with world.database.write() as connection:
        connection.execute(query)


def _create(world: World, name: str, **fields: Any) -> Any:
    return world.owner("member.create", MemberCreate(name=name, **fields))


def _own(world: World) -> str:
    return pwd.getpwuid(world.home.stat().st_uid).pw_name


# -- tokens


def test_token_is_shown_once_and_kept_as_its_hash(world: World) -> None:
    name = world.fresh("ci")
    made = _create(world, name, role="operator", teams=("staging",), token=True)
    assert made.token.startswith("rediacc_")
    assert made.token not in repr(made)
    office = world.office(token=made.token)
    caller = office.perform("caller.show", requests.Nothing())
    assert (caller.name, caller.proof, caller.teams) == (name, "token", {"staging": "operator"})
    listed = {one.name: one for one in world.owner("member.list", requests.Nothing())}
    assert listed[name].token is None
    assert listed[name].used_at is not None
    for path in (*world.home.rglob("*.db*"), *world.home.rglob("*.toml")):
        assert made.token.encode() not in path.read_bytes()


def test_wrong_expired_renewed_and_deleted_tokens_prove_nobody(world: World) -> None:
    name = world.fresh("ci")
    made = _create(
        world, name, role="viewer", teams=("prod",), token=True, expires_in_seconds=3600.0
    )
    _asks(world, made.token)
    with world.database.write() as connection:
        connection.execute(text("UPDATE member SET expires_at = 1 WHERE name = :n"), {"n": name})
    _is_nobody(world, made.token)
    renewed = world.owner(
        "member.update", MemberUpdate(name=name, token=True, expires_in_seconds=3600.0)
    )
    assert renewed.token not in (None, made.token)
    _asks(world, renewed.token)
    _is_nobody(world, made.token)
    world.owner("member.delete", MemberDelete(name=name))
    for token in (renewed.token, "", "x", f"{renewed.token}x"):
        _is_nobody(world, token)


def _asks(world: World, token: str) -> None:
    world.office(token=token).perform("task.list", requests.TaskFilter())


def _is_nobody(world: World, token: str) -> None:
    before = len(world.entries("task.list"))
    with pytest.raises(NotAuthenticated):
        _asks(world, token)
    (entry,) = world.entries("task.list")[before:]
    assert entry.outcome == "denied"
    assert "not_authenticated" in str(entry.detail)


# -- giving and taking


def test_role_is_given_and_taken_team_by_team(world: World) -> None:
    name = world.fresh("guest")
    _create(world, name, role="viewer", teams=("prod", "staging"), token=True)

    def update(**fields: Any) -> Any:
        return world.owner("member.update", MemberUpdate(name=name, **fields))

    assert update(role="operator", teams=("prod",)).teams == {
        "prod": "operator",
        "staging": "viewer",
    }
    assert update(remove_teams=("prod",)).teams == {"staging": "viewer"}
    assert update(role="viewer", all_teams=True).teams == {"staging": "viewer", "*": "viewer"}
    assert update(role="auditor").home_role == "auditor"
    assert update(remove_home_role=True, remove_teams=("*",)).home_role == ""
    entry = world.entries("member.update")[-1]
    assert '"before": {"home_role": "auditor"' in entry.detail
    with pytest.raises(NotFound, match="no role in team prod"):
        update(remove_teams=("prod",))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"role": "viewer"}, InvalidInput),  # in which team?
        ({"role": "viewer", "teams": ("nowhere",)}, NotFound),
        ({"role": "king", "teams": ("prod",)}, InvalidInput),
        ({"role": "owner", "teams": ("prod",)}, InvalidInput),
        ({"role": "auditor", "all_teams": True}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "expires_in_seconds": -1.0}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "expires_in_seconds": 1e12}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "name": ""}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "name": "a b"}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "name": "../x"}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "name": "x\n"}, InvalidInput),
        ({"role": "viewer", "teams": ("prod",), "name": "root"}, Conflict),
        ({"role": "owner", "name": "root", "token": True}, Conflict),
    ],
)
def test_what_cannot_be_meant_is_refused(
    world: World, fields: dict[str, Any], error: type[Exception]
) -> None:
    before = world.picture()
    with pytest.raises(error):
        world.owner("member.create", MemberCreate(**({"name": "guest", "token": True} | fields)))
    assert world.picture() == before


def test_nobody_is_created_twice(world: World) -> None:
    name = world.fresh("ci")
    _create(world, name, role="viewer", teams=("prod",), token=True)
    with pytest.raises(Conflict, match="is a member already"):
        _create(world, name, role="owner")


@pytest.mark.parametrize(
    "request_",
    [
        MemberCreate(name="x", role="viewer", teams=("staging",), token=True),
        MemberCreate(name="x", role="viewer", teams=("prod", "staging"), token=True),
        MemberCreate(name="x", role="viewer", all_teams=True, token=True),
        MemberCreate(name="x", role="auditor", token=True),
        MemberCreate(name="x", role="owner", token=True),
        MemberUpdate(name="other", role="viewer", teams=("prod",), token=True),
        MemberUpdate(name="other", remove_teams=("staging",)),
        MemberUpdate(name="other", expires_in_seconds=60.0),
        MemberUpdate(name="chief", role="viewer", teams=("prod",)),
        MemberUpdate(name="chief", remove_home_role=True),
        MemberDelete(name="other"),
        MemberDelete(name="chief"),
    ],
    ids=str,
)
def test_maintainer_gives_and_takes_only_in_their_own_team(world: World, request_: Any) -> None:
    if not world.database_has("member", "other"):
        _create(world, "other", role="operator", teams=("staging",), token=True)
        _create(world, "chief", role="auditor", token=True)
    office = world.member(teams={"prod": "maintainer"})
    before = world.picture()
    names = {MemberCreate: "create", MemberUpdate: "update", MemberDelete: "delete"}
    with pytest.raises(AccessDenied):
        office.perform(f"member.{names[type(request_)]}", request_)
    assert world.picture() == before


def test_nobody_gives_more_than_they_have(world: World) -> None:
    toml = world.home / "rediacc.toml"
    content = toml.read_text()
    toml.write_text(
        content
        + '[roles.warden]\noperations = ["member.*", "task.*"]\nhighest_priority = 3\n'
        + '[roles.helper]\noperations = ["task.create"]\nhighest_priority = 4\n'
        + '[roles.sprinter]\noperations = ["task.create"]\nhighest_priority = 1\n'
    )
    try:
        warden = world.member(teams={"prod": "warden"})

        def give(role: str) -> Any:
            request = MemberCreate(
                name=world.fresh("guest"), role=role, teams=("prod",), token=True
            )
            return warden.perform("member.create", request)

        for role in ("helper", "warden"):
            assert give(role).teams == {"prod": role}
        for role in ("viewer", "maintainer", "sprinter"):
            with pytest.raises(AccessDenied, match="may not give the role"):
                give(role)
        _levels(warden, world.owner("task.create", _URGENT).task.id, world)
    finally:
        toml.write_text(content)
    # A role that rediacc.toml no longer defines allows nothing.
    with pytest.raises(AccessDenied):
        world.member(teams={"prod": "warden"}).perform("task.list", requests.TaskFilter())


_URGENT = requests.TaskRequest(
    kind=Kind.COMMAND, text="true", machines=("web1",), team="prod", priority=1
)


def _levels(warden: Office, urgent: int, world: World) -> None:
    """The role's highest priority holds where tasks are made, changed and queued again."""
    ids = requests.TaskIds(ids=(str(urgent),))
    world.owner("task.cancel", ids)
    (change,) = warden.perform("task.retry", ids)
    assert (change.changed, change.exit_code) == (False, 4)
    assert world.owner("task.retry", ids)[0].changed
    task = requests.TaskRequest(kind=Kind.COMMAND, text="true", machines=("web1",), team="prod")
    number = str(warden.perform("task.create", replace(task, priority=3)).task.id)
    with pytest.raises(AccessDenied, match="priority 2: the role warden goes up to 3"):
        warden.perform("task.create", replace(task, priority=2))
    (change,) = warden.perform("task.update", requests.TaskUpdate(ids=(number,), priority=1))
    assert (change.changed, change.exit_code) == (False, 4)
    (change,) = warden.perform("task.update", requests.TaskUpdate(ids=(number,), priority=5))
    assert change.changed
    named = warden.settings.home / "named_tasks"
    named.mkdir(exist_ok=True)
    (named / "urgent.yml").write_text(
        "command: 'true'\nteam: prod\nmachines: [web1]\npriority: 1\n"
    )
    retry = {"failureAction": "run:urgent"}
    for name, request in (
        ("task.create", replace(task, priority=3, retry=retry)),
        ("task.update", requests.TaskUpdate(ids=(number,), retry=retry)),
    ):
        with pytest.raises(AccessDenied, match="priority 1: the role warden goes up to 3"):
            warden.perform(name, request)
    (named / "urgent.yml").unlink()


def test_team_that_is_deleted_takes_its_roles_along(world: World) -> None:
    team, name = world.team(), world.fresh("guest")
    _create(world, name, role="operator", teams=(team, "prod"), token=True)
    world.owner("team.delete", requests.TeamDelete(name=team))
    listed = {one.name: one.teams for one in world.owner("member.list", requests.Nothing())}
    assert listed[name] == {"prod": "operator"}


def test_members_of_a_team_see_each_other_there_and_no_more(world: World) -> None:
    both = world.fresh("guest")
    _create(world, both, role="operator", teams=("staging", "prod"), token=True)
    office = world.member(teams={"staging": "viewer"})
    listed = {one.name: one.teams for one in office.perform("member.list", requests.Nothing())}
    assert listed[both] == {"staging": "operator"}
    assert all("prod" not in teams for teams in listed.values())


# -- people who come through sudo


def _through_sudo(world: World, uid: int = SOMEBODY.pw_uid, **more: str) -> Office:
    return world.office(SUDO_UID=str(uid), SUDO_USER="root", **more)


@pytest.mark.usefixtures("nobody_listed", "account")
def test_without_members_sudo_is_what_it_always_was(world: World) -> None:
    caller = _through_sudo(world).perform("caller.show", requests.Nothing())
    assert (caller.name, caller.home_role, caller.is_bounded) == (
        SOMEBODY.pw_name,
        "owner",
        False,
    )
    # Their own name stands in the audit, and never the one that a variable says.
    assert world.entries("caller.show")[-1].actor == SOMEBODY.pw_name


@pytest.mark.usefixtures("nobody_listed")
def test_who_lists_the_first_member_through_sudo_stays_owner(world: World, account: Path) -> None:
    office = _through_sudo(world, HOME=str(account))
    made = office.perform("member.create", MemberCreate(name="anna", role="viewer", all_teams=True))
    assert made.notes == ("nobody is listed as owner with it, to keep what sudo gave so far",)
    assert binding.mark_of(str(account)).exists()
    again = _through_sudo(world).perform("caller.show", requests.Nothing())
    assert (again.proof, again.member, again.home_role) == ("sudo", "nobody", "owner")


@pytest.mark.usefixtures("nobody_listed", "account")
def test_nobody_shuts_themselves_out(world: World) -> None:
    office = _through_sudo(world)
    with pytest.raises(Conflict, match="could not go on"):
        office.perform("member.create", MemberCreate(name="nobody", role="viewer", all_teams=True))
    assert _through_sudo(world).perform("caller.show", requests.Nothing()).home_role == "owner"


@pytest.mark.usefixtures("nobody_listed", "account")
def test_mark_elsewhere_than_the_accounts_home_is_told(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    made = world.office(HOME=str(other)).perform(
        "member.create", MemberCreate(name="anna", role="viewer", all_teams=True)
    )
    assert len(made.notes) == 1
    assert "is not bound to a role: HOME is" in made.notes[0]
    assert _through_sudo(world).perform("caller.show", requests.Nothing()).home_role == "owner"


def test_auditor_looks_and_mends_nothing(world: World) -> None:
    with pytest.raises(AccessDenied, match="may not mend the home"):
        world.member(home_role="auditor").perform("doctor.check", requests.DoctorRequest(fix=True))


@pytest.mark.usefixtures("nobody_listed")
def test_listed_person_has_their_role_and_the_account_all_rights(
    world: World, account: Path
) -> None:
    environment = {"HOME": str(account)}
    world.office(**environment).perform(
        "member.create", MemberCreate(name="nobody", role="operator", teams=("staging",))
    )
    office = _through_sudo(world)
    caller = office.perform("caller.show", requests.Nothing())
    assert (caller.proof, caller.teams, caller.is_bounded) == (
        "sudo",
        {"staging": "operator"},
        True,
    )
    with pytest.raises(AccessDenied, match=r"nobody may not do team\.inspect in team prod"):
        office.perform("team.inspect", requests.TeamRef(name="prod"))
    with pytest.raises(AccessDenied, match="is no member of this home"):
        _through_sudo(world, 54321).perform("caller.show", requests.Nothing())
    own = world.office().perform("caller.show", requests.Nothing())
    assert (own.name, own.home_role, own.member) == (_own(world), "owner", None)
    world.owner("member.update", MemberUpdate(name="nobody", expires_in_seconds=60.0))
    with world.database.write() as connection:
        connection.execute(text("UPDATE member SET expires_at = 1 WHERE name = 'nobody'"))
    with pytest.raises(AccessDenied, match="expired"):
        office.perform("caller.show", requests.Nothing())


@pytest.mark.parametrize("uid", ["", "x", "-1", "٣", "9" * 20, "0x0"])
def test_broken_sudo_uid_proves_nobody(world: World, uid: str) -> None:
    with pytest.raises(NotAuthenticated):
        world.office(SUDO_UID=uid)


def test_root_and_the_account_itself_stay_owners_under_sudo(world: World, account: Path) -> None:
    mark = binding.mark_of(str(account))
    mark.parent.mkdir(parents=True)
    mark.touch()
    for uid in sorted({0, world.home.stat().st_uid}):
        caller = _through_sudo(world, uid).perform("caller.show", requests.Nothing())
        assert (caller.proof, caller.home_role) == ("account", "owner")


def test_roles_by_team_are_given_together_and_purged(world: World) -> None:
    name = world.fresh("guest")
    roles = {"prod": "operator", "staging": "viewer"}
    made = _create(world, name, roles=roles, token=True)
    assert made.teams == roles
    same = world.owner("member.update", MemberUpdate(name=name, roles={"prod": "operator"}))
    assert (same.changed, same.teams) == (False, roles)
    purge = MemberUpdate(name=name, roles={"*": "viewer"}, purge_roles=True)
    changed = world.owner("member.update", purge)
    assert (changed.changed, changed.teams) == (True, {"*": "viewer"})
    assert changed.before["teams"] == roles
    assert not world.owner("member.update", purge).changed


def test_purging_takes_a_say_in_every_team(world: World) -> None:
    name = world.fresh("guest")
    _create(world, name, roles={"prod": "viewer", "staging": "viewer"}, token=True)
    person = world.member(teams={"prod": "maintainer"})
    purge = MemberUpdate(name=name, roles={"prod": "operator"}, purge_roles=True)
    with pytest.raises(AccessDenied):
        person.perform("member.update", purge)
    allowed = person.perform("member.update", replace(purge, purge_roles=False))
    assert allowed.teams == {"prod": "operator", "staging": "viewer"}


@pytest.mark.parametrize("roles", [{"prod": "emperor"}, {"prod": "owner"}, {"nowhere": "viewer"}])
def test_roles_that_cannot_be_given_are_refused(world: World, roles: dict[str, str]) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        _create(world, world.fresh("guest"), roles=roles, token=True)


def test_end_as_a_time_is_kept_and_checked(world: World) -> None:
    name = world.fresh("guest")
    end = datetime.now(UTC) + timedelta(days=3)
    made = _create(world, name, roles={"prod": "viewer"}, token=True, expires_at=end)
    assert made.expires_at == end
    assert not world.owner("member.update", MemberUpdate(name=name, expires_at=end)).changed
    for bad in (end - timedelta(days=4), end + timedelta(days=4000), end.replace(tzinfo=None)):
        with pytest.raises(InvalidInput):
            world.owner("member.update", MemberUpdate(name=name, expires_at=bad))
    both = MemberUpdate(name=name, expires_at=end, expires_in_seconds=60.0)
    with pytest.raises(InvalidInput, match="not both"):
        world.owner("member.update", both)


def test_role_of_the_home_that_is_not_there_is_taken_away_once(world: World) -> None:
    name = world.fresh("guest")
    _create(world, name, roles={"prod": "viewer"}, token=True)
    take = MemberUpdate(name=name, remove_home_role=True)
    assert not world.owner("member.update", take).changed
    with pytest.raises(AccessDenied):
        world.member(teams={"prod": "maintainer"}).perform("member.update", take)
