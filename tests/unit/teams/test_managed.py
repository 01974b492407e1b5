"""Teams and machines that rediacc keeps, in files that stay people's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.requests import MachineCreate, TeamCreate
from rediacc.settings import Settings, load_settings
from rediacc.teams.changes import apply_changes
from rediacc.teams.managed import plan_create_team, plan_delete_team
from rediacc.teams.managed_machines import plan_create_machine, plan_delete_machine


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rediacc.toml").write_text("# ours\n[worker]\nslots = 2\n")
    return tmp_path


def _settings(home: Path) -> Settings:
    return load_settings(home, environment={})


def _create_team(home: Path, name: str, inventory: str | None = None) -> None:
    apply_changes(plan_create_team(_settings(home), TeamCreate(name=name, inventory=inventory)))


def _create(home: Path, name: str, **fields: Any) -> str:
    request = MachineCreate(name=name, team="prod", **fields)
    apply_changes(plan_create_machine(_settings(home), request).changes)
    return _hosts(home).read_text()


def _hosts(home: Path) -> Path:
    return home / "inventories" / "prod" / "hosts.yml"


def test_a_team_comes_and_goes_without_a_trace(home: Path) -> None:
    before = (home / "rediacc.toml").read_bytes()
    _create_team(home, "prod")
    team = _settings(home).team("prod")
    assert (team.inventory, team.is_managed) == ("inventories/prod", True)
    assert yaml.safe_load(_hosts(home).read_text()) == {"all": {"hosts": {}}}
    apply_changes(plan_delete_team(_settings(home), "prod"))
    assert (home / "rediacc.toml").read_bytes() == before
    assert not _hosts(home).parent.exists()


def test_planning_writes_nothing(home: Path) -> None:
    plan_create_team(_settings(home), TeamCreate(name="prod"))
    assert [path.name for path in home.iterdir()] == ["rediacc.toml"]


def test_deleting_a_team_leaves_files_that_people_added(home: Path) -> None:
    _create_team(home, "prod")
    (_hosts(home).parent / "group_vars").mkdir()
    changes = plan_delete_team(_settings(home), "prod")
    apply_changes(changes)
    assert "did not make" in changes[0].summary
    assert _hosts(home).exists()
    with pytest.raises(Conflict, match="exists already"):
        plan_create_team(_settings(home), TeamCreate(name="prod"))


def test_a_team_over_an_existing_inventory_touches_no_file_of_it(home: Path) -> None:
    (home / "production").write_text("[web]\nweb1\n")
    _create_team(home, "prod", "production")
    team = _settings(home).team("prod")
    assert (team.inventory, team.is_managed) == ("production", False)
    with pytest.raises(Conflict, match="does not change"):
        plan_create_machine(_settings(home), MachineCreate(name="web2", team="prod"))
    with pytest.raises(Conflict, match="does not change"):
        plan_delete_machine(_settings(home), "prod", "web1")
    apply_changes(plan_delete_team(_settings(home), "prod"))
    assert (home / "production").read_text() == "[web]\nweb1\n"


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "..", "a\n", "ä", "x" * 64, "a]"])
def test_hostile_team_names_are_refused(home: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        plan_create_team(_settings(home), TeamCreate(name=name))


@pytest.mark.parametrize("inventory", ["", "nowhere", "a\nb", "\0"])
def test_an_inventory_that_is_not_there_is_refused(home: Path, inventory: str) -> None:
    with pytest.raises(InvalidInput):
        plan_create_team(_settings(home), TeamCreate(name="prod", inventory=inventory))


def test_machines_come_with_variables_and_groups_and_go_again(home: Path) -> None:
    _create_team(home, "prod")
    text = _create(
        home,
        "web-01",
        host="10.0.0.1",
        user="deploy",
        port=2222,
        groups=("web", "eu"),
        variables={"greeting": "yes", "template": "{{ inventory_hostname }}", "count": 1},
    )
    assert text.endswith(
        "all:\n  hosts:\n    web-01:\n      ansible_host: 10.0.0.1\n      ansible_user: deploy\n"
        '      ansible_port: 2222\n      greeting: "yes"\n'
        '      template: "{{ inventory_hostname }}"\n      count: 1\n'
        "  children:\n    web:\n      hosts:\n        web-01:\n"
        "    eu:\n      hosts:\n        web-01:\n"
    )
    _create(home, "web-02", groups=("web",))
    apply_changes(plan_delete_machine(_settings(home), "prod", "web-01").changes)
    assert yaml.safe_load(_hosts(home).read_text()) == {
        "all": {
            "hosts": {"web-02": None},
            "children": {"web": {"hosts": {"web-02": None}}, "eu": {"hosts": None}},
        }
    }


def test_a_group_is_found_where_people_put_it(home: Path) -> None:
    _create_team(home, "prod")
    _hosts(home).write_text(
        "all:\n  children:\n    front: # edge\n      children:\n        web:\n"
        "          hosts:\n            old:\n"
    )
    text = _create(home, "new", groups=("web",))
    assert "          hosts:\n            old:\n            new:\n" in text
    assert text.count("web:") == 1


@pytest.mark.parametrize(
    "name", ["yes", "1e3", "007", "null", "12", "0x1f", "on", "1.5", "10.0.0.1"]
)
def test_names_that_yaml_would_misread_stay_names(home: Path, name: str) -> None:
    _create_team(home, "prod")
    _create(home, name)
    assert list(yaml.safe_load(_hosts(home).read_text())["all"]["hosts"]) == [name]
    apply_changes(plan_delete_machine(_settings(home), "prod", name).changes)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "-oProxyCommand=x"},
        {"name": "a b"},
        {"name": "web[1:9]"},
        {"name": "all"},
        {"name": "a\n"},
        {"name": "x" * 64},
        {"host": "-oProxyCommand=x"},
        {"host": "a b"},
        {"host": "1.2.3.999"},
        {"host": "fe80::zz"},
        {"host": ""},
        {"host": "a_b"},
        {"host": "a." * 200},
        {"user": "-l"},
        {"user": "a;b"},
        {"user": ""},
        {"port": 0},
        {"port": 65536},
        {"port": True},
        {"groups": ("all",)},
        {"groups": ("a-b",)},
        {"groups": ("",)},
        {"variables": {"a-b": 1}},
        {"variables": {"if": 1}},
        {"variables": {"ä": 1}},
        {"variables": {"a": float("nan")}},
        {"variables": {"a": "\ud800"}},
        {"variables": {"a": {1: 2}}},
        {"variables": {"a": object()}},
        {"variables": {"a": "x" * 70000}},
        {"host": "a", "variables": {"ansible_host": "b"}},
    ],
)
def test_what_cannot_be_meant_is_refused(home: Path, fields: dict[str, Any]) -> None:
    _create_team(home, "prod")
    with pytest.raises(InvalidInput):
        plan_create_machine(
            _settings(home), MachineCreate(**{"name": "m", "team": "prod", **fields})
        )


@pytest.mark.parametrize("host", ["a", "web1.example.com.", "10.0.0.1", "::1", "fe80::1%eth0"])
def test_addresses_of_every_kind_are_taken(home: Path, host: str) -> None:
    _create_team(home, "prod")
    _create(home, "m", host=host)
    assert yaml.safe_load(_hosts(home).read_text())["all"]["hosts"]["m"] == {"ansible_host": host}


def test_a_name_that_is_taken_is_a_conflict(home: Path) -> None:
    _create_team(home, "prod")
    _create(home, "m", groups=("web",))
    for request, existing in (
        (MachineCreate(name="m", team="prod"), ()),
        (MachineCreate(name="web", team="prod"), ()),
        (MachineCreate(name="x", team="prod", groups=("x",)), ()),
        (MachineCreate(name="ranged", team="prod"), ("ranged",)),
    ):
        with pytest.raises(Conflict):
            plan_create_machine(_settings(home), request, existing=existing)


def test_what_is_not_there_is_not_found(home: Path) -> None:
    _create_team(home, "prod")
    for plan in (
        lambda: plan_delete_machine(_settings(home), "prod", "m"),
        lambda: plan_delete_machine(_settings(home), "none", "m"),
        lambda: plan_delete_team(_settings(home), "none"),
    ):
        with pytest.raises(NotFound):
            plan()


@pytest.mark.parametrize(
    "content", [b"\xff", b"all: [", b"all:\n  hosts: &a {x: *a}\n", b"a: b: c"]
)
def test_a_broken_file_is_left_alone(home: Path, content: bytes) -> None:
    _create_team(home, "prod")
    _hosts(home).write_bytes(content)
    with pytest.raises(RediaccError, match=r"hosts\.yml"):
        plan_create_machine(_settings(home), MachineCreate(name="m", team="prod"))
    assert _hosts(home).read_bytes() == content
