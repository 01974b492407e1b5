from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from ansible_homes import OWN_BIN, clean_environment, counted_ansible, lay_out

from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.requests import InitRequest
from rediacc.settings import load_settings
from rediacc.teams.adoption import initialise
from rediacc.views import InitReport

REPOSITORY = {
    "ansible.cfg": "[defaults]\nroles_path = roles\n",
    "inventories/production/hosts": "[web]\nw1\nw2\n",
    "inventories/production/group_vars/web.yml": "a: 1\n",
    "inventories/staging/hosts": "[web]\ns1\n",
    "inventories/staging/group_vars/all/vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    "site.yml": "- hosts: web\n  tasks: []\n",
    ".gitignore": "*.retry\n",
}


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): f"{path.lstat().st_mode:o} "
        + (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in sorted(root.rglob("*"))
    }


def init(
    home: Path, *, launcher: bool = False, path: str = "", config: str = "", **teams: str
) -> InitReport:
    environment = clean_environment(home.parent / "user")
    if config:
        environment["ANSIBLE_CONFIG"] = config
    if path:
        environment["PATH"] = path
    request = InitRequest(directory=str(home), teams=teams, launcher=launcher)
    return initialise(request, environment=environment)


def test_repository_becomes_a_home_and_stays_as_it_was(tmp_path: Path) -> None:
    home = lay_out(tmp_path / "repo", REPOSITORY)
    before = digests(home)
    report = init(home, launcher=True)
    assert report.home == str(home)
    assert report.teams == (
        ("prod", "inventories/production", 2),
        ("staging", "inventories/staging", 0),
    )
    assert len(report.notes) == 1
    assert "team staging" in report.notes[0]
    assert "vault" in report.notes[0]
    assert set(report.written) == {"rediacc.toml", ".rediacc/.gitignore", "rediacc"}
    assert "ansible-core 2." in report.ansible
    after = digests(home)
    assert {name: after[name] for name in before} == before
    added = {name for name in after if name not in before and not name.startswith(".rediacc")}
    assert added == {"rediacc.toml", "rediacc"}
    assert (home / ".rediacc").stat().st_mode & 0o777 == 0o700
    assert "*" in (home / ".rediacc/.gitignore").read_text().splitlines()
    settings = load_settings(home, environment={})
    assert {name: team.inventory for name, team in settings.teams.items()} == {
        "prod": "inventories/production",
        "staging": "inventories/staging",
    }
    assert settings.ansible_directory is None
    with pytest.raises(Conflict, match="is a home already"):
        init(home)
    assert digests(home) == after


def test_ansible_on_the_path_is_recorded_when_it_is_supported(tmp_path: Path) -> None:
    home = lay_out(tmp_path / 'odd "name"', {"hosts": "h1\n"})
    directory = counted_ansible(tmp_path / "their bin")
    path = f"{directory}{os.pathsep}{OWN_BIN}{os.pathsep}/usr/bin{os.pathsep}/bin"
    report = init(home, path=path, dev="hosts")
    assert load_settings(home, environment={}).ansible_directory == directory
    assert str(directory) in report.ansible
    assert report.teams == (("dev", "hosts", 1),)


def test_unsupported_ansible_on_the_path_is_told_and_not_used(tmp_path: Path) -> None:
    script = '#!/bin/sh\necho "x [core 2.16.1]"\n'
    names = ("ansible", "ansible-config", "ansible-inventory", "ansible-playbook")
    lay_out(tmp_path / "old", dict.fromkeys(names, script))
    report = init(tmp_path / "new" / "home", path=f"{tmp_path / 'old'}{os.pathsep}/usr/bin:/bin")
    assert report.teams == ()
    assert "not supported" in report.notes[0]
    settings = load_settings(tmp_path / "new" / "home", environment={})
    assert settings.ansible_directory is None
    assert settings.teams == {}


@pytest.mark.parametrize(
    ("teams", "error"),
    [
        ({"prod": "gone"}, NotFound),
        ({"Prod": "hosts"}, InvalidInput),
        ({"a/b": "hosts"}, InvalidInput),
        ({"-x": "hosts"}, InvalidInput),
        ({"x" * 33: "hosts"}, InvalidInput),
        ({"prod": ""}, InvalidInput),
        ({"prod": "ho\nsts"}, InvalidInput),
        ({"prod": "--list"}, InvalidInput),
        ({"prod": "hosts", "dev": "./hosts"}, InvalidInput),
    ],
)
def test_teams_that_cannot_be_meant_leave_nothing_behind(
    tmp_path: Path, teams: dict[str, str], error: type[RediaccError]
) -> None:
    home = lay_out(tmp_path / "repo", {"hosts": "h1\n"})
    with pytest.raises(error) as caught:
        init(home, **teams)
    assert "\n" not in caught.value.message
    assert list(digests(home)) == ["hosts"]


def test_failure_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    home = lay_out(tmp_path / "repo", {"hosts": "h1\n", "ansible.cfg": "no section\n"})
    with pytest.raises(InvalidInput, match="configuration"):
        init(home)
    assert set(digests(home)) == {"ansible.cfg", "hosts"}
    with pytest.raises(InvalidInput):
        init(home / "hosts")
    lay_out(home, {"ansible.cfg": "", "rediacc/__init__.py": ""})
    before = digests(home)
    with pytest.raises(Conflict, match="exists"):
        init(home, launcher=True)
    assert digests(home) == before


def test_new_directories_of_a_failed_start_are_removed(tmp_path: Path) -> None:
    lay_out(tmp_path, {"broken.cfg": "no section\n"})
    with pytest.raises(InvalidInput, match="configuration"):
        init(tmp_path / "a" / "b", config=str(tmp_path / "broken.cfg"))
    assert not (tmp_path / "a" / "b").exists()


def test_launcher_starts_rediacc_for_its_home_from_anywhere(tmp_path: Path) -> None:
    home = tmp_path / "with space"
    init(home, launcher=True)
    launcher = home / "rediacc"
    assert launcher.stat().st_mode & 0o111
    text = launcher.read_text()
    command = next(line for line in text.splitlines() if line.startswith("exec "))
    launcher.write_text(text.replace(command, 'echo "$REDIACC_HOME" "$@"'))
    answer = subprocess.run(
        [launcher, "list", "a b"], cwd="/", check=True, capture_output=True, text=True
    )
    assert answer.stdout == f"{home} list a b\n"
    assert str(OWN_BIN) in command
