"""What people run by ansible-playbook themselves is in the history: once, masked, and truly."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from live_homes import Done, Home, Typed, wait_until

from rediacc.values import Kind

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
HOSTS = "[web]\nweb-01\nweb-02\n[web:vars]\nansible_connection=local\n"
SITE = """\
- name: the site
  hosts: web
  gather_facts: false
  vars_files: [secret.yml]
  tasks:
    - name: show {{ password }}
      ansible.builtin.debug:
        msg: "it is {{ password }}"
    - block:
        - name: try it
          ansible.builtin.fail: {msg: no}
      rescue:
        - name: mend it
          ansible.builtin.debug: {msg: mended}
    - name: break it
      ansible.builtin.fail:
        msg: "because {{ password }}"
      when: inventory_hostname == fails_on | default('')
"""
SLEEP = """\
- hosts: web-01
  gather_facts: false
  tasks:
    - name: quick
      ansible.builtin.debug: {}
    - name: sleep
      ansible.builtin.pause: {seconds: 120}
"""
PASSWORD = "correct-horse-battery"
TYPED = "typed-on-the-command-line"
CONFIG = """\
[defaults]
inventory = inventories/prod
callbacks_enabled = rediacc.core.results
bin_ansible_callbacks = true
vault_password_file = vault-password
"""


class ByHand:
    """A home, and somebody who runs Ansible in it without the queue."""

    def __init__(self, home: Home, collections: Path) -> None:
        self.home = home
        self.spool = home.directory / ".rediacc" / "spool"
        (collections / "ansible_collections" / "rediacc").mkdir(parents=True)
        (collections / "ansible_collections" / "rediacc" / "core").symlink_to(ROOT)
        self.environment = {
            **home.environment,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_DEVEL_WARNING": "false",
        }

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Run one of Ansible's programs, and return at once."""
        return subprocess.Popen(
            [PROGRAMS / words[0], *words[1:]],
            cwd=self.home.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def play(self, *words: str, **environment: str) -> Done:
        """Run a playbook to its end."""
        process = self.start("ansible-playbook", *words, **environment)
        stdout, stderr = process.communicate(timeout=120)
        done = Done(process.returncode, stdout, stderr)
        assert "DEPRECATION" not in done.stderr
        assert "rediacc" not in done.stderr.replace("rediacc.core.results: a play", "")
        return done

    def files(self) -> list[Path]:
        """Return the files of plays that wait."""
        return sorted(self.spool.glob("*.jsonl"))

    def tasks(self) -> list[dict[str, Any]]:
        """Return the plays in the history, oldest first."""
        done = self.home.type("list", "tasks", "--origin", "hand", "-o", "json")
        items: list[dict[str, Any]] = done.json["items"]
        return items[::-1]

    def recorded(self, number: int) -> dict[str, Any]:
        """Return the newest play as soon as there are so many."""
        return wait_until(
            lambda: found[-1] if len(found := self.tasks()) >= number else None,
            f"{number} plays in the history",
        )


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[[], Home]) -> ByHand:
    home = make_home()
    files: Mapping[str, str] = {
        "inventories/prod/hosts": HOSTS,
        "site.yml": SITE,
        "sleep.yml": SLEEP,
        "vault-password": "of the vault",
        "secret.yml": f"password: {PASSWORD}\n",
    }
    for name, content in files.items():
        home.write(name, content)
    assert home.type("init", "--team=prod=inventories/prod").rc == 0
    home.write("ansible.cfg", CONFIG)
    subprocess.run(
        [PROGRAMS / "ansible-vault", "encrypt", "secret.yml"],
        cwd=home.directory, env=home.environment, check=True, capture_output=True,
    )  # fmt: skip
    return ByHand(home, tmp_path_factory.mktemp("collections"))


