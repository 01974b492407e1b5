# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaulted values from every place that Ansible reads, printed in every way, are never seen."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from .conftest import AnsibleRun, Project

# Where a vaulted value comes from; each is printed by a task of its own.
SECRETS = {
    "inline_group": "inline-Group-7Yh",
    "inline_host": "quo\"ted\\and'odd-Host",
    "inline_play": "inline-Play-p0Q",
    "file_group": "file-Group-zZ9",
    "file_nested": "file-Nested-c4T",
    "file_extra": "file-Extra-mB2",
    "file_vars": "file-Vars-k8L",
    "file_role": "file-Role-xX1",
    "file_included": "file-Included-w3W",
    "inventory_file": "inventory-File-n5N",
}
LINES = ["-----BEGIN KEY-----", "QmVnaW5uaW5nIG9m", "aXRzIGVuZGluZyBub3c", "-----END KEY-----"]
PLAYBOOK = r"""
- hosts: one
  gather_facts: false
  vars:
    inline_play: INLINE
  vars_files: [secret_vars.yml]
  roles: [keeper]
  tasks:
    - ansible.builtin.include_vars: included.yml
    - {name: pause, ansible.builtin.command: "echo {{ inventory_file }}"}
SHOW
    - {name: "named {{ file_group }}", ansible.builtin.command: "true"}
    - {name: lines, ansible.builtin.command: {argv: [printf, "%s", "{{ pem }}"]}}
    - {name: one line, ansible.builtin.shell: "echo '{{ pem }}' | sed -n 2p"}
    - name: nested
      ansible.builtin.debug: {msg: {deep: ["{{ file_nested }}"], whole: "{{ tree }}"}}
    - name: encoded
      ansible.builtin.debug:
        msg: >-
          {{ inline_group | b64encode }} x{{ ('ab' ~ inline_group) | b64encode }}
          {{ inline_host | urlencode }} {{ inline_host | to_json }} {{ inline_host | quote }}
    - {name: fails, ansible.builtin.fail: {msg: "because {{ file_vars }}"}, ignore_errors: true}
    - name: undefined
      ansible.builtin.debug: {msg: "{{ file_vars.nothing }}"}
      ignore_errors: true
    - name: looped
      ansible.builtin.shell: "echo {{ item }}; exit 1"
      loop: ["{{ file_extra }}"]
      ignore_errors: true
    - name: warns
      ansible.builtin.command: "true"
      vars: {ansible_remote_tmp: "/tmp/{{ inline_group }}"}
    - name: cut
      rediacc.core.batch:
        commands:
          - id: only
            text: "printf '%0100d'; printf '%s' '{{ file_group }}'; printf '%01000d'"
            shell: true
        head_bytes: 108
        tail_bytes: 20
    - name: bytes
      rediacc.core.batch:
        commands: [{id: only, text: "printf '\\377%s' '{{ file_group }}'", shell: true}]
    - name: plain
      ansible.builtin.debug:
        msg: "yes {{ file_short }} {{ file_number }} {{ file_flag }} and common words"
    - {name: registered, ansible.builtin.debug: {var: hostvars.one.file_vars}}
"""


def make(project: Project) -> None:
    inline = {name: project.inline(value) for name, value in SECRETS.items() if "inline" in name}
    project.write("group_vars/all/inline.yml", f"inline_group: {inline['inline_group']}\n")
    project.write("host_vars/one.yml", f"inline_host: {inline['inline_host']}\n")
    document = "".join(
        f"{line}\n"
        for line in (
            f"file_group: {SECRETS['file_group']}",
            f"tree: {{branch: [{SECRETS['file_nested']}]}}",
            'file_nested: "{{ tree.branch[0] }}"',
            "file_short: abc",
            "file_number: 8080",
            "file_flag: true",
            "pem: |",
            *(f"  {line}" for line in LINES),
        )
    )
    project.encrypt("group_vars/all/vault.yml", document)
    for path, name in (
        ("secret_vars.yml", "file_vars"),
        ("extra.yml", "file_extra"),
        ("roles/keeper/vars/main.yml", "file_role"),
        ("included.yml", "file_included"),
    ):
        project.encrypt(path, f"{name}: {SECRETS[name]}\n")
    project.write("roles/keeper/tasks/main.yml", "- {ansible.builtin.debug: {var: file_role}}\n")
    project.encrypt(
        "inventory/vaulted.yml",
        f"all: {{hosts: {{one: {{inventory_file: {SECRETS['inventory_file']}}}}}}}\n",
    )


