"""Commands in a home with a team that can be read and one that cannot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from rediacc.cli import main
from rediacc.cli.commands import machines
from rediacc.operations.homes import initialise_home
from rediacc.requests import InitRequest
from rediacc.views import TeamView

HOSTS = """\
[web]
web1 ansible_host=192.0.2.1 ansible_user=deploy ansible_port=2222
web2 ansible_user="{{ account }}"
[db]
db1
[site:children]
web
"""


class _Home:
    def __init__(self, directory: Path, account: Path) -> None:
        self.directory = directory
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(account),
            "XDG_RUNTIME_DIR": str(account),
            "REDIACC_HOME": str(directory),
        }

    def type(self, *words: str) -> int:
        return main.run(words, environment=self.environment)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> _Home:
    directory = tmp_path_factory.mktemp("home")
    made = _Home(directory, tmp_path_factory.mktemp("account"))
    for name, text in (("production", HOSTS), ("staging", "[cache]\nstage1\n")):
        (directory / "inventories" / name).mkdir(parents=True)
        (directory / "inventories" / name / "hosts").write_text(text)
    (directory / "playbooks").mkdir()
    play = "- hosts: web1\n  gather_facts: false\n  tasks: []\n"
    (directory / "playbooks" / "site.yml").write_text(play)
    initialise_home(InitRequest(directory=str(directory)), environment=made.environment)
    return made


def _said(capsys: pytest.CaptureFixture[str]) -> Any:
    return capsys.readouterr()


def test_a_pattern_finds_its_team(home: _Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("create", "task", "--command", "true", "--dry-run", "-o", "json")
    assert home.type(*words, "-m", "web*") == 0
    task = json.loads(_said(capsys).out)["item"]["task"]
    assert (task["team"], task["machines"]) == ("prod", ["web1", "web2"])
    assert home.type(*words, "-m", "*1") == 2
    assert "several teams: prod, staging" in json.loads(_said(capsys).err)["error"]["message"]
    assert home.type(*words, "-m", "app*") == 5
    assert "'app*'" in json.loads(_said(capsys).err)["error"]["message"]


def test_a_playbook_may_be_named_from_where_one_is(
    home: _Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("create", "task", "--team", "prod", "--dry-run", "-o", "json", "--playbook")
    roles = home.directory / "roles" / "motd"
    roles.mkdir(parents=True)
    monkeypatch.chdir(roles)
    assert home.type(*words, "../../playbooks/site.yml") == 0
    assert json.loads(_said(capsys).out)["item"]["task"]["title"] == "playbooks/site.yml"
    assert home.type(*words, "site.yml") == 5
    assert json.loads(_said(capsys).err)["error"]["hint"] == "did you mean playbooks/site.yml?"
    (home.directory.parent / "away.yml").write_text("[]\n")
    assert home.type(*words, "../../../away.yml") == 2
    assert "lies outside the home" in json.loads(_said(capsys).err)["error"]["message"]


def test_one_broken_inventory_keeps_nobody_from_seeing_the_others(
    home: _Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.directory / "inventories" / "staging").rename(home.directory / "inventories" / "away")
    try:
        assert home.type("list", "machines", "-o", "json") == 1
        said = _said(capsys)
        listed = {item["name"]: item for item in json.loads(said.out)["items"]}
        assert sorted(listed) == ["db1", "web1", "web2"]
        web1 = listed["web1"]
        assert (web1["user"], web1["port"], web1["groups"]) == ("deploy", 2222, ["site", "web"])
        assert listed["web2"]["user"] == ""
        assert web1["variables"] == {}
        assert "staging" in json.loads(said.err)["error"]["message"]
        assert home.type("list", "machines", "--group", "db", "-q") == 1
        assert _said(capsys).out.split() == ["db1"]
        assert home.type("list", "machines", "--team", "staging") == 5
        assert _said(capsys).out == ""
        assert home.type("list", "teams") == 0
        said = _said(capsys)
        prod, staging = said.out.splitlines()[1:]
        assert prod.split()[:3] == ["prod", "3", "3"]
        assert staging.split()[:3] == ["staging", "-", "-"]
        assert "team staging: " in said.err
    finally:
        (home.directory / "inventories" / "away").rename(home.directory / "inventories" / "staging")


class _OneTeam:
    def perform(self, operation: str, _request: object) -> list[TeamView]:
        assert operation == "team.list"
        lab = TeamView(
            name="lab", inventory="x", is_managed=True, ssh="user", machine_count=0, group_count=0
        )
        return [lab]


def test_a_new_machine_is_of_the_only_team() -> None:
    assert machines._only_team(_OneTeam(), "x1") == "lab"  # type: ignore[arg-type]


def test_a_new_machine_says_its_team_where_there_are_several(
    home: _Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.type("create", "machine", "x1", "--host", "192.0.2.9") == 2
    assert "which team is 'x1' of? (--team prod or staging)" in _said(capsys).err
