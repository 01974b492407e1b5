"""Hostile machines, hostile data and killed processes: what they must not be able to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest
from live_homes import Home, wait_until

ANSWERS = {
    "numbers that no column holds": '{"changed": true, "results": [{"id": "1", '
    '"rc": 123456789012345678901234567890, "stdout": "x", "stderr": "", '
    '"stdout_bytes": 123456789012345678901234567890}]}',
    "no return code": '{"changed": true, "results": [{"id": "1", "stdout": "x", "stderr": ""}]}',
    "not a number": '{"changed": true, "results": [{"id": "1", "rc": NaN, "stdout": "x", '
    '"stderr": "", "stdout_bytes": Infinity}]}',
    "wrong types": '{"changed": "yes", "attempts": {"x": 1}, "results": [{"id": [1], "rc": true, '
    '"stdout": {"a": 1}, "stdout_b64": "!", "stdout_bytes": "many", "message": [2]}]}',
}
DEEP = """\
#!/usr/bin/python3
# WANT_JSON
print('{"changed": true, "deep": ' + '[' * 700 + ']' * 700 + '}')
"""
DEEP_PLAY = """\
- hosts: prod-01,prod-02
  gather_facts: false
  tasks:
    - deep:
      when: inventory_hostname == 'prod-02'
    - ansible.builtin.shell: echo ran >> trace
"""


def test_machine_that_answers_nonsense_has_failed_and_nothing_else_does(home: Home) -> None:
    lying = {}
    for number, (name, answer) in enumerate(ANSWERS.items()):
        interpreter = home.write(f"answer-{number}", f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
        interpreter.chmod(0o755)
        variables = ("-e", f"ansible_python_interpreter={interpreter}")
        lying[name] = home.create("-m", "prod-02", "--shell", "true", *variables)
    honest = home.shell("prod-01", "echo ran >> trace")
    with home.worker() as worker:
        home.wait_for(*lying.values(), honest)
        assert psutil.Process(worker.pid).status() != psutil.STATUS_ZOMBIE, worker.log()
    told = {name: home.state(task)[0] for name, task in lying.items()}
    assert told == dict.fromkeys(ANSWERS, "failed")
    assert home.state(honest) == ("succeeded", "done")
    assert home.lines("prod-01", "trace") == ["ran"]


def test_result_nested_without_end_costs_no_other_machine_its_result(home: Home) -> None:
    home.write("library/deep.py", DEEP)
    playbook = home.write("deep.yml", DEEP_PLAY)
    task = home.create("--playbook", playbook.name, "--team", "prod")
    home.work()
    outcomes = {name: one["outcome"] for name, one in home.results(task).items()}
    assert outcomes["prod-01"] == "changed"
    assert home.lines("prod-01", "trace") == ["ran"]
    # Ansible itself cannot carry such a result on Python 3.11, and says that the machine failed.
    assert outcomes["prod-02"] in ("changed", "failed")
    assert home.state(task)[0] == ("failed" if outcomes["prod-02"] == "failed" else "succeeded")


def test_killed_ansible_is_lost_and_not_a_mistake_in_the_play(home: Home) -> None:
    """The command ran: to say that Ansible did not start it would have it started again."""
    line = "echo ran >> trace; exec sleep 600"
    held = home.shell("prod-01", line)
    failing = home.shell("prod-02", line, "--on-lost", "fail")
    playbook = home.write(
        "killed.yml",
        "- hosts: prod-03\n  gather_facts: false\n"
        "  tasks:\n    - ansible.builtin.shell: " + line + "\n",
    )
    played = home.create("--playbook", playbook.name, "--team", "prod")
    with home.worker():
        for number, task in enumerate((held, failing, played), start=1):
            wait_until(lambda n=number: home.lines(f"prod-0{n}", "trace"), "the command")
            for process in home.supervisor(task).children():
                process.kill()
        home.wait_for_state(held, "pending", "held: lost")
        home.wait_for_state(failing, "failed", "lost")
        home.wait_for_state(played, "pending", "held: lost")
    assert "signal 9" in home.detail(held)["attempts"][-1]["message"]
    for number in (1, 2, 3):
        home.end(f"prod-0{number}", "600")
        assert home.lines(f"prod-0{number}", "trace") == ["ran"]


def test_run_without_supervisor_ends_before_its_task_is_tried_again(home: Home) -> None:
    playbook = home.write(
        "orphan.yml",
        "- hosts: prod-01\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.shell: echo one >> trace; while [ ! -e go ]; do sleep 0.1; done\n"
        "    - ansible.builtin.shell: echo two >> trace\n",
    )
    task = home.create("--playbook", playbook.name, "--team", "prod", "--on-lost", "retry")
    with home.worker():
        wait_until(lambda: home.lines("prod-01", "trace"), "the first step")
        supervisor = home.supervisor(task)
        orphans = supervisor.children(recursive=True)
        supervisor.kill()
        wait_until(lambda: home.lines("prod-01", "trace") == ["one", "one"], "the second attempt")
        ansible = [one for one in orphans if _is_ansible(one)]
        assert ansible == []
        home.on("prod-01", "go").touch()
        assert home.wait_for(task) == 0
    assert home.lines("prod-01", "trace") == ["one", "one", "two"]
    assert home.run_directories() == []


def _is_ansible(process: psutil.Process) -> bool:
    try:
        return "ansible-playbook" in " ".join(process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.parametrize("streams", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_end_no_command_and_give_their_numbers_to_no_file(
    home: Home, streams: tuple[int, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rediacc", "create", "task", "-m", "prod-01", "--command", "true"],
        cwd=home.directory,
        env=home.environment,
        preexec_fn=lambda: [os.close(number) for number in streams],
        stderr=None if 2 in streams else subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(rb"Traceback|internal error", done.stderr or b"")
    assert home.state(1) == ("pending", "queued")


def test_settings_nested_without_end_are_refused_in_one_line(home: Home) -> None:
    config = home.directory / "rediacc.toml"
    before = config.read_text()
    try:
        config.write_text("a = " + "[" * 50_000)
        done = home.type("list", "tasks")
    finally:
        config.write_text(before)
    assert done.rc == 2
    assert "internal error" not in done.stderr


def test_values_of_options_are_never_options_of_ansible(home: Home) -> None:
    playbook = home.write(
        "tagged.yml",
        "- hosts: prod-01\n  gather_facts: false\n"
        "  tasks:\n    - ansible.builtin.shell: echo ran >> trace\n      tags: ['--ask-pass']\n",
    )
    task = home.create("--playbook", playbook.name, "--team", "prod", "--tags=--ask-pass")
    home.work()
    assert home.state(task) == ("succeeded", "done")
    assert home.lines("prod-01", "trace") == ["ran"]


def test_machine_named_like_a_pattern_widens_no_target(make_home: Callable[..., Home]) -> None:
    home = make_home().make()
    hosts = home.directory / "inventories/prod/hosts"
    address = next(one for one in hosts.read_text().splitlines() if one.startswith("prod-03"))
    hosts.write_text(hosts.read_text() + "[odd]\n!prod-01" + address.removeprefix("prod-03") + "\n")
    task = home.create("--team", "prod", "--group", "odd", "--shell", "echo ran >> widened")
    assert home.task(task)["machines"] == ["!prod-01"]
    home.work()
    assert home.state(task) == ("failed", "config")
    assert "is a host pattern" in home.detail(task)["attempts"][-1]["message"]
    assert [home.lines(f"prod-0{number}", "widened") for number in (1, 2, 3)] == [[], [], []]