def playbook(project: Project) -> str:
    show = "".join(
        f'    - {{name: "show {name}", ansible.builtin.command: {{argv: [echo, "{{{{ {name} }}}}"]'
        "}}\n"
        for name in SECRETS
    )
    text = PLAYBOOK.replace("INLINE", project.inline(SECRETS["inline_play"]))
    return text.replace("SHOW\n", show)


@pytest.fixture(scope="module")
def project(new_project: Callable[[str], Project]) -> Project:
    project = new_project("masking")
    make(project)
    return project


@pytest.fixture(scope="module")
def run(project: Project) -> AnsibleRun:
    environment = {"ANSIBLE_LOG_PATH": str(project.path / "ansible.log")}
    done = project.play(playbook(project), "-e", "@extra.yml", "-vvv", **environment)
    assert done.status == 0, done.stdout + done.stderr
    return done


def everything(run: AnsibleRun) -> str:
    return run.raw_records + run.stdout + run.stderr


@pytest.mark.parametrize("name", SECRETS)
def test_value_is_seen_nowhere(run: AnsibleRun, name: str) -> None:
    value = SECRETS[name]
    assert value not in everything(run)
    assert base64.b64encode(value.encode()).decode() not in everything(run)
    if name != "inline_host":
        assert run.result(f"show {name}")["stdout"] == "********"
    assert run.result(f"show {name}")["status"] == "changed"


def test_value_with_quotes_is_seen_in_no_spelling(run: AnsibleRun) -> None:
    for part in ('quo"ted', 'quo\\"ted', "odd-Host", "quo%22ted", "quo\\\\"):
        assert part not in everything(run)


def test_lines_of_a_key_are_masked_each(run: AnsibleRun) -> None:
    for line in LINES:
        assert line not in everything(run)
    assert run.result("one line")["stdout"] == "********"


def test_encodings_are_masked(run: AnsibleRun) -> None:
    value = SECRETS["inline_group"]
    shifted = base64.b64encode(b"ab" + value.encode()).decode()
    assert shifted[4:-4] not in everything(run)


def test_names_and_messages_are_masked(run: AnsibleRun) -> None:
    assert [each["task"] for each in run.of("result") if each["task"].startswith("named")] == [
        "named ********"
    ]
    assert run.result("fails")["message"] == "because ********"


def test_part_of_a_value_beside_a_cut_is_masked(run: AnsibleRun) -> None:
    output = run.result("cut")["stdout"]
    assert "bytes cut by rediacc" in output
    assert SECRETS["file_group"][:4] not in output
    assert output.startswith("0" * 100 + "********")
    assert SECRETS["file_group"][:8] not in run.stdout


def test_value_among_bytes_that_are_no_text_is_masked(run: AnsibleRun) -> None:
    assert base64.b64decode(run.result("bytes")["stdout_b64"]) == b"\xff********"


@pytest.mark.usefixtures("run")
def test_log_file_is_masked(project: Project) -> None:
    log = (project.path / "ansible.log").read_text()
    assert "show inline_group" in log
    assert "********" in log
    assert not [value for value in SECRETS.values() if value in log]


def test_ordinary_output_is_left_alone(run: AnsibleRun) -> None:
    assert run.result("plain")["result"]["msg"] == "yes abc 8080 True and common words"
    assert "PLAY RECAP" in run.stdout


def test_without_the_callback_the_values_would_be_seen(project: Project) -> None:
    bare = project.play(playbook(project), "-e", "@extra.yml", "-v", callback=False)
    assert bare.status == 0
    assert all(value in bare.stdout for name, value in SECRETS.items() if name != "inline_host")
