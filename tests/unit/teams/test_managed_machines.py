"""Changing machines in a hosts file that people write too: only what was wished changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.requests import MachineUpdate
from rediacc.settings import load_settings
from rediacc.teams.changes import apply_changes
from rediacc.teams.managed_machines import MachinePlan, plan_update_machine
from rediacc.teams.showing import shown_change

TOML = "[teams.prod]\ninventory = 'inv'\nmanaged = true\n[teams.ours]\ninventory = 'ours'\n"
HOSTS = """\
# written by hand
all:
  hosts:
    web1:   # the first
      ansible_host: 10.0.0.1   # rack 7
      tier: front
      ansible_password: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        6161
    web2: {ansible_host: 10.0.0.2, tier: back}
    db[1:3]:
  children:
    app:
      hosts:
        web1:
        web2:
    eu:
      children:
        west:
          hosts:
            web1:
              zone: a
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rediacc.toml").write_text(TOML)
    (tmp_path / "inv").mkdir()
    (tmp_path / "inv" / "hosts.yml").write_text(HOSTS)
    return tmp_path


def _plan(home: Path, name: str = "web1", team: str = "prod", **fields: Any) -> MachinePlan:
    settings = load_settings(home, environment={})
    return plan_update_machine(settings, team, MachineUpdate(name=name, **fields))


def _change(home: Path, name: str = "web1", **fields: Any) -> str:
    plan = _plan(home, name, **fields)
    apply_changes(plan.changes)
    again = _plan(home, name, **fields)
    assert (again.changes, again.before) == ((), plan.after)
    return (home / "inv" / "hosts.yml").read_text()


def test_another_address_keeps_place_and_comment(home: Path) -> None:
    expected = HOSTS.replace("10.0.0.1 ", "192.0.2.9 ")
    assert _change(home, host="192.0.2.9") == expected


def test_variables_come_change_and_go(home: Path) -> None:
    text = _change(
        home,
        user="deploy",
        port=2222,
        variables={"tier": "edge", "size": 3},
        remove_variables=("ansible_password", "never_there"),
    )
    vault = HOSTS[HOSTS.index("      ansible_password") : HOSTS.index("    web2")]
    new = "      ansible_user: deploy\n      ansible_port: 2222\n      size: 3\n"
    assert text == HOSTS.replace("tier: front", "tier: edge").replace(vault, new)


def test_variable_stays_in_the_group_in_which_it_stands(home: Path) -> None:
    assert _change(home, variables={"zone": "b"}) == HOSTS.replace("zone: a", "zone: b")


def test_purge_leaves_address_user_and_port(home: Path) -> None:
    _change(home, "web2", variables={"size": 1}, purge_variables=True)
    plan = _plan(home, "web2", purge_variables=True)
    assert plan.before is not None
    assert (plan.before["host"], plan.before["variables"]) == ("10.0.0.2", {"size": 1})


@pytest.mark.parametrize(
    ("fields", "groups"),
    [
        ({"groups": ("app", "west")}, {"app", "west"}),
        ({"groups": ("app", "new")}, {"app", "new"}),
        ({"groups": ()}, set()),
        ({"add_groups": ("blue", "green")}, {"app", "west", "blue", "green"}),
        ({"remove_groups": ("west", "never")}, {"app"}),
        ({"add_groups": ("blue",), "remove_groups": ("app",)}, {"west", "blue"}),
    ],
)
def test_groups(home: Path, fields: dict[str, Any], groups: set[str]) -> None:
    text = _change(home, **fields)
    plan = _plan(home, host="10.0.0.1")
    assert plan.after is not None
    assert set(plan.after["groups"]) == groups
    assert (plan.after["host"], plan.after["variables"]["zone"]) == ("10.0.0.1", "a")
    assert text.startswith("# written by hand\n")
    assert "web2: {ansible_host: 10.0.0.2, tier: back}" in text


def test_machine_that_leaves_its_only_group_stays_a_machine(home: Path) -> None:
    hosts = "all:\n  children:\n    app:\n      hosts:\n        web1:\n          size: 3\n"
    (home / "inv" / "hosts.yml").write_text(hosts)
    text = _change(home, groups=())
    assert yaml.safe_load(text)["all"]["hosts"] == {"web1": {"size": 3}}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"host": "a b"}, InvalidInput),
        ({"port": 0}, InvalidInput),
        ({"groups": ("all",)}, InvalidInput),
        ({"groups": (), "add_groups": ("a",)}, InvalidInput),
        ({"add_groups": ("a",), "remove_groups": ("a",)}, InvalidInput),
        ({"variables": {"a": 1}, "remove_variables": ("a",)}, InvalidInput),
        ({"host": "10.0.0.9", "variables": {"ansible_host": "10.0.0.8"}}, InvalidInput),
        ({"variables": {"not-a-name": 1}}, InvalidInput),
        ({"add_groups": ("web1",)}, Conflict),
        ({"name": "db1", "host": "10.0.0.9"}, NotFound),
        ({"team": "ours", "host": "10.0.0.9"}, Conflict),
    ],
)
def test_what_cannot_be_meant_is_refused(
    home: Path, fields: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _plan(home, **fields)


def test_variable_in_two_places_is_nobodys_guess(home: Path) -> None:
    path = home / "inv" / "hosts.yml"
    path.write_text(HOSTS.replace("zone: a", "tier: a"))
    with pytest.raises(Conflict, match="2 places"):
        _plan(home, variables={"tier": "b"})


def test_what_is_shown_holds_no_secret(home: Path) -> None:
    wished = {"ansible_password": "new", "db": {"password": "x"}, "template_token": "{{ t }}"}
    before, after = shown_change(*_both(_plan(home, variables=wished)))
    assert before is not None
    assert before["variables"]["ansible_password"] == "(vaulted)"
    assert after is not None
    assert after["variables"]["ansible_password"] == "(hidden)"
    assert after["variables"]["db"] == {"password": "(hidden)"}
    assert after["variables"]["template_token"] == "{{ t }}"


def test_another_secret_shows_that_it_is_another() -> None:
    before, after = ({"variables": {"token": value}} for value in ("a", "b"))
    _is_new, shown = shown_change(before, after)
    assert shown == {"variables": {"token": "(hidden) another value"}}


def _both(plan: MachinePlan) -> tuple[Any, Any]:
    return plan.before, plan.after
