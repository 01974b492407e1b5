# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user's own playbook starts carries the run's marker, and nothing else is different."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ansible.plugins.connection.local
import pytest

from .conftest import MARKER, AnsibleRun, Project

SHOW = "printenv REDIACC_RUN A B C || true"
PLAYBOOK = f"""
- name: STRATEGY
  hosts: one,two
  gather_facts: false
  strategy: STRATEGY
  environment: {{A: play}}
  vars: {{proxy: {{B: templated}}, listed: listed}}
  handlers:
    - {{name: handler, ansible.builtin.shell: "{SHOW}"}}
  roles: [shows]
  tasks:
    - {{name: inherits, ansible.builtin.shell: "{SHOW}", notify: handler}}
    - {{name: own, ansible.builtin.shell: "{SHOW}", environment: {{B: own}}}}
    - {{name: templated, ansible.builtin.shell: "{SHOW}", environment: "{{{{ proxy }}}}"}}
    - name: list
      ansible.builtin.shell: "{SHOW}"
      environment: [{{B: "{{{{ listed }}}}"}}, {{C: c}}]
    - {{name: omitted, ansible.builtin.shell: "{SHOW}", environment: "{{{{ omit }}}}"}}
    - {{name: overrides, ansible.builtin.shell: "{SHOW}", environment: {{A: task}}}}
    - name: looped
      ansible.builtin.shell: "{SHOW}"
      loop: [1]
      environment: {{B: "{{{{ item }}}}"}}
    - environment: {{B: block}}
      block:
        - {{name: in a block, ansible.builtin.shell: "{SHOW}"}}
        - {{name: fails, ansible.builtin.command: "false"}}
      rescue:
        - {{name: in a rescue, ansible.builtin.shell: "{SHOW}"}}
    - {{name: includes, ansible.builtin.include_tasks: more.yml}}
    - {{name: imports, ansible.builtin.import_tasks: imported.yml}}
    - {{name: asynchronous, ansible.builtin.shell: "{SHOW}", async: 20, poll: 1}}
    - {{name: delegated, ansible.builtin.shell: "{SHOW}", delegate_to: localhost}}
    - {{name: script, ansible.builtin.script: show.sh}}
    - {{name: raw, ansible.builtin.raw: "{SHOW}"}}
    - name: elsewhere
      ansible.builtin.debug:
        msg: "{{{{ lookup('ansible.builtin.pipe', 'env | grep -c ^REDIACC_ || true') }}}}"
"""
# The task, and what it must print besides the marker.
EXPECTED = {
    "inherits": "play",
    "own": "play own",
    "templated": "play templated",
    "list": "play listed c",
    "omitted": "play",
    "overrides": "task",
    "in a block": "play block",
    "in a rescue": "play block",
    "included": "play included",
    "imported": "play",
    "shows : in a role": "play",
    "asynchronous": "play",
    "delegated": "play",
    "script": "play",
    "handler": "play",
}


@pytest.fixture(scope="module")
def project(new_project: Callable[[str], Project]) -> Project:
    project = new_project("marker")
    project.write(
        "more.yml",
        f"- {{name: included, ansible.builtin.shell: '{SHOW}', environment: {{B: included}}}}\n",
    )
    project.write("imported.yml", f"- {{name: imported, ansible.builtin.shell: '{SHOW}'}}\n")
    project.write(
        "roles/shows/tasks/main.yml", f"- {{name: in a role, ansible.builtin.shell: '{SHOW}'}}\n"
    )
    project.write("show.sh", f"#!/bin/sh\n{SHOW}\n")
    return project


@pytest.fixture(scope="module")
def linear(project: Project) -> AnsibleRun:
    return project.play(PLAYBOOK.replace("STRATEGY", "linear"), "-l", "one")


@pytest.fixture(scope="module")
def free(project: Project) -> AnsibleRun:
    return project.play(PLAYBOOK.replace("STRATEGY", "free"), "-l", "two")


def printed(run: AnsibleRun, host: str) -> dict[str, list[str]]:
    return {task: run.result(task, host)["stdout"].split() for task in EXPECTED}


def test_processes_carry_the_marker_and_their_own_environment(linear: AnsibleRun) -> None:
    expected = {task: [MARKER, *text.split()] for task, text in EXPECTED.items()}
    assert printed(linear, "one") == expected


def test_free_strategy_marks_the_same(free: AnsibleRun) -> None:
    assert printed(free, "two") == {
        task: [MARKER, *text.split()] for task, text in EXPECTED.items()
    }


def test_each_turn_of_a_loop_carries_it(linear: AnsibleRun) -> None:
    (item,) = linear.result("looped")["result"]["results"]
    assert item["stdout"].split() == [MARKER, "play", "1"]


def test_raw_is_left_alone(linear: AnsibleRun) -> None:
    assert MARKER not in linear.result("raw")["stdout"]


def test_what_runs_on_the_controller_sees_nothing_of_the_channel(linear: AnsibleRun) -> None:
    assert linear.result("elsewhere")["result"]["msg"] == "0"


def test_ansible_has_nothing_to_warn_of_but_what_the_playbook_does(linear: AnsibleRun) -> None:
    # The playbook's own environment is what `raw` warns about, with and without a marker.
    warnings = [line for line in linear.stderr.splitlines() if "WARNING" in line]
    assert all("raw module does not support" in line for line in warnings), warnings


def test_play_counts_as_without_a_marker(linear: AnsibleRun, project: Project) -> None:
    without = project.play(PLAYBOOK.replace("STRATEGY", "linear"), "-l", "one", callback=False)
    assert linear.status == without.status == 0
    recaps = [each.stdout.partition("PLAY RECAP")[2] for each in (linear, without)]
    assert recaps[0] == recaps[1]


def test_connections_of_other_kinds_are_left_alone(project: Project) -> None:
    local = Path(ansible.plugins.connection.local.__file__).read_text()
    project.write("connections/other.py", local.replace("name: local", "name: other"))
    project.write("inventory/other.yml", "all: {hosts: {two: {ansible_connection: other}}}\n")
    done = project.play(
        f"""
- hosts: one,two
  gather_facts: false
  tasks: [{{name: show, ansible.builtin.shell: "{SHOW}", environment: {{A: a}}}}]
""",
        ANSIBLE_CONNECTION_PLUGINS=str(project.path / "connections"),
    )
    assert done.result("show", "one")["stdout"].split() == [MARKER, "a"]
    assert done.result("show", "two")["stdout"].split() == ["a"]
