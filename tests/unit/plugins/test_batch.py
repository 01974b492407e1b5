# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rediacc.core.plugins.modules import batch

from .conftest import AnsibleRun, Project


def run(
    text: str, *, shell: bool = True, head: int = 65536, tail: int = 65536, **options: Any
) -> dict[str, Any]:
    command = {"id": "it", "text": text, "shell": shell, "chdir": None, "timeout": None, **options}
    return batch.run_command(command, dict(os.environ), (head, tail))


def test_text_without_shell_is_words_and_nothing_else() -> None:
    result = run("printf '%s|' $HOME * 'a; id' \"b c\" {{x}} ~ a=b", shell=False)
    assert result["stdout"] == "$HOME|*|a; id|b c|{{x}}|~|a=b|"
    assert (result["rc"], result["message"], result["timed_out"]) == (0, "", False)


def test_shell_text_goes_through_the_shell() -> None:
    assert run("echo one; echo two >&2; exit 3")["stdout"] == "one\n"
    assert run("echo one; echo two >&2; exit 3")["stderr"] == "two\n"
    assert run("exit 3")["rc"] == 3


@pytest.mark.parametrize(
    ("text", "options", "rc", "message"),
    [
        ("no-such-program-at-all", {"shell": False}, 127, "command not found"),
        ("/etc/passwd", {"shell": False}, 126, "permission denied"),
        ("echo it's", {"shell": False}, 2, "cannot split the command"),
        ("", {"shell": False}, 2, "it is empty"),
        ("pwd", {"chdir": "/no/such/place"}, 1, "cannot change to directory /no/such/place"),
        ("kill -9 $$", {}, -9, "ended by signal 9"),
    ],
)
def test_what_could_not_run_says_why(
    text: str, options: dict[str, Any], rc: int, message: str
) -> None:
    result = run(text, **options)
    assert result["rc"] == rc
    assert message in result["message"]
    assert result["stdout_bytes"] == 0


def test_directory_is_changed(tmp_path: Path) -> None:
    assert run("pwd", chdir=str(tmp_path))["stdout"] == f"{tmp_path}\n"


def test_output_is_cut_to_head_and_tail_and_counted() -> None:
    result = run("seq 100000", head=10, tail=12)
    whole = "".join(f"{number}\n" for number in range(1, 100001)).encode()
    cut = "[... 588873 bytes cut by rediacc ...]"
    assert result["stdout"] == f"1\n2\n3\n4\n5\n\n{cut}\n9999\n100000\n"
    assert result["stdout_bytes"] == len(whole)
    assert result["stdout_sha256"] == hashlib.sha256(whole).hexdigest()
    assert (result["truncated"], result["stderr_bytes"]) == (True, 0)


@pytest.mark.parametrize("head", range(8))
@pytest.mark.parametrize("tail", range(8))
@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_no_character_is_split_by_a_cut(head: int, tail: int, character: str) -> None:
    output = batch.Output(head, tail)
    for byte in ("x" + character * 10).encode():
        output.add(bytes([byte]))
    fields = output.fields("stdout")
    before, _mark, after = fields["stdout"].partition("\n[... ")
    kept = len(before.encode()) + len(after.partition(" ...]\n")[2].encode())
    assert int(after.partition(" ")[0]) + kept == output.total


def test_output_exactly_as_long_as_what_is_kept_is_whole() -> None:
    assert run("printf 1234567890", head=5, tail=5)["stdout"] == "1234567890"
    assert run("printf 12345678901", head=5, tail=5)["truncated"] is True


def test_output_that_is_no_text_is_returned_as_base64() -> None:
    result = run("printf '\\377\\376'")
    assert base64.b64decode(result["stdout_b64"]) == b"\xff\xfe"
    assert "stdout" not in result


def test_memory_does_not_grow_with_output() -> None:
    tracemalloc.start()
    result = run("head -c 50000000 /dev/zero", head=1000, tail=1000)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result["stdout_bytes"] == 50_000_000
    assert peak < 2_000_000


def test_daemon_that_keeps_the_pipe_open_does_not_hold_the_result(tmp_path: Path) -> None:
    result = run(f"(while :; do echo noise; sleep 0.2; done) & echo $! > {tmp_path}/pid")
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert result["rc"] == 0
    assert result["stdout"].startswith("noise\n")


def test_output_after_a_quick_end_is_complete() -> None:
    result = run("seq 200000 & seq 200000 >&2", head=4 << 20)
    assert result["stdout_bytes"] == result["stderr_bytes"] == 1288895


def test_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    result = run(f"sleep 600 & echo $! > {tmp_path}/pid; echo said; wait", timeout=0.3)
    assert (result["timed_out"], result["rc"], result["stdout"]) == (True, -15, "said\n")
    assert result["message"] == "timed out after 0.3 seconds"
    child = Path("/proc") / (tmp_path / "pid").read_text().strip() / "stat"
    deadline = time.monotonic() + 30
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline


def test_command_that_ignores_term_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "KILL_AFTER_SECONDS", 0.3)
    result = run("trap '' TERM; echo said; while :; do sleep 1; done", timeout=0.3)
    assert (result["timed_out"], result["rc"], result["stdout"]) == (True, -9, "said\n")


def test_standard_input_is_empty() -> None:
    assert run("cat", shell=False)["stdout_bytes"] == 0


@pytest.fixture(scope="module")
def played(new_project: Callable[[str], Project]) -> AnsibleRun:
    return new_project("batch").play(
        """
- hosts: one
  gather_facts: false
  ignore_errors: true
  tasks:
    - name: several
      rediacc.core.batch:
        marker: the-batch
        secrets: {TOKEN: never-shown, NUMBER: "1"}
        commands:
          - {id: "1", text: "echo $TOKEN-$NUMBER $REDIACC_RUN", shell: true}
          - {id: "2", text: exit 4, shell: true}
          - {id: "3", text: printenv NUMBER}
    - name: dry
      rediacc.core.batch: {commands: [{id: "1", text: touch should-not-be}]}
      check_mode: true
    - name: verbatim
      rediacc.core.batch: {commands: [{id: "1", text: !unsafe "printf %s '{{ 1 + 1 }}'"}]}
"""
    )


def test_each_command_has_a_result_of_its_own(played: AnsibleRun) -> None:
    record = played.result("several")
    members = record["result"]["results"]
    assert [(member["id"], member["rc"]) for member in members] == [("1", 0), ("2", 4), ("3", 0)]
    assert members[2]["stdout"] == "1\n"
    assert record["message"] == "2: non-zero return code 4"


def test_secret_reaches_the_command_and_nothing_else(played: AnsibleRun) -> None:
    assert played.result("several")["result"]["results"][0]["stdout"] == "********-1 the-batch\n"
    assert "never-shown" not in played.raw_records + played.stdout + played.stderr


def test_check_mode_runs_nothing(played: AnsibleRun) -> None:
    assert played.result("dry")["status"] == "skipped"
    assert played.result("dry")["message"] == "Command would have run if not in check mode"


def test_braces_arrive_as_typed(played: AnsibleRun) -> None:
    assert played.result("verbatim")["stdout"] == "{{ 1 + 1 }}"
