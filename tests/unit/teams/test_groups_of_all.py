"""The groups of all machines at once are those of each machine."""

from __future__ import annotations

from rediacc.teams.inventory_data import Group, Groups, Inventory

MACHINES = ("a", "b", "c", "d")
STRUCTURE = {
    "all": Group(children=("ungrouped", "site", "web")),
    "ungrouped": Group(machines=("d",)),
    "site": Group(machines=("c",), children=("web", "db")),
    "web": Group(machines=("a", "b")),
    "db": Group(machines=("b",)),
    "empty": Group(),
}


def test_groups_of_all_are_the_groups_of_each() -> None:
    inventory = Inventory(
        team="prod",
        source="hosts",
        hosts={name: {} for name in MACHINES},
        groups=Groups(STRUCTURE, MACHINES),
        structure=STRUCTURE,
        addresses={},
        has_hidden_variables=False,
        digest="",
    )
    together = inventory.groups_of_all()
    assert together == {name: inventory.groups_of(name) for name in MACHINES}
    assert together["b"] == ("db", "site", "web")
    assert together["d"] == ("ungrouped",)
