"""A slice must give a machine the same variables and groups as the whole inventory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_homes import clean_environment, home_settings, lay_out

from rediacc.teams.inventory import Inventory, read_inventory, slice_inventory
from rediacc.teams.inventory_data import Group, Groups

FILES = {
    "inv/hosts": """\
edge ansible_host=10.0.0.1 ansible_port=2222 quoted="a 'b'" number=7 flag=true
[web]
web[1:3] ansible_connection=local
[db]
db1
web2 weight=2.5
[site:children]
web
db
[region:children]
site
[other]
elsewhere
""",
    "inv/group_vars/all.yml": """\
templated: "{{ ansible_host | default(inventory_hostname) }}"
looked_up: "{{ lookup('env', 'HOME') }}"
nested: {list: [1, 2.5, null, "x"], deep: {flag: false, text: "ünïcode \\" \\\\ \\n"}}
literal: !unsafe "{{ never }} {% evaluated"
empty: ""
long_number: 123456789012345678901234567890
""",
    "inv/group_vars/site.yml": "level: site\nonly_site: 1\n",
    "inv/group_vars/web.yml": "level: web\nansible_group_priority: 5\n",
    "inv/group_vars/db.yml": "level: db\n",
    "inv/group_vars/other.yml": "peers: \"{{ groups['web'] }}\"\n",
    "inv/host_vars/web2.yml": "level: host\n",
    "inv/program.sh": '#!/bin/sh\necho \'{"_meta": {"hostvars": {"d1": {"v": "{{ 1 + 1 }}"}}},'
    ' "cloud": {"hosts": ["d1"], "vars": {"w": "x"}}}\'\n',
}
MACHINES = ("edge", "web1", "web2", "web3", "db1", "d1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = lay_out(tmp_path_factory.mktemp("slices"), FILES)
    vaulted = encrypted("hidden\n").replace("\n", "\n  ")
    lay_out(root, {"inv/host_vars/db1.yml": f"pw: !vault |\n  {vaulted}\n"})
    return root


@pytest.fixture(scope="module")
def inventory(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    environment = clean_environment(tmp_path_factory.mktemp("user"))
    return read_inventory(home_settings(home, {"prod": "inv"}), "prod", environment=environment)


def encrypted(text: str) -> str:
    from ansible.parsing.vault import VaultLib, VaultSecret

    return VaultLib([("default", VaultSecret(b"open"))]).encrypt(text).decode()


def as_ansible_sees(source: Path) -> dict[str, dict[str, Any]]:
    """Return each machine's variables by Ansible's own managers, with trust and encryption told."""
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.manager import VariableManager

    loader = DataLoader()
    manager = InventoryManager(loader=loader, sources=[str(source)])
    variables = VariableManager(loader=loader, inventory=manager, version_info={})
    own_to_the_file = ("inventory_dir", "inventory_file", "groups", "ansible_inventory_sources")
    return {
        host.name: {
            name: told(value)
            for name, value in variables.get_vars(host=host, include_hostvars=False).items()
            if name not in own_to_the_file
        }
        for host in manager.get_hosts()
    }


def told(value: Any) -> Any:
    from ansible.parsing.vault import EncryptedString
    from ansible.template import is_trusted_as_template

    if isinstance(value, EncryptedString):
        return ("encrypted", value._ciphertext)
    if isinstance(value, str):
        return (str(value), is_trusted_as_template(value))
    if isinstance(value, dict):
        return {str(name): told(item) for name, item in value.items()}
    if isinstance(value, list):
        return [told(item) for item in value]
    return value


@pytest.fixture(scope="module")
def whole(home: Path) -> dict[str, dict[str, Any]]:
    return as_ansible_sees(home / "inv")


@pytest.mark.parametrize("machines", [*((name,) for name in MACHINES), MACHINES[::-1]])
def test_sliced_machines_have_the_variables_and_groups_of_the_whole_inventory(
    inventory: Inventory,
    whole: dict[str, dict[str, Any]],
    machines: tuple[str, ...],
    tmp_path: Path,
) -> None:
    made = slice_inventory(inventory, machines)
    assert made is not None
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(made))
    sliced = as_ansible_sees(path)
    assert set(sliced) == set(machines)
    for machine in machines:
        assert whole[machine]["group_names"] == sliced[machine]["group_names"]
        assert whole[machine] == sliced[machine]


def test_slice_holds_only_what_is_needed(inventory: Inventory) -> None:
    made = slice_inventory(inventory, ["db1"])
    assert made is not None
    assert list(made["all"]["hosts"]) == ["db1"]
    assert made["all"]["children"] == {
        "region": {
            "hosts": {},
            "children": {
                "site": {
                    "hosts": {},
                    "children": {"db": {"hosts": {"db1": {}}, "children": {}}},
                }
            },
        }
    }


def test_machine_whose_variables_ask_for_others_gets_no_slice(inventory: Inventory) -> None:
    assert slice_inventory(inventory, ["elsewhere"]) is None
    assert slice_inventory(inventory, ["web1", "elsewhere"]) is None


def test_unknown_and_implicit_machines_get_no_slice(inventory: Inventory) -> None:
    assert slice_inventory(inventory, ["localhost"]) is None
    assert slice_inventory(inventory, ["web9"]) is None
    assert slice_inventory(inventory, []) is None


def made_of(
    value: Any, *, name: str = "m1", hidden: bool = False, uncertain: bool = False
) -> Inventory:
    structure = {
        "all": Group(children=("ungrouped",)),
        "ungrouped": Group(machines=(name,)),
    }
    return Inventory(
        team="t",
        source="/inv",
        hosts={name: {"var": value}},
        groups=Groups(structure, (name,)),
        structure=structure,
        addresses={},
        has_hidden_variables=hidden,
        has_uncertain_trust=uncertain,
        digest="",
    )


@pytest.mark.parametrize(
    "value",
    [
        "{{ hostvars['x'].y }}",
        {"a": [{"b": "{{ groups.web | first }}"}]},
        "{{ ansible_play_hosts }}",
        "{{ play_hosts }}",
        "{{ inventory_dir }}/key",
        "{{ lookup('inventory_hostnames', 'all') }}",
        "{{ query('ansible.builtin.template', 'x.j2') }}",
        "{{ lookup(kind, 'x') }}",
        {"80": "a key that was a number"},
        {"true": 1},
        "2024-01-31",
        float("inf"),
        {"__ansible_unsafe": "x", "and": "more"},
    ],
)
def test_what_may_differ_in_a_slice_gets_none(value: Any) -> None:
    assert slice_inventory(made_of(value), ["m1"]) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        1e9,
        "",
        "plain text",
        "{{ lookup('env', 'HOME') }}",
        "{{ query('ansible.builtin.vars', 'x') }}",
        {"__ansible_unsafe": "{{ groups }}"},
        {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n00\n"},
        {"user_groups": ["wheel"], "groups": "wheel"},
        "on 2024-01-31 it was",
    ],
)
def test_what_stays_the_same_in_a_slice_gets_one(value: Any) -> None:
    made = slice_inventory(made_of(value), ["m1"])
    assert made == {"all": {"hosts": {"m1": {"var": value}}, "children": {}}}


def test_hidden_variables_and_uncertain_templates_get_no_slice() -> None:
    assert slice_inventory(made_of("x", hidden=True), ["m1"]) is None
    assert slice_inventory(made_of("{{ x }}", uncertain=True), ["m1"]) is None
    assert slice_inventory(made_of("x", uncertain=True), ["m1"]) is not None


@pytest.mark.parametrize("name", ["a[1:3]", "host:22", "[fe80::1]:22", "-v", "a b", "ü", "a."])
def test_name_that_the_file_would_read_otherwise_gets_no_slice(name: str) -> None:
    assert slice_inventory(made_of("x", name=name), [name]) is None
