# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One real run with every kind of outcome, and what the callback recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from .conftest import NONCE, AnsibleRun, Project

PLAYBOOK = r"""
- name: The play
  hosts: one
  gather_facts: false
  environment: {PLAY: p}
  handlers:
    - name: handled
      ansible.builtin.command: echo handler
  tasks:
    - {name: fine, ansible.builtin.command: echo fine, changed_when: false}
    - {name: changes, ansible.builtin.command: "printf 'out\nput'", notify: handled}
    - {name: ignored, ansible.builtin.command: sh -c 'echo bad >&2; exit 3', ignore_errors: true}
    - {name: skipped, ansible.builtin.command: "false", when: false}
    - name: looped
      ansible.builtin.command: sh -c 'exit {{ item }}'
      loop: [0, 4, 5]
      ignore_errors: true
    - name: repeated
      ansible.builtin.shell: echo x >> {{ inventory_hostname }}; cat {{ inventory_hostname }}
      register: lines
      until: lines.stdout_lines | length == 2
      delay: 0
      retries: 5
    - {name: included, ansible.builtin.include_tasks: more.yml}
    - {name: polled, ansible.builtin.command: echo polled, async: 20, poll: 1}
    - {name: unfinished, ansible.builtin.command: sleep 30, async: 1, poll: 1, ignore_errors: true}
    - {name: slow, ansible.builtin.command: sleep 30, timeout: 1, ignore_errors: true}
    - name: delegated
      ansible.builtin.command: echo elsewhere
      delegate_to: "{{ 'two' if inventory_hostname == 'one' else 'one' }}"
    - name: delegated in a loop
      ansible.builtin.command: echo elsewhere
      delegate_to: "{{ item }}"
      loop: [one, two]
    - {name: secret, ansible.builtin.command: echo kept-quiet, no_log: true}
    - name: secret loop
      ansible.builtin.command: "echo {{ item }}"
      loop: [kept-quiet]
      no_log: true
    - {name: facts, ansible.builtin.set_fact: {some_fact: a fact's value}}
    - {name: long, ansible.builtin.command: "seq 100000"}
    - {name: big, ansible.builtin.debug: {msg: "{{ 'x' * 100000 }}"}}
    - name: rescue
      block:
        - {name: fails, ansible.builtin.command: sh -c 'echo last words; exit 7'}
      rescue:
        - {name: rescued, ansible.builtin.command: echo rescued}
    - name: module
      rediacc.core.batch:
        commands: [{id: only, text: "printf '\\377'; echo error >&2; exit 9", shell: true}]
      ignore_errors: true
    - name: module in time
      rediacc.core.batch:
        commands: [{id: only, text: sleep 60, timeout: 0.2}]
      ignore_errors: true
    - ansible.builtin.meta: flush_handlers
- name: Both
  hosts: one,two
  gather_facts: false
  tasks:
    - {name: each, ansible.builtin.debug: }
    - {name: once, ansible.builtin.debug: , run_once: true}
- name: Nobody
  hosts: nobody
  tasks:
    - {name: never, ansible.builtin.ping: }
- name: Out of reach
  hosts: away
  gather_facts: false
  tasks:
    - {name: far, ansible.builtin.ping: , ignore_unreachable: true}
    - {name: farther, ansible.builtin.ping: }
"""


@pytest.fixture(scope="module")
def project(new_project: Callable[[str], Project]) -> Project:
    project = new_project("outcomes")
    project.write("more.yml", "- {name: inside, ansible.builtin.command: echo inside}\n")
    project.write(
        "inventory/away.yml",
        "away: {hosts: {far: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}}"
        "\nnobody: {}\n",
    )
    return project


@pytest.fixture(scope="module")
def run(project: Project) -> AnsibleRun:
    return project.play(PLAYBOOK)


def test_records_carry_nonce_and_follow_each_other_without_gap(run: AnsibleRun) -> None:
    assert {record["nonce"] for record in run.records} == {NONCE}
    assert [record["seq"] for record in run.records] == list(range(1, len(run.records) + 1))
    assert all(datetime.fromisoformat(record["at"]).tzinfo for record in run.records)


def test_record_file_is_private(run: AnsibleRun, project: Project) -> None:
    assert run.records
    assert (project.path / "records.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("task", "status", "rc"),
    [
        ("fine", "ok", 0),
        ("changes", "changed", 0),
        ("ignored", "ignored", 3),
        ("skipped", "skipped", None),
        ("looped", "ignored", None),
        ("repeated", "changed", 0),
        ("inside", "changed", 0),
        ("polled", "changed", 0),
        ("slow", "ignored", None),
        ("delegated", "changed", 0),
        ("fails", "failed", 7),
        ("rescued", "changed", 0),
        ("handled", "changed", 0),
        ("module", "ignored", 9),
    ],
)
def test_outcome_is_recorded(run: AnsibleRun, task: str, status: str, rc: int | None) -> None:
    record = run.result(task)
    assert (record["status"], record["rc"]) == (status, rc), record
    assert record["play"] == "The play"
    assert record["started_at"] <= record["ended_at"]
    assert record["path"].partition(":")[0].endswith(".yml")


