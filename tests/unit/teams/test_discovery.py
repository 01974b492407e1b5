from __future__ import annotations

from pathlib import Path

import pytest
from ansible_homes import lay_out

from rediacc.teams.discovery import Candidate, discover_inventories, team_name

INI = "[web]\nw1 ansible_host=10.0.0.1\n"
YAML = "---\nall:\n  hosts:\n    a:\n"
PLUGIN = "plugin: amazon.aws.aws_ec2\nregions: [eu-west-1]\n"
PROGRAM = "#!/bin/sh\n# answers --list\ntouch ran\n"
ROLE = "- hosts: all\n  roles: [x]\n"


def found(home: Path, *configured: str) -> dict[str, str]:
    return {entry.name: entry.path for entry in discover_inventories(home, configured)}


@pytest.mark.parametrize(
    ("files", "configured", "expected"),
    [
        ({}, (), {}),
        ({"hosts": INI}, ("hosts",), {"default": "hosts"}),
        ({"hosts.ini": INI, "site.yml": ROLE}, (), {"default": "hosts.ini"}),
        ({"hosts.yml": YAML, "roles/x/tests/inventory": INI}, (), {"default": "hosts.yml"}),
        (
            {"production": INI, "staging": INI, "dev.yml": YAML, "group_vars/all.yml": "a: 1\n"},
            (),
            {"dev": "dev.yml", "prod": "production", "staging": "staging"},
        ),
        (
            {
                "inventories/production/hosts.yml": YAML,
                "inventories/production/group_vars/all.yml": "a: 1\n",
                "inventories/staging/01-hosts": INI,
                "inventories/staging/aws_ec2.yml": PLUGIN,
                "inventories/README.md": "hosts\n",
                "inventories/group_vars/all.yml": "a: 1\n",
            },
            (),
            {"prod": "inventories/production", "staging": "inventories/staging"},
        ),
        (
            {
                "inventory/production": INI,
                "inventory/stage.yml": YAML,
                "inventory/host_vars/a": "x",
            },
            ("inventory",),
            {"prod": "inventory/production", "staging": "inventory/stage.yml"},
        ),
        (
            {"inventory/web.ini": INI, "inventory/db.ini": INI, "inventory/group_vars/all": "a: 1"},
            ("inventory",),
            {"default": "inventory"},
        ),
        (
            {"inventory/10-list.py": PROGRAM, "inventory/20-groups.yml": PLUGIN},
            ("inventory",),
            {"default": "inventory"},
        ),
        ({"inventories/prod.hosts": INI}, ("nowhere",), {}),
        (
            {"environments/eu/prod": INI, "environments/us/hosts": INI},
            (),
            {"eu": "environments/eu", "us": "environments/us"},
        ),
        ({"conf/machines.toml": "[all.hosts]\n"}, ("conf/machines.toml",), None),
        ({"hosts": "# only a comment\n\n", "production": "Not a list of hosts.\n"}, (), {}),
        ({"inventories/dev.yml": ROLE, "inventories/qa.json": '{"a": 1}'}, (), {}),
        ({"inventories/qa.json": '{"web": {"hosts": ["a"]}}'}, (), {"qa": "inventories/qa.json"}),
        ({"hosts": "$ANSIBLE_VAULT;1.1;AES256\n00\n"}, (), {"default": "hosts"}),
    ],
)
def test_inventories_are_found_where_people_put_them(
    tmp_path: Path,
    files: dict[str, str],
    configured: tuple[str, ...],
    expected: dict[str, str] | None,
) -> None:
    lay_out(tmp_path, files)
    if expected is None:
        expected = {"machines": configured[0]}
    assert found(tmp_path, *configured) == expected


def test_absolute_path_of_the_configuration_is_told_from_the_home(tmp_path: Path) -> None:
    home = lay_out(tmp_path / "home", {"inv/hosts": INI})
    lay_out(tmp_path, {"elsewhere/hosts": INI})
    configured = (str(home / "inv"), str(tmp_path / "elsewhere"), "/etc/ansible/hosts", "a,b,")
    assert discover_inventories(home, configured) == (
        Candidate(name="inv", path="inv"),
        Candidate(name="elsewhere", path=str(tmp_path / "elsewhere")),
    )


def test_nothing_is_executed_and_helper_scripts_are_no_inventories(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "dev": "#!/bin/sh\nrm -rf /\n",
            "hosts": PROGRAM,
            "inventories/up.sh": "#!/bin/sh\ntrue\n",
        },
    )
    assert found(tmp_path) == {"default": "hosts"}
    assert not (tmp_path / "ran").exists()


def test_names_that_meet_are_numbered(tmp_path: Path) -> None:
    lay_out(tmp_path, {"production": INI, "inventories/prod/hosts": INI, "prod.ini": INI})
    assert sorted(found(tmp_path)) == ["prod", "prod-2", "prod-3"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("production", "prod"),
        ("Production.YML", "prod"),
        ("staging-hosts", "staging"),
        ("hosts.dev", "dev"),
        ("development.ini", "dev"),
        ("hosts", "default"),
        ("inventory.py", "default"),
        ("EU West (1)", "eu-west-1"),
        ("--", "default"),
        ("x" * 50, "x" * 32),
    ],
)
def test_team_names_follow_from_file_names(text: str, name: str) -> None:
    assert team_name(text) == name
