"""What is typed in the words of other programs is refused with what to type instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rediacc.cli import main
from rediacc.cli.parse_times import parse_not_before
from rediacc.times import utc_now


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status"], "did you mean 'list queue', 'list tasks' or 'doctor'?"),
        (["stop", "42"], "did you mean 'cancel'?"),
        (["cancel"], "'rediacc cancel' needs the task's number or a noun: task"),
        (["list"], "'rediacc list' needs a noun: "),
        (["trust", "machine"], "which machines? give names, or --unknown"),
        (["trust", "machine", "a", "--unknown"], "give names or --unknown, not both"),
        (["run", "deploy", "-K"], "put ansible_become_password into a vaulted file"),
        (["run", "deploy", "--ask-vault-pass"], "name vault_password_file in ansible.cfg"),
        (["run", "deploy", "-i", "hosts"], "say --team"),
        (["create", "task", "-m", "web1", "uptime"], "--command 'TEXT' or --shell 'TEXT'"),
        (["run", "-m", "web1", "df", "/"], "--command 'TEXT' or --shell 'TEXT'"),
        (["run", "-m", "a", "--command", "df | tail"], "--shell instead, or quote it inside"),
        (["run", "-m", "a", "--command", "x", "--retry-count", "101"], "0<=x<=100"),
        (["release", "task", "1"], "--retry runs it again, --fail does not"),
        (["release", "task", "1", "--retry", "--fail"], "give one of them"),
        (["release", "task", "1", "--retry", "--action", "fail"], "give one of them"),
    ],
)
def test_refusal_says_what_to_type(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "REDIACC_HOME": str(tmp_path)}
    assert main.run(words, environment=environment) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_the_version_has_a_short_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["-V"], environment={}) == 0
    assert capsys.readouterr().out.startswith("rediacc ")


@pytest.mark.parametrize("text", ["now", "+0m", " now "])
def test_not_before_can_be_taken_back(text: str) -> None:
    now = utc_now()
    assert parse_not_before(text, now=now) == now
