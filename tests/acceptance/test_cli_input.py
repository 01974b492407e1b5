"""Bad input, as a process sees it: one clear line, the right exit code, nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_homes import Done, Typed

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
SEED = "550e8400-e29b-41d4-a716-446655440000"
BIG = "x" * 100_000


class Home:
    """A home of the tests with one team of two machines, and a way to type into it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("REDIACC_")
        } | {"PYTHONPATH": str(ROOT), "REDIACC_HOME": str(directory), "HOME": str(directory)}

    def type(self, *words: str, stdin: bytes = b"", **environment: str) -> Done:
        """Type a command, in a process that was forked with the program's modules loaded."""
        its = {**self.environment, **environment}
        return Typed(words, self.directory, its, stdin=stdin).wait()

    def make(self) -> None:
        for words in (
            ("init", str(self.directory)),
            ("create", "team", "dev"),
            ("create", "machine", "web-01", "--team", "dev", "--host", "127.0.0.1"),
            ("create", "machine", "web-02", "--team", "dev", "--host", "127.0.0.2"),
        ):
            done = self.type(*words)
            assert done.rc == 0, done

    def traces(self) -> tuple[object, ...]:
        """Return everything that a refused command must leave as it was."""
        files = {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file() and ".rediacc" not in path.parts
        }
        with sqlite3.connect(self.directory / ".rediacc" / "rediacc.db") as database:
            counts = [
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("task", "task_payload", "task_machine", "label", "outbox")
            ]
        return files, counts


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"))
    made.make()
    (made.directory / "broken.yml").write_text("a: [\n")
    (made.directory / "list.yml").write_text("- a\n")
    (made.directory / "retry.json").write_text('{"retryCount": -1}')
    return made


@pytest.fixture
def unchanged(home: Home) -> Iterator[Home]:
    before = home.traces()
    yield home
    assert home.traces() == before


def check_refused(done: Done, code: int, part: str = "") -> None:
    error = done.stderr
    assert done.rc == code, error
    assert done.stdout == ""
    assert error.startswith("rediacc: error: "), error
    assert error.count("\n") == 1, error
    assert error.endswith("\n")
    assert "Traceback" not in error
    assert "\x1b" not in error
    assert len(error) < 2000
    assert part in error


CREATE = ("create", "task", "--machine", "web-01")

