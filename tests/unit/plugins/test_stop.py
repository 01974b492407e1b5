# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.rediacc.core.plugins.modules import stop

from .conftest import COLLECTIONS, Project


@pytest.fixture
def marker() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def start(marker: str) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(script: str, value: str = marker) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"{script}"],
            env={**os.environ, "REDIACC_RUN": value},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_processes_of_the_run_and_no_others_are_ended(
    marker: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    own = start("echo; exec sleep 600")
    own_group = start("setsid sleep 600 & echo; wait")
    other = start("echo; exec sleep 600", marker + "0")
    finder = stop.Finder(marker, False)
    found, left = stop.stop(finder, 10, 3)
    assert left == {}
    assert {own.pid, own_group.pid} <= set(found)
    assert len(found) == 3
    assert set(found.values()) <= {"sh", "setsid", "sleep"}  # before or after their exec
    assert own.wait() == -15
    assert other.poll() is None


def test_process_that_ignores_term_is_killed(
    marker: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = start("trap '' TERM; echo; while :; do sleep 1; done")
    _found, left = stop.stop(stop.Finder(marker, False), 0.2, 3)
    assert left == {}
    assert process.wait() == -9


def test_process_that_starts_others_while_it_is_stopped_is_ended(
    marker: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    start("trap 'setsid sleep 600 & exit' TERM; echo; while :; do sleep 0.1; done")
    found, left = stop.stop(stop.Finder(marker, False), 1, 5)
    assert left == {}
    assert len(found) >= 2


def test_own_process_and_ancestors_are_never_touched(marker: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from ansible_collections.rediacc.core.plugins.modules import stop;"
        "print(stop.stop(stop.Finder(sys.argv[2], False), 1, 1))"
    )
    program = [sys.executable, "-c", script, str(COLLECTIONS), marker]
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@"; exit $?', "sh", *program],
        env={**os.environ, "REDIACC_RUN": marker},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "({}, {})\n"), done.stderr


def test_module_reports_and_check_mode_ends_nothing(
    marker: str,
    start: Callable[..., subprocess.Popen[bytes]],
    new_project: Callable[[str], Project],
) -> None:
    process = start("echo; exec sleep 600")
    run = new_project("stop").play(
        f"""
- hosts: one
  gather_facts: false
  tasks:
    - {{name: look, rediacc.core.stop: {{marker: {marker}}}, check_mode: true}}
    - {{name: stop, rediacc.core.stop: {{marker: {marker}, grace: 10}}}}
    - {{name: again, rediacc.core.stop: {{marker: {marker}}}}}
    - {{name: empty, rediacc.core.stop: {{marker: ""}}, ignore_errors: true}}
"""
    )
    here = [{"pid": process.pid, "command": "sleep"}]
    look, done, again = (run.result(name)["result"] for name in ("look", "stop", "again"))
    assert (look["found"], look["killed"], look["remaining"]) == (here, [], here)
    assert (look["confirmed"], run.result("look")["status"]) == (False, "changed")
    assert (done["found"], done["killed"], done["remaining"]) == (here, here, [])
    assert (done["confirmed"], run.result("stop")["status"]) == (True, "changed")
    assert (again["found"], again["confirmed"], run.result("again")["status"]) == ([], True, "ok")
    assert run.result("empty")["status"] == "ignored"


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize(("become_used", "is_complete"), [(False, True), (True, False)])
def test_other_users_processes_are_not_vouched_for(
    become_used: bool,
    is_complete: bool,
    marker: str,
    start: Callable[..., subprocess.Popen[bytes]],
) -> None:
    start("echo; exec sleep 600")
    nobody = 65534
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(nobody, nobody, nobody)
            os.setresuid(nobody, nobody, nobody)
            finder = stop.Finder(marker, become_used)
            found = finder.look()
            os._exit(0 if not found and finder.is_complete is is_complete else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _as_nobody(look: Callable[[], bool]) -> None:
    """Have `look` be true in a process without rights, whose own children hide what they hold."""
    nobody = 65534
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(nobody, nobody, nobody)
            os.setresuid(nobody, nobody, nobody)
            os._exit(0 if look() else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _hidden(seconds: float) -> int:
    """Start a process that nobody without rights can examine; it says when it is there."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, b"x")
        time.sleep(seconds)
        os._exit(0)
    os.read(read_end, 1)
    return pid


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_process_that_is_just_ending_leaves_no_doubt(marker: str) -> None:
    def look() -> bool:
        pid = _hidden(0.5)
        finder = stop.Finder(marker, False)
        finder.look()
        is_hidden = pid in finder.unexamined
        ended = stop.stop(finder, 1, 3)
        return is_hidden and ended == ({}, {}) and finder.is_complete

    _as_nobody(look)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_what_stays_hidden_is_named_unless_it_is_older_than_the_run(
    marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "PATIENCE_SECONDS", 0.1)

    def look() -> bool:
        pid = _hidden(600)
        try:
            young = stop.Finder(marker, False, age=0.0)
            stop.stop(young, 1, 3)
            older = stop.Finder(marker, False, age=-stop.AGE_SLACK_SECONDS - 1)
            stop.stop(older, 1, 3)
            names = set(young.unexamined.values())
            is_named = pid in young.unexamined and all(names) and not young.is_complete
            return is_named and pid not in older.unexamined
        finally:
            os.kill(pid, 9)

    _as_nobody(look)