def test_a_play_is_in_the_history_with_all_that_it_did(by_hand: ByHand) -> None:
    done = by_hand.play(
        "site.yml", "--limit", "web", "-e", "fails_on=web-02", "-e", f"word={TYPED}", "--check",
        REDIACC_RESULTS_WAIT="1",
    )  # fmt: skip
    assert done.rc == 2
    assert PASSWORD in done.stdout  # what people see stays as it is
    assert by_hand.files() == []
    (task,) = by_hand.tasks()
    home, number = by_hand.home, task["id"]
    assert (task["state"], task["reason"], task["team"]) == ("failed", "rc", "prod")
    assert (task["kind"], task["title"]) == (Kind.PLAYBOOK, "site.yml")
    assert sorted(task["machines"]) == ["web-01", "web-02"]
    detail = home.detail(number)
    assert detail["options"]["check"] is True
    assert detail["timeline"][0]["detail"]["limit"] == "web"
    assert detail["timeline"][0]["detail"]["extra_variables"] == "fails_on, word"
    assert {name: one["outcome"] for name, one in home.results(number).items()} == {
        "web-01": "ok",
        "web-02": "failed",
    }
    steps = home.type("list", "steps", str(number), "-m", "web-02", "-o", "json").json["items"]
    assert [(step["task"], step["status"]) for step in steps] == [
        ("show ********", "ok"),
        ("try it", "rescued"),
        ("mend it", "ok"),
        ("break it", "failed"),
    ]
    assert steps[3]["message"] == "because ********"
    assert "failed: [web-02]: because ********" in home.type("logs", str(number)).stdout
    assert home.type("wait", str(number)).rc == 10
    refused = home.type("retry", str(number))
    assert refused.rc == 6
    assert "started by hand" in refused.stderr
    kept = b"".join(path.read_bytes() for path in (home.directory / ".rediacc").glob("*.db*"))
    assert b"break it" in kept
    assert PASSWORD.encode() not in kept
    assert TYPED.encode() not in kept


def test_a_play_of_no_team_is_told_once_and_a_play_that_was_killed_never_succeeds(
    by_hand: ByHand,
) -> None:
    before = len(by_hand.tasks())
    foreign = by_hand.play("sleep.yml", "-i", "elsewhere,", "-l", "elsewhere")
    assert foreign.rc == 0
    wait_until(lambda: list(by_hand.spool.glob("*.refused")), "the refusal")
    assert by_hand.files() == []

    process = by_hand.start("ansible-playbook", "sleep.yml")
    (path,) = wait_until(by_hand.files, "the play's file")
    wait_until(lambda: '"quick"' in path.read_text().partition('"result"')[0], "a first task")
    wait_until(lambda: '"sleep"' in path.read_text(), "the task that sleeps")
    assert path.stat().st_mode & 0o777 == 0o600
    # While it goes on, nobody takes its file.
    words, home = ("perform", "history.record"), by_hand.home
    answer = Typed(words, home.directory, home.environment, stdin=b"{}").wait().json["item"]
    assert answer == {"recorded": [], "refused": [], "waiting": 1}
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
    _stdout, stderr = process.communicate(timeout=60)
    assert stderr.decode().count("a play was not recorded") == 1
    assert list(by_hand.spool.glob("*.refused")) == []
    doctor = by_hand.home.type("doctor", "-o", "wide")
    assert "1 play that ran by hand recorded now, 0 waiting" in doctor.stdout
    task = by_hand.tasks()[-1]
    assert len(by_hand.tasks()) == before + 1
    assert (task["state"], task["reason"]) == ("failed", "lost")


@contextlib.contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Hold the database's write lock, as long as nobody should."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_a_database_that_is_away_neither_breaks_nor_loses_a_play(by_hand: ByHand) -> None:
    home, before = by_hand.home, len(by_hand.tasks())
    settings = home.directory / "rediacc.toml"
    good = settings.read_text()
    with _locked(home.directory / ".rediacc" / "rediacc.db"):
        assert by_hand.play("site.yml").rc == 0  # while somebody holds the lock
        assert len(by_hand.files()) == 1
    by_hand.recorded(before + 1)
    settings.write_text("no settings\n")
    assert by_hand.play("site.yml", "-l", "web-01").rc == 0  # while the home cannot be opened
    settings.write_text(good)
    assert len(by_hand.files()) == 1
    with home.worker():
        task = by_hand.recorded(before + 2)
    assert (task["state"], task["machines"]) == ("succeeded", ["web-01"])
    assert by_hand.files() == []


def test_an_ad_hoc_command_is_recorded_without_its_arguments(by_hand: ByHand) -> None:
    before = len(by_hand.tasks())
    process = by_hand.start(
        "ansible", "web-01", "-m", "ansible.builtin.debug", "-a", f"msg={TYPED}", "-e",
        f"ansible_python_interpreter={sys.executable}", REDIACC_RESULTS_WAIT="1",
    )  # fmt: skip
    _stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    task = by_hand.recorded(before + 1)
    assert (task["kind"], task["title"]) == (Kind.MODULE, "ansible.builtin.debug")
    assert by_hand.home.detail(task["id"])["module_args"] == {}


def test_in_a_run_of_rediacc_nothing_is_recorded_by_hand(by_hand: ByHand) -> None:
    before = len(by_hand.tasks())
    number = by_hand.home.create("--playbook", "site.yml", "--team", "prod")
    by_hand.home.work()
    assert by_hand.home.state(number) == ("succeeded", "done")
    assert by_hand.files() == []
    assert len(by_hand.tasks()) == before
    assert os.listdir(by_hand.spool) == []