TYPED_WRONG = [
    # missing
    (["create"], "needs a noun"),
    (["create", "task"], "nothing to run"),
    ([*CREATE], "nothing to run"),
    ([*CREATE, "--command"], "--command"),
    (["create", "team"], "needs a name"),
    (["inspect", "task"], "ID"),
    (["inspect", "team"], "NAME"),
    (["cancel", "task"], "ID"),
    (["retry", "task"], "ID"),
    (["release", "task", "1"], "--retry"),
    (["update", "task", "1"], "nothing to change"),
    (["update", "task", "--priority", "1"], "which task"),
    (["update", "machine", "web-01"], "--state"),
    (["delete", "machine"], "NAME"),
    (["wait"], "ID"),
    (["logs"], "ID"),
    (["run"], "nothing to run"),
    (["trust", "machine"], "which machines"),
    (["completion"], "argument"),
    # unknown words
    (["creat", "task"], "did you mean"),
    (["create", "tsk"], "did you mean"),
    ([*CREATE, "--comand", "x"], "did you mean"),
    ([*CREATE, "--command", "true", "-K"], "ansible_become_password"),
    ([*CREATE, "--command", "true", "--ask-vault-pass"], "vault_password_file"),
    (["list", "tasks", "--columns", "colour"], "no column"),
    (["list", "tasks", "--sort", "colour"], "no column"),
    (["list", "tasks", "--state", "lost"], "no state"),
    (["list", "tasks", "-o", "xml"], "xml"),
    (["completion", "tcsh"], "tcsh"),
    # wrong values
    ([*CREATE, "--command", ""], "empty"),
    ([*CREATE, "--command", "   "], "empty"),
    ([*CREATE, "--command", "true", "--priority", "0"], "no level"),
    ([*CREATE, "--command", "true", "--priority", "urgent"], "no level"),
    ([*CREATE, "--command", "true", "--timeout", "soon"], "no duration"),
    ([*CREATE, "--command", "true", "--timeout", "-5s"], "no duration"),
    ([*CREATE, "--command", "true", "--timeout", "0"], "longer than nothing"),
    ([*CREATE, "--command", "true", "--timeout", "9" * 300], "ten years"),
    ([*CREATE, "--command", "true", "--not-before", "tomorrow"], "no time"),
    ([*CREATE, "--command", "true", "--label", "x"], "KEY=VALUE"),
    ([*CREATE, "--command", "true", "--forks", "0"], "--forks"),
    ([*CREATE, "--command", "true", "--on-lost", "cry"], "--on-lost"),
    ([*CREATE, "--command", "true", "--retry-count", "-1"], "--retry-count"),
    ([*CREATE, "--command", "true", "--retry-count", "many"], "--retry-count"),
    ([*CREATE, "--command", "true", "--retry-delay", "x"], "--retry-delay"),
    ([*CREATE, "--command", "true", "--backoff", "x"], "--backoff"),
    ([*CREATE, "--command", "true", "--retry", "{"], "no valid JSON"),
    ([*CREATE, "--command", "true", "--retry", "missing.json"], "no file"),
    ([*CREATE, "--command", "true", "-e", "word"], "not key=value"),
    ([*CREATE, "--command", "true", "-e", "@missing.yml"], "no such file"),
    ([*CREATE, "--command", "true", "-e", "@broken.yml"], "line "),
    ([*CREATE, "--command", "true", "-e", "@list.yml"], "mapping"),
    ([*CREATE, "--command", "true", "-vvvvv"], "verbose"),
    ([*CREATE, "--module", "ansible.builtin.copy", "--args", "src"], "not key=value"),
    ([*CREATE, "--module", "ansible.builtin.copy", "--args", "src='a"], "not closed"),
    (["list", "tasks", "--limit", "0"], "--limit"),
    (["list", "tasks", "--limit", "-1"], "--limit"),
    (["worker", "--slots", "0"], "--slots"),
    (["create", "machine", "x", "--team", "dev", "--port", "99999"], "--port"),
    (["wait", "1", "--wait-timeout", "x"], "--wait-timeout"),
    # shell syntax that no shell would see
    ([*CREATE, "--command", "df | tail"], "--shell"),
    ([*CREATE, "--command", "echo $HOME"], "--shell"),
    ([*CREATE, "--command", 'echo "$HOME"'], "--shell"),
    ([*CREATE, "--command", "rm /tmp/x*"], "--shell"),
    ([*CREATE, "--command", "true; false"], "--shell"),
    ([*CREATE, "--command", "true\nfalse"], "--shell"),
    ([*CREATE, "--command", "echo 'x"], "not closed"),
    # conflicts
    ([*CREATE, "--command", "true", "--shell", "true"], "exclude each other"),
    ([*CREATE, "--command", "true", "--named", "deploy"], "exclude each other"),
    (["run", "deploy", "--command", "true"], "exclude each other"),
    (["run", "deploy", "--named", "deploy"], "both"),
    ([*CREATE, "--command", "true", "--args", "a=b"], "--module"),
    ([*CREATE, "--command", "true", "--wait-timeout", "5s"], "--wait"),
    ([*CREATE, "--command", "true", "--wait", "--dry-run"], "--dry-run"),
    ([*CREATE, "--command", "true", "--wait", "--exit-code"], "--check"),
    ([*CREATE, "--command", "true", "--retry", '{"retryCount": 1}', "--retry-count", "2"], "both"),
    ([*CREATE, "--command", "true", "--label", "a=b", "--label", "a=c"], "twice"),
    (["create", "team", "x", "--name", "y"], "name two"),
    (["trust", "machine", "web-01", "--unknown"], "not both"),
    (["worker", "--once", "--drain"], "exclude each other"),
    (["update", "task", "1", "--retry", json.dumps({"taskId": SEED})], "both"),
    (["logs", "1", "2"], "one task at a time"),
    (["logs", "1", "-f", "-o", "yaml"], "jsonl"),
    # nobody to ask
    (["delete", "team", "dev"], "pass --yes"),
    (["delete", "machine", "web-01"], "pass --yes"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "part"), TYPED_WRONG, ids=lambda value: str(value)[:60])
def test_what_cannot_be_meant_is_refused_in_one_line(
    home: Home, words: list[str], part: str
) -> None:
    check_refused(home.type(*words), 2, part)


def test_nothing_was_left_behind_by_what_was_typed_wrong(home: Home) -> None:
    files, counts = home.traces()
    assert counts == [0, 0, 0, 0, 0]
    assert isinstance(files, dict)
    assert not any("deploy" in name or name.endswith(".tmp") for name in files)


