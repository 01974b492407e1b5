# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records tell, before it starts, that a run may become another user."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import AnsibleRun, Project

PLAIN = """
- hosts: one
  gather_facts: false
  tasks: [{name: first, ansible.builtin.command: echo, become: false}]
"""
SHOW = "{name: becomes, ansible.builtin.command: echo}"
# What makes the last task become, and the words of a play that has it.
CASES = {
    "a block": f"tasks: [{{block: [{SHOW}], become: true}}]",
    "a handler": "tasks: [{ansible.builtin.command: echo, notify: becomes}]\n"
    f"  handlers: [{SHOW[:-1]}, become: true}}]",
    "a play's variable": f"vars: {{ansible_become: true}}\n  tasks: [{SHOW}]",
    "an earlier play's fact": (
        "tasks: [{ansible.builtin.set_fact: {ansible_become: true}, no_log: true}]\n"
        f"- hosts: one\n  gather_facts: false\n  tasks: [{SHOW}]"
    ),
    "a role's variable": "tasks: [{ansible.builtin.include_role: {name: becoming}}]",
}
VALUES = {
    None: False,
    False: False,
    "no": False,
    "": True,
    True: True,
    "yes": True,
    "{{ it_depends }}": True,
}


@pytest.fixture(scope="module")
def project(new_project: Callable[[str], Project]) -> Project:
    project = new_project("become")
    project.write("roles/becoming/vars/main.yml", "ansible_become: true\n")
    project.write("roles/becoming/tasks/main.yml", f"- {SHOW}\n")
    exe = project.write(
        "become", '#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n'
    )
    exe.chmod(0o755)
    project.write("inventory/group_vars/all.yml", f"ansible_become_exe: {exe}\n")
    return project


def told(run: AnsibleRun) -> list[str]:
    return [record["type"] for record in run.records]


@pytest.mark.parametrize(("value", "expected"), VALUES.items())
def test_what_may_be_true_counts_as_becoming(value: object, expected: bool) -> None:
    from ansible_collections.rediacc.core.plugins.plugin_utils._becoming import may_be_true

    assert may_be_true(value) is expected


def test_what_becomes_nobody_tells_nothing(project: Project) -> None:
    run = project.play(PLAIN)
    assert run.status == 0, run
    assert "become" not in told(run)


def test_each_way_to_become_is_told_once_before_its_task_starts(project: Project) -> None:
    # Each play alone, because what was told once is not told again.
    missed = {}
    for way, words in CASES.items():
        run = project.play(f"- hosts: one\n  gather_facts: false\n  {words}\n")
        assert run.status == 0, (way, run.stdout, run.stderr)
        order = told(run)
        started = order.index("become") if order.count("become") == 1 else -1
        last = len(order) - 1 - order[::-1].index("result")
        if not -1 < started < last:
            missed[way] = order
    assert missed == {}


def test_variables_beside_the_playbook_are_seen(project: Project) -> None:
    files = project.write("group_vars/all.yml", "ansible_become: true\n")
    try:
        assert "become" in told(project.play(PLAIN))
    finally:
        files.unlink()
        files.parent.rmdir()
