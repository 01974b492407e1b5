"""The collection's queue modules, from a playbook to real SSH machines and back."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_homes import Home

_ROOT = Path(__file__).resolve().parents[2]
_PLAY = """\
- name: Work through the queue
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/rediacc.core.rediacc:
      rediacc_home: "{{ home }}"
  tasks:
    - name: Predict
      rediacc.core.task: {machine: prod-01, shell: echo hello, idempotency_key: hello}
      check_mode: true
      register: predicted

    - name: Queue and wait
      rediacc.core.task:
        machine: prod-01
        shell: echo hello; echo $MACHINE_OF >&2
        idempotency_key: hello
        wait: true
      loop: [1, 2]
      register: twice

    - name: Fail on one of two
      rediacc.core.task:
        groups: [web]
        team: prod
        limit: prod-01,prod-02
        shell: case $MACHINE_OF in */prod-02) echo disk full >&2; exit 3;; esac
        retry: {retryCount: 0, failureAction: none}
        wait: true
      register: failed
      ignore_errors: true

    - name: Lose the answer of the program, and the database for a moment
      rediacc.core.task:
        rediacc_program: "{{ programs }}/killed"
        machine: prod-01
        shell: echo x >> counted
        wait: true
      register: lost

    - name: Read both ways
      rediacc.core.task_info:
        id: "{{ failed.id }}"
        output: true
        rediacc_program: "{{ item or omit }}"
      loop: ["", "{{ programs }}/rediacc"]
      register: both

    - name: Read the queue
      rediacc.core.queue_info:
      register: queue

    - name: Hand everything over
      ansible.builtin.copy:
        content: "{{ {'predicted': predicted, 'twice': twice.results, 'failed': failed,
                      'lost': lost, 'both': both.results, 'queue': queue} | to_json }}"
        dest: "{{ programs }}/told.json"
        mode: "0600"
"""
_PROGRAM = """\
#!/bin/sh
exec {python} -m rediacc "$@"
"""
_KILLED = """\
#!/bin/sh
if [ "$4" = task.wait ] && [ ! -e {away} ]; then
  touch {away}
  echo '{{"error": {{"code": "database_unavailable", "message": "away", "hint": ""}}}}' >&2
  exit 75
fi
{program} "$@" > {answer} || exit
if [ "$4" = task.create ] && [ ! -e {lost} ]; then
  touch {lost}
  kill -9 $$
fi
cat {answer}
"""


@pytest.fixture(scope="module")
def told(
    make_home: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Home, dict[str, Any]]]:
    """A home after the play, and what the play's tasks returned."""
    home = make_home().make(files={"play.yml": _PLAY})
    programs = tmp_path_factory.mktemp("programs")
    names = {
        "python": shlex.quote(sys.executable),
        "program": shlex.quote(str(programs / "rediacc")),
        "answer": shlex.quote(str(programs / "answer")),
        "lost": shlex.quote(str(programs / "lost")),
        "away": shlex.quote(str(programs / "away")),
    }
    for name, text in (("rediacc", _PROGRAM), ("killed", _KILLED)):
        (programs / name).write_text(text.format(**names))
        (programs / name).chmod(0o755)
    link = programs / "ansible_collections" / "rediacc" / "core"
    link.parent.mkdir(parents=True)
    link.symlink_to(_ROOT)
    variables = json.dumps({"home": str(home.directory), "programs": str(programs)})
    with home.worker():
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-e", variables, "play.yml"],
            cwd=home.directory,
            env={
                **home.environment,
                "ANSIBLE_COLLECTIONS_PATH": str(programs),
                "ANSIBLE_LOCALHOST_WARNING": "0",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "WARN" not in done.stdout + done.stderr
        assert (programs / "lost").exists()
        assert (programs / "away").exists()
        yield home, json.loads((programs / "told.json").read_text())


def test_play_gets_what_the_machine_printed(told: tuple[Home, dict[str, Any]]) -> None:
    _home, results = told
    first = results["twice"][0]
    assert first["changed"] is True
    assert (first["state"], first["rc"], first["attempts"]) == ("succeeded", 0, 1)
    assert first["hosts"]["changed"] == ["prod-01"]
    assert first["results"]["prod-01"]["stdout"] == "hello\n"
    assert first["results"]["prod-01"]["stderr_lines"][0].endswith("/prod-01")
    assert first["queued_at"] <= first["started_at"] <= first["finished_at"]


def test_same_key_is_one_task_and_check_mode_makes_none(
    told: tuple[Home, dict[str, Any]],
) -> None:
    _home, results = told
    assert results["predicted"]["changed"] is True
    assert results["predicted"]["id"] is None
    assert results["predicted"]["machines"] == ["prod-01"]
    again = results["twice"][1]
    assert again["changed"] is False
    assert again["id"] == results["twice"][0]["id"] == 1


def test_failure_says_what_happened_on_which_machine(told: tuple[Home, dict[str, Any]]) -> None:
    _home, results = told
    failed = results["failed"]
    assert failed["failed"] is True
    assert failed["msg"] == (
        f"task {failed['id']} failed (exit code 3) on 1 of 2 machines: "
        "prod-02: exit code 3, disk full"
    )
    assert failed["attempts"] == 1
    assert failed["hosts"]["changed"] == ["prod-01"]
    assert failed["hosts"]["failed"] == ["prod-02"]
    assert failed["results"]["prod-01"]["attempt"] == 1
    assert failed["policy"]["failureAction"] == "none"


def test_lost_answer_makes_no_second_task(told: tuple[Home, dict[str, Any]]) -> None:
    home, results = told
    assert results["lost"]["changed"] is True
    assert results["lost"]["state"] == "succeeded"
    assert home.lines("prod-01", "counted") == ["x"]
    assert len(home.type("list", "tasks", "-o", "name").stdout.split()) == 3


def test_package_and_program_answer_alike(told: tuple[Home, dict[str, Any]]) -> None:
    _home, results = told
    package, program = results["both"]
    assert package["tasks"] == program["tasks"]
    assert package["tasks"][0]["results"]["prod-02"]["stderr"] == "disk full\n"
    assert results["queue"]["pending"] == []
    assert results["queue"]["workers_alive"] == 1


def test_waiting_is_one_line_of_the_audit(told: tuple[Home, dict[str, Any]]) -> None:
    home, _results = told
    entries = home.type("list", "audit", "--operation", "task.wait", "-o", "json").json["items"]
    assert len(entries) == 4
    assert {entry["channel"] for entry in entries} == {"plugin", "program"}
