"""Machines and teams that change in place: what is told, what a dry run writes, what is noted."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound
from rediacc.requests import (
    MachineCreate,
    MachineDelete,
    MachineUpdate,
    MemberCreate,
    MemberDelete,
    MemberUpdate,
    SecretDelete,
    SecretSet,
    TaskIds,
    TeamCreate,
    TeamDelete,
    TeamUpdate,
)
from rediacc.settings import load_settings
from rediacc.values import MachineState, SecretScope


def _machine(world: World, **fields: Any) -> str:
    name = world.fresh("box")
    world.owner("machine.create", MachineCreate(name=name, team="prod", **fields))
    return name


def _dry_runs(world: World) -> list[tuple[str, Any]]:
    machine, team = _machine(world), world.team()
    member, secret = world.fresh("guest"), world.fresh("word")
    world.owner("member.create", MemberCreate(name=member, roles={"prod": "viewer"}, token=True))
    world.owner("secret.set", SecretSet(name=secret, value="open sesame", team="prod"))
    dry = {"dry_run": True}
    return [
        ("machine.create", MachineCreate(name="new", team="prod", groups=("a",), **dry)),
        ("machine.update", MachineUpdate(name=machine, team="prod", host="192.0.2.7", **dry)),
        ("machine.update", MachineUpdate(name=machine, state=MachineState.OFFLINE, **dry)),
        ("machine.delete", MachineDelete(name=machine, team="prod", **dry)),
        ("team.create", TeamCreate(name="fresh", **dry)),
        ("team.update", TeamUpdate(name=team, ssh="vault", weight=3, **dry)),
        ("team.delete", TeamDelete(name=team, **dry)),
        ("member.create", MemberCreate(name="new", roles={"prod": "viewer"}, token=True, **dry)),
        ("member.update", MemberUpdate(name=member, purge_roles=True, token=True, **dry)),
        ("member.delete", MemberDelete(name=member, **dry)),
        ("secret.set", SecretSet(name="another", value="x", team="prod", **dry)),
        ("secret.set", SecretSet(name=secret, value="x", team="prod", if_different=True, **dry)),
        ("secret.delete", SecretDelete(name=secret, team="prod", **dry)),
    ]


def test_dry_run_tells_of_the_change_writes_nothing_and_is_noted(world: World) -> None:
    requests = _dry_runs(world)
    before = world.picture()
    for name, request in requests:
        answer = world.owner(name, request)
        assert (answer.changed, answer.is_dry_run) == (True, True), name
        assert getattr(answer, "token", None) is None
        entry = world.entries(name)[-1]
        assert entry.outcome == "done"
        assert '"dry_run": true' in str(entry.detail)
    assert world.picture() == before


def test_dry_run_foresees_what_the_change_tells(world: World) -> None:
    machine, team = _machine(world, variables={"size": 1}), world.team()
    changes = [
        (
            "machine.update",
            {"cls": MachineUpdate, "name": machine, "add_groups": ("a",), "variables": {"size": 2}},
        ),
        ("team.update", {"cls": TeamUpdate, "name": team, "sample_every_seconds": 60.0}),
        ("machine.delete", {"cls": MachineDelete, "name": machine}),
        ("team.delete", {"cls": TeamDelete, "name": team}),
    ]
    for name, fields in changes:
        kind = fields.pop("cls")
        foreseen = world.owner(name, kind(**fields, dry_run=True))
        done = world.owner(name, kind(**fields))
        assert (foreseen.before, foreseen.after) == (done.before, done.after)
        assert foreseen.before != foreseen.after
        assert (done.changed, done.is_dry_run) == (True, False)


def test_change_to_what_is_so_already_changes_nothing(world: World) -> None:
    machine = _machine(world, host="192.0.2.7", groups=("a",), variables={"size": 1})
    before = world.picture()
    for request in (
        MachineUpdate(name=machine, host="192.0.2.7", groups=("a",), variables={"size": 1}),
        MachineUpdate(name=machine, state=MachineState.ONLINE),
    ):
        answer = world.owner("machine.update", request)
        assert not answer.changed
        assert answer.before == answer.after
        assert '"changed": false' in str(world.entries("machine.update")[-1].detail)
    assert not world.owner("team.update", TeamUpdate(name="prod", ssh="user")).changed
    assert world.picture() == before


def test_audit_tells_which_variables_changed_and_not_to_what(world: World) -> None:
    machine = _machine(world)
    wished = {"db_password": "open sesame", "size": 1}
    request = MachineUpdate(name=machine, host="192.0.2.8", variables=wished)
    answer = world.owner("machine.update", request)
    assert answer.after["variables"] == {"size": 1, "db_password": "(hidden)"}
    told = str(world.entries("machine.update")[-1].detail)
    assert "192.0.2.8" in told
    assert "db_password" in told
    assert "sesame" not in told


def test_new_machine_does_not_inherit_the_state_of_one_that_is_gone(world: World) -> None:
    machine = _machine(world, state=MachineState.OFFLINE)
    assert world.owner("machine.update", MachineUpdate(name=machine, user="x")).state == "offline"
    world.owner("machine.delete", MachineDelete(name=machine, team="prod"))
    made = world.owner("machine.create", MachineCreate(name=machine, team="prod"))
    assert made.state is MachineState.ONLINE
    world.owner("machine.delete", MachineDelete(name=machine, team="prod"))


def test_what_is_missing_is_no_error_where_that_was_said(world: World) -> None:
    for name, request in (
        ("machine.delete", MachineDelete(name="nowhere", team="prod", missing_ok=True)),
        ("team.delete", TeamDelete(name="nowhere", missing_ok=True)),
        ("member.delete", MemberDelete(name="nobody", missing_ok=True)),
        ("secret.delete", SecretDelete(name="nothing", team="prod", missing_ok=True)),
    ):
        assert world.owner(name, request) is None
    request = MachineDelete(name="web1", team="nowhere", missing_ok=True)
    with pytest.raises(NotFound, match="no team 'nowhere'"):
        world.owner("machine.delete", request)


def test_work_keeps_a_machine_and_a_teams_inventory(world: World) -> None:
    task = world.task()
    for request in (
        MachineDelete(name="web1", team="prod", dry_run=True),
        MachineDelete(name="web1", team="prod"),
    ):
        with pytest.raises(Conflict, match="pending or running"):
            world.owner("machine.delete", request)
    world.owner("task.cancel", TaskIds(ids=(task,)))
    with pytest.raises(Conflict, match="which rediacc keeps"):
        world.owner("team.update", TeamUpdate(name="prod", inventory="inventories/staging"))


def test_adopted_team_takes_another_inventory_unless_it_has_work(world: World) -> None:
    for name in ("one", "two"):
        (world.home / name).write_text("[web]\nbox\n")
    world.owner("team.create", TeamCreate(name="ours", inventory="one", weight=2))
    changed = world.owner("team.update", TeamUpdate(name="ours", inventory="two"))
    assert (changed.inventory, changed.weight, changed.changed) == ("two", 2, True)
    with pytest.raises(InvalidInput, match="there is no inventory"):
        world.owner("team.update", TeamUpdate(name="ours", inventory="three"))
    with pytest.raises(InvalidInput, match="weight"):
        world.owner("team.update", TeamUpdate(name="ours", weight=0))
    world.owner("team.delete", TeamDelete(name="ours"))


def test_team_that_is_to_log_in_with_a_key_gets_one_once(world: World) -> None:
    team = world.team()
    first = world.owner("team.update", TeamUpdate(name=team, ssh="vault"))
    assert first.public_key.startswith("ssh-ed25519 ")
    for ssh in ("user", "vault"):
        last = world.owner("team.update", TeamUpdate(name=team, ssh=ssh))
    assert last.public_key == first.public_key
    world.owner("team.update", TeamUpdate(name=team, ssh="user"))
    world.owner("secret.delete", SecretDelete(name="ssh_private_key", team=team))
    world.owner(
        "secret.set", SecretSet(name="other", value="x", team=team, scope=SecretScope.PRIVATE)
    )
    anew = world.owner("team.update", TeamUpdate(name=team, ssh="vault"))
    assert anew.public_key not in ("", first.public_key)
    assert load_settings(world.home, environment={}).team(team).ssh == "vault"


def test_dry_run_is_denied_like_the_change(world: World) -> None:
    operator = world.member(teams={"prod": "operator"})
    for name, request in _dry_runs(world):
        with pytest.raises(AccessDenied):
            operator.perform(name, request)