OPERATIONS_REFUSE = [
    (["create", "task", "--command", "true"], 2),
    (["create", "task", "--machine", "nowhere", "--command", "true"], 5),
    (["create", "task", "--machine", "web-01", "--team", "none", "--command", "true"], 5),
    (["create", "task", "--group", "nowhere", "--team", "dev", "--command", "true"], 5),
    ([*CREATE, "--named", "nothing"], 5),
    ([*CREATE, "--playbook", "missing.yml"], 5),
    ([*CREATE, "--command", "true", "--idempotency-key", "k" * 201], 2),
    ([*CREATE, "--command", "true", "--idempotency-key", ""], 2),
    ([*CREATE, "--command", "true", "--label", f"{BIG}=x"], 2),
    ([*CREATE, "--command", "true", "--label", f"x={BIG}"], 2),
    ([*CREATE, "--command", "true", "--retry", "retry.json"], 2),
    ([*CREATE, "--command", "true", "--retry", '{"retries": 3}'], 2),
    ([*CREATE, "--command", "true", "--retry", '{"retryCount": "3"}'], 2),
    ([*CREATE, "--command", "true", "--retry", '{"taskId": "7"}'], 2),
    ([*CREATE, "--command", "true", "--backoff", "nan"], 2),
    ([*CREATE, "--command", "true", "--jitter", "2"], 2),
    ([*CREATE, "--command", "true", "--retry-on", "bad-luck"], 2),
    ([*CREATE, "--command", "true", "--failure-action", "explode"], 2),
    (["inspect", "task", "999999"], 5),
    (["inspect", "task", SEED], 5),
    (["inspect", "task", "not-a-task"], 5),
    (["inspect", "task", "9" * 40], 5),
    (["cancel", "task", "999999"], 5),
    (["retry", "task", "999999"], 5),
    (["release", "task", "999999", "--action", "fail"], 5),
    (["update", "task", "999999", "--priority", "1"], 5),
    (["wait", "999999"], 5),
    (["logs", "999999"], 5),
    (["inspect", "team", "nowhere"], 5),
    (["inspect", "machine", "nowhere"], 5),
    (["delete", "team", "nowhere", "--yes"], 5),
    (["delete", "machine", "nowhere", "--yes"], 5),
    (["delete", "machine", "web-01", "nowhere", "--yes"], 5),
    (["update", "machine", "nowhere", "--state", "offline"], 5),
    (["trust", "machine", "nowhere", "--yes"], 5),
    (["list", "tasks", "--team", "nowhere"], 5),
    (["list", "machines", "--team", "nowhere"], 5),
    (["create", "team", "dev"], 6),
    (["create", "team", ""], 2),
    (["create", "team", "../evil"], 2),
    (["create", "team", "a b"], 2),
    (["create", "team", "\x1b[31mred"], 2),
    (["create", "team", "t" * 300], 2),
    (["create", "team", "x", "--inventory", "missing"], 2),
    (["create", "machine", "web-01", "--team", "dev"], 6),
    (["create", "machine", "web-03", "--team", "nowhere"], 5),
    (["create", "machine", "a b", "--team", "dev"], 2),
    (["create", "machine", "{{ x }}", "--team", "dev"], 2),
    (["create", "machine", "web-03", "--team", "dev", "--host", "-oProxyCommand=id"], 2),
    (["create", "machine", "web-03", "--team", "dev", "--user", "a\nb"], 2),
    (["create", "machine", "web-03", "--team", "dev", "--group", "all\nx"], 2),
    (["init", "."], 6),
]


@pytest.mark.parametrize(("words", "code"), OPERATIONS_REFUSE, ids=lambda value: str(value)[:60])
def test_operation_refuses_in_one_line(unchanged: Home, words: list[str], code: int) -> None:
    check_refused(unchanged.type(*words), code)


@pytest.mark.parametrize(
    ("option", "content", "part"),
    [
        ("--command", b"x" * (200 << 10), ""),
        ("--shell", b"x" * (2 << 20), "larger than"),
        ("--shell", b"a\x00b", "NUL"),
        ("--shell", b"\xff\xfe", "UTF-8"),
        ("--shell", b"", "empty"),
        ("--command", b"a | b\n", "--shell"),
    ],
)
def test_hostile_standard_input_is_refused(
    unchanged: Home, option: str, content: bytes, part: str
) -> None:
    check_refused(unchanged.type(*CREATE, option, "-", stdin=content), 2, part)


