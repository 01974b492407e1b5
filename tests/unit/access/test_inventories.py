"""What ``inventory.read`` and ``alert.raise`` tell and take of whom."""

from __future__ import annotations

import pytest
from world import World

from rediacc import requests
from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound
from rediacc.values import MachineState


def test_inventory_holds_what_ansible_and_rediacc_know(world: World) -> None:
    world.owner("team.create", requests.TeamCreate(name="lab", ssh="user"))
    for name, group in (("lab1", "web"), ("lab2", "db")):
        world.owner(
            "machine.create",
            requests.MachineCreate(
                name=name, team="lab", host="192.0.2.9", groups=(group,), variables={"rack": name}
            ),
        )
    away = requests.MachineUpdate(name="lab2", team="lab", state=MachineState.OFFLINE)
    world.owner("machine.update", away)
    (told,) = world.owner("inventory.read", requests.InventoryRequest(teams=("lab", "lab")))
    assert list(told.machines) == ["lab1", "lab2"]
    assert told.machines["lab1"].variables["rack"] == "lab1"
    assert told.machines["lab1"].variables["ansible_host"] == "192.0.2.9"
    assert [one.state for one in told.machines.values()] == ["online", "offline"]
    assert told.groups["web"].machines == ("lab1",)
    assert set(told.groups["all"].children) == {"ungrouped", "web", "db"}
    assert told.is_complete
    outline = world.owner(
        "inventory.read", requests.InventoryRequest(teams=("lab",), contents=False)
    )[0]
    assert outline.source == told.source
    assert set(outline.machines) == {"lab2"}  # of the other it knows nothing
    assert not outline.groups
    assert not outline.is_complete
    assert not outline.machines["lab2"].variables


def test_inventories_are_those_of_the_teams_that_the_caller_sees(world: World) -> None:
    door = world.member(teams={"staging": "viewer"})
    told = door.perform("inventory.read", requests.InventoryRequest(contents=False))
    assert [one.team for one in told] == ["staging"]
    with pytest.raises(AccessDenied):
        door.perform("inventory.read", requests.InventoryRequest(teams=("staging", "prod")))
    with pytest.raises(NotFound):
        world.owner("inventory.read", requests.InventoryRequest(teams=("gone",)))
    assert world.entries("inventory.read")[-1].outcome == "refused"


def test_alert_of_a_play_is_of_the_team_that_has_all_its_machines(world: World) -> None:
    def raised(key: str, *machines: str, team: str | None = None) -> str:
        request = requests.AlertRaise(
            key=key, what="site.yml", team=team, machines=dict.fromkeys(machines, "failed")
        )
        return str(world.owner("alert.raise", request).team)

    assert raised("a", "web1", "localhost") == "prod"
    assert raised("b", "localhost", team="staging") == "staging"
    for machines in (["web1", "db1"], ["localhost"], ["nobody"]):
        with pytest.raises(InvalidInput, match="which team"):
            raised("c", *machines)
    well = requests.AlertRaise(key="e", what="local.yml", fine=("localhost",))
    assert world.owner("alert.raise", well).is_new is False  # a good play is no matter for anybody
    world.owner("team.create", requests.TeamCreate(name="twin", ssh="user"))
    world.owner("machine.create", requests.MachineCreate(name="web1", team="twin"))
    with pytest.raises(Conflict, match="prod, twin"):
        raised("d", "web1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": "two\nlines"},
        {"what": "  "},
        {"machines": {"web1\x1b[2J": "failed"}},
        {"why": ("line",) * 21},
        {"fine": ("",)},
    ],
)
def test_alert_that_cannot_be_meant_is_refused(world: World, wrong: dict[str, object]) -> None:
    fields = {"key": "k", "what": "site.yml", "team": "prod", "machines": {"web1": "x"}, **wrong}
    with pytest.raises(InvalidInput):
        world.owner("alert.raise", requests.AlertRaise(**fields))  # type: ignore[arg-type]
