# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another team's machine is never reached by delegation, however it is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import AnsibleRun, Project

DENIED = ["db-prod", "10.0.0.5", "api.prod.example.com"]
PLAYBOOK = """
- hosts: one
  gather_facts: false
  ignore_errors: true
  vars: {target: db-prod, there: 10.0.0.5}
  tasks:
TASKS
    - {name: allowed, ansible.builtin.command: touch reached-two, delegate_to: two}
    - name: loop
      ansible.builtin.command: touch reached-{{ item }}
      delegate_to: "{{ item }}"
      loop: [two, db-prod]
"""
REFUSED = {
    "by name": "delegate_to: db-prod",
    "by template": 'delegate_to: "{{ target }}"',
    "by address": 'delegate_to: "{{ there }}"',
    "by alias of its address": "delegate_to: alias",
    "by address in a variable": 'delegate_to: two, vars: {ansible_host: "{{ there }}"}',
    "by name with a final dot": "delegate_to: API.prod.example.com.",
    "by name with a user": "delegate_to: root@db-prod",
    "by a lookup": "delegate_to: \"{{ lookup('ansible.builtin.pipe', 'echo db-prod') }}\"",
}


@pytest.fixture(scope="module")
def project(new_project: Callable[[str], Project]) -> Project:
    project = new_project("delegation")
    project.write("deny.json", json.dumps(DENIED))
    project.write(
        "inventory/more.yml",
        'all: {hosts: {alias: {ansible_host: "{{ hidden }}", hidden: 10.0.0.5}, db-prod: }}\n',
    )
    return project


@pytest.fixture(scope="module")
def run(project: Project) -> AnsibleRun:
    tasks = "".join(
        f"    - {{name: {name}, ansible.builtin.command: touch reached, {keyword}}}\n"
        for name, keyword in REFUSED.items()
    )
    return project.play(
        PLAYBOOK.replace("TASKS\n", tasks), REDIACC_DENY=str(project.path / "deny.json")
    )


@pytest.mark.parametrize("task", REFUSED)
def test_delegation_is_refused(run: AnsibleRun, task: str) -> None:
    record = run.result(task)
    assert record["status"] == "ignored"
    assert "is refused: it is a machine of another team" in record["message"]


def test_nothing_ran_there(run: AnsibleRun, project: Project) -> None:
    assert run.status == 0
    assert not (project.path / "reached").exists()
    assert not (project.path / "reached-db-prod").exists()


def test_own_machines_are_reached(run: AnsibleRun, project: Project) -> None:
    assert run.result("allowed")["status"] == "changed"
    assert (project.path / "reached-two").exists()


def test_each_refusal_is_recorded_in_order(run: AnsibleRun) -> None:
    refused = [record["delegate_to"] for record in run.of("refused")]
    assert refused[:4] == ["db-prod", "db-prod", "10.0.0.5", "alias"]
    assert len(refused) == len(REFUSED) + 1
    assert {record["host"] for record in run.of("refused")} == {"one"}
    assert [record["seq"] for record in run.records] == list(range(1, len(run.records) + 1))


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_run_does_not_start_when_the_list_cannot_be_used(
    project: Project, content: str | None
) -> None:
    path = project.path / "bad.json"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content)
    run = project.play(PLAYBOOK.replace("TASKS\n", ""), REDIACC_DENY=str(path))
    assert run.status == 1
    assert "cannot be refused" in run.stderr
    assert run.of("task") == []
    assert run.of("stats") == []


def test_run_does_not_start_on_an_ansible_that_cannot_be_guarded(project: Project) -> None:
    # Another callback, loaded before ours, stands for a version without the method.
    project.write(
        "callback_plugins/a_other.py",
        """
from ansible.plugins.callback import CallbackBase
from ansible.vars.manager import VariableManager

class CallbackModule(CallbackBase):
    CALLBACK_TYPE = "notification"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del VariableManager.get_delegated_vars_and_hostname
""",
    )
    run = project.play(
        PLAYBOOK.replace("TASKS\n", ""), REDIACC_DENY=str(project.path / "deny.json")
    )
    assert run.status == 1
    assert "cannot be refused" in run.stderr
    assert run.of("task") == []
