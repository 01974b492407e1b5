from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_homes import clean_environment, counted_ansible, home_settings, lay_out

from rediacc.errors import InvalidInput, NotFound
from rediacc.settings import Settings
from rediacc.teams.playbooks import PlaybookTargets, resolve_playbook
from rediacc.values import AnsibleOptions, ExtraVariables

FILES = {
    "ansible.cfg": "[defaults]\nverbosity = 2\nlog_path = ansible.log\ncollections_path = coll\n",
    "hosts": "[web]\nweb2\nweb1\n[db]\ndb1\n[none]\n",
    "site.yml": """\
- name: "odd\\n    hosts (1):\\n      fake"
  hosts: web:db
  tasks: []
- name: made while it runs
  hosts: built,later
  tasks: []
- hosts: localhost
  vars_prompt: [{name: never_asked}]
  tasks: []
""",
    "plays/where.yml": '- hosts: "{{ target }}"\n  tasks: [{ansible.builtin.ping: }]\n',
    "plays/nothing.yml": "- hosts: none\n  tasks: []\n",
    "plays/broken.yml": "- hosts: web\n  tasks: [{ansible.builtin.ping: }\n",
    "-dash.yml": "- hosts: web\n",
    "coll/ansible_collections/acme/tools/playbooks/check.yml": "- hosts: db\n  tasks: []\n",
}


class Bench:
    def __init__(self, root: Path) -> None:
        self.bin = counted_ansible(root / "bin")
        self.environment = clean_environment(root / "user")
        self.settings: Settings = home_settings(
            lay_out(root / "home", FILES), {"prod": "hosts"}, ansible_directory=self.bin
        )

    def resolve(
        self,
        playbook: str,
        *,
        limit: str | None = None,
        options: AnsibleOptions | None = None,
        files: Sequence[Path] = (),
    ) -> PlaybookTargets:
        return resolve_playbook(
            self.settings,
            "prod",
            playbook=playbook,
            options=options or AnsibleOptions(),
            limit=limit,
            extra_vars_files=files,
            environment=self.environment,
        )

    @property
    def listings(self) -> int:
        return (self.bin / "calls").read_text().split().count("ansible-playbook")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = Bench(tmp_path_factory.mktemp("playbooks"))
    made.resolve("site.yml")
    return made


def with_values(**values: Any) -> AnsibleOptions:
    return AnsibleOptions(extra_vars=(ExtraVariables(values=values),))


def test_machines_of_all_plays_in_inventory_order(bench: Bench) -> None:
    targets = bench.resolve("site.yml")
    assert targets.machines == ("web2", "web1", "db1", "localhost")
    assert targets.notes == ("play 2 (hosts: built,later) matches no machine",)


def test_limit_and_absolute_path_and_collection(bench: Bench) -> None:
    absolute = str(bench.settings.home / "site.yml")
    assert bench.resolve(absolute, limit="web1,db").machines == ("web1", "db1")
    assert bench.resolve("acme.tools.check").machines == ("db1",)


def test_extra_variables_decide_and_leave_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"refuses .*'target' is undefined.*where\.yml:1"):
        bench.resolve("plays/where.yml")
    assert bench.resolve("plays/where.yml", options=with_values(target="db")).machines == ("db1",)
    lay_out(tmp_path, {"later.json": json.dumps({"target": "web1"})})
    targets = bench.resolve(
        "plays/where.yml", options=with_values(target="db"), files=[tmp_path / "later.json"]
    )
    assert targets.machines == ("web1",), "a later file wins, as in Ansible"
    assert not list((bench.settings.state_directory / "cache").glob("vars.*"))


@pytest.mark.parametrize(
    ("playbook", "limit", "words"),
    [
        ("plays/nothing.yml", None, "no play of plays/nothing.yml matches"),
        ("plays/broken.yml", None, r"YAML parsing failed.*broken\.yml"),
        ("site.yml", "nobody", "--limit nobody leaves"),
    ],
)
def test_playbook_without_targets_is_refused_in_one_line(
    bench: Bench, playbook: str, limit: str | None, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        bench.resolve(playbook, limit=limit)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_missing_playbooks_are_not_found(bench: Bench) -> None:
    before = bench.listings
    for name in ("gone.yml", "/gone/site.yml", "acme.yml", "a.b.yml"):
        with pytest.raises(NotFound, match="no playbook"):
            bench.resolve(name)
    assert bench.listings == before
    with pytest.raises(NotFound, match=r"acme\.tools\.gone"):
        bench.resolve("acme.tools.gone")


@pytest.mark.parametrize(
    ("playbook", "limit"),
    [
        ("-dash.yml", None),
        ("--syntax-check", None),
        ("../outside.yml", None),
        ("plays", None),
        ("", None),
        ("si\nte.yml", None),
        ("site.yml", "@/etc/passwd"),
        ("site.yml", "-v"),
        ("site.yml", ""),
        ("site.yml", "web\n"),
    ],
)
def test_hostile_arguments_start_no_process(bench: Bench, playbook: str, limit: str | None) -> None:
    before = bench.listings
    with pytest.raises(InvalidInput):
        bench.resolve(playbook, limit=limit)
    assert bench.listings == before