def test_output_is_recorded_as_written(run: AnsibleRun) -> None:
    record = run.result("changes")
    assert (record["stdout"], record["stdout_bytes"]) == ("out\nput", 7)
    assert record["action"] == "ansible.builtin.command"
    assert run.result("ignored")["stderr"] == "bad"
    assert not {"stdout", "stdout_lines", "invocation"} & set(record["result"])


def test_failure_has_class_and_message(run: AnsibleRun) -> None:
    record = run.result("fails")
    assert (record["failure"], record["stdout"]) == ("failed", "last words")
    assert "non-zero return code" in record["message"]
    assert run.result("fine")["failure"] is None


def test_loop_is_one_record_with_messages_of_failed_items(run: AnsibleRun) -> None:
    record = run.result("looped")
    assert "item 4" in record["message"]
    assert "item 5" in record["message"]
    assert "item 0" not in record["message"]
    assert len(record["result"]["results"]) == 3


def test_attempts_of_until_are_counted(run: AnsibleRun) -> None:
    assert run.result("repeated")["attempts"] == 2
    assert run.result("fine")["attempts"] is None


def test_time_limit_is_told_from_failure(run: AnsibleRun) -> None:
    assert run.result("slow")["timed_out"] is True
    assert run.result("unfinished")["timed_out"] is True
    assert run.result("module in time")["timed_out"] is True
    assert run.result("ignored")["timed_out"] is False


def test_delegation_is_recorded_for_tasks_and_loops(run: AnsibleRun) -> None:
    assert run.result("delegated")["delegated_to"] == "two"
    assert run.result("delegated in a loop")["delegated_to"] == "two"
    assert run.result("fine")["delegated_to"] is None


def test_no_log_keeps_contents_out(run: AnsibleRun) -> None:
    for task in ("secret", "secret loop"):
        record = run.result(task)
        assert record["no_log"] is True
        assert (record["stdout"], record["stderr"]) == ("", "")
    assert "kept-quiet" not in run.raw_records


def test_handler_is_marked(run: AnsibleRun) -> None:
    assert run.result("handled")["handler"] is True
    assert run.result("fine")["handler"] is False


def test_task_once_for_all_has_one_record(run: AnsibleRun) -> None:
    hosts = {
        task: sorted(each["host"] for each in run.of("result") if each["task"] == task)
        for task in ("each", "once")
    }
    assert hosts == {"each": ["one", "two"], "once": ["one"]}


def test_facts_are_counted_not_kept(run: AnsibleRun) -> None:
    facts = run.result("facts")["result"]["ansible_facts"]
    assert facts == {"count": 1, "keys": ["some_fact"]}


def test_long_output_is_cut_and_says_so(run: AnsibleRun) -> None:
    record = run.result("long")
    assert record["truncated"] is True
    assert record["stdout_bytes"] == 588894
    assert "bytes cut by rediacc" in record["stdout"]
    assert len(record["stdout"]) < 140_000
    assert run.result("big")["result"]["rediacc_left_out"] == ["msg"]


def test_member_of_batch_is_lifted(run: AnsibleRun) -> None:
    record = run.result("module")
    assert (record["stdout_b64"], record["stdout"]) == ("/w==", "")
    assert (record["stderr"], record["stderr_bytes"]) == ("error\n", 6)
    assert record["message"] == "non-zero return code"


def test_unreachable_is_told_from_failed(run: AnsibleRun) -> None:
    assert run.result("far", "far")["status"] == "ignored"
    record = run.result("farther", "far")
    assert (record["status"], record["failure"]) == ("unreachable", "unreachable")
    assert "refused" in record["message"]


def test_plays_and_tasks_are_announced(run: AnsibleRun) -> None:
    assert [(each["name"], each["hosts_pattern"]) for each in run.of("play")] == [
        ("The play", "one"),
        ("Both", "one,two"),
        ("Nobody", "nobody"),
        ("Out of reach", "away"),
    ]
    assert {"fine", "handled", "inside", "rescued"} <= {each["name"] for each in run.of("task")}
    assert ("no_hosts_matched", "Nobody") in {
        (each["name"], each["play"]) for each in run.of("event")
    }


def test_last_record_counts_as_ansible_does(run: AnsibleRun) -> None:
    assert run.records[-1]["type"] == "stats"
    counts = run.records[-1]["hosts"]
    assert counts["one"]["rescued"] == 1
    assert counts["one"]["failures"] == 0
    assert counts["far"]["unreachable"] == 1
    assert run.status == 4


def test_ansible_says_nothing_against_the_plugin(run: AnsibleRun) -> None:
    assert "rediacc.core.results" not in run.stderr
    assert "DEPRECATION" not in run.stderr


def test_plugin_is_silent_without_a_record_file(project: Project) -> None:
    run = project.play(
        "- {hosts: one, gather_facts: false, tasks: [{ansible.builtin.ping: }]}",
        REDIACC_RECORDS="",
    )
    assert run.status == 0
    assert "rediacc" not in run.stderr


def test_unusable_record_file_switches_the_plugin_off_and_not_the_play(
    project: Project, tmp_path: Path
) -> None:
    run = project.play(
        "- {hosts: one, gather_facts: false, tasks: [{ansible.builtin.ping: }]}",
        REDIACC_RECORDS=str(tmp_path / "no such directory" / "records"),
    )
    assert run.status == 0
    assert run.stderr.count("switched itself off") == 1