def test_two_options_cannot_both_read_standard_input(unchanged: Home) -> None:
    done = unchanged.type(*CREATE, "--command", "-", "--retry", "-", stdin=b"true")
    check_refused(done, 2, "cannot both")


def test_argument_that_is_no_text_is_refused(unchanged: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rediacc", *CREATE, "--shell", b"echo \xff"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=unchanged.directory,
        env=unchanged.environment,
        timeout=SECONDS,
        check=False,
    )
    check_refused(Done(done.returncode, done.stdout, done.stderr), 2, "UTF-8")


def test_control_characters_of_an_argument_do_not_reach_the_terminal(unchanged: Home) -> None:
    done = unchanged.type("inspect", "team", "\x1b]0;owned\x07\nsecond line")
    assert done.rc in (2, 5)
    check_refused(done, done.rc)


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "yaml", "name"])
def test_exit_code_is_the_same_in_every_output(unchanged: Home, output: str) -> None:
    done = unchanged.type("inspect", "team", "nowhere", "-o", output)
    assert done.rc == 5, done
    if output.startswith("json"):
        error = json.loads(done.stderr)["error"]
        assert (error["code"], error["exit_code"]) == ("not_found", 5)
        assert done.stdout == ""
    else:
        check_refused(done, 5)


def test_there_is_no_home(tmp_path: Path) -> None:
    nowhere = Home(tmp_path)
    del nowhere.environment["REDIACC_HOME"]
    for words in (["list", "tasks"], ["worker"], ["run", "x"], ["delete", "team", "x", "--yes"]):
        check_refused(nowhere.type(*words), 5, "no rediacc home")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["a = ", "[worker]\nslots = 0\n", "[nothing]\n", "[teams.x]\n", "\x00"]
)
def test_broken_settings_are_named_in_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "rediacc.toml").write_text(content)
    done = Home(tmp_path).type("list", "tasks")
    check_refused(done, 2, "rediacc.toml")


def test_unknown_output_in_the_environment_is_refused(unchanged: Home) -> None:
    check_refused(unchanged.type("list", "tasks", REDIACC_OUTPUT="xml"), 2, "REDIACC_OUTPUT")


def test_reader_that_goes_away_is_no_error(home: Home) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rediacc", "list", "machines", "-o", "json"],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=home.directory,
            env=home.environment,
            timeout=SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr == b""


def test_person_at_a_terminal_is_asked_and_may_decline(unchanged: Home) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "rediacc", "delete", "team", "dev"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        cwd=unchanged.directory,
        env=unchanged.environment,
    ) as process:
        os.close(slave)
        os.write(master, b"n\n")
        assert process.wait(timeout=SECONDS) == 1
    os.close(master)


def test_ctrl_c_detaches_from_the_wait_and_says_how_to_come_back(home: Home) -> None:
    created = home.type(*CREATE, "--command", "true", "--not-before", "+1h", "-o", "name")
    task = created.stdout.strip()
    assert task.isdigit()
    process = subprocess.Popen(
        [sys.executable, "-m", "rediacc", "wait", task],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home.directory,
        env=home.environment,
    )
    assert process.stderr is not None
    # It says why the task waits once it follows it.
    told = process.stderr.readline().decode()
    assert told.startswith(f"task {task} waits: ")
    process.send_signal(signal.SIGINT)
    _output, rest = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert f"rediacc logs -f {task}" in rest.decode()
    state = json.loads(home.type("inspect", "task", task, "-o", "json").stdout)
    assert state["item"]["task"]["state"] == "pending"


def test_wait_that_runs_out_leaves_the_task_alone(home: Home) -> None:
    created = home.type(*CREATE, "--command", "true", "--not-before", "+1h", "-o", "name")
    task = created.stdout.strip()
    begun = time.monotonic()
    done = home.type("wait", task, "--wait-timeout", "0.2s")
    assert done.rc == 124
    assert time.monotonic() - begun >= 0.2
    cancelled = home.type("cancel", "queue", task, "--confirm")
    assert cancelled.rc == 0
    assert home.type("wait", task).rc == 12
    assert home.type("cancel", "task", "999999", task).rc == 5


def test_create_says_which_task_and_that_no_worker_is_there(home: Home) -> None:
    done = home.type(*CREATE, "--priority", "1", "--command", "uptime")
    assert done.rc == 0
    assert done.stdout.startswith("task ")
    assert "created: level 1, " in done.stdout
    assert done.stdout.count("\n") == 1
    assert "no worker is running: rediacc worker" in done.stderr
