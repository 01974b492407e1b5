"""Each rule from its real cause to real receivers, and its end; one home and worker for all."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from live_homes import Home, WorkerProcess, wait_until
from receivers import HttpReceiver, Received, SmtpReceiver, http_receiver, smtp_receiver

from rediacc.alerts.child import signature
from rediacc.storage.engine import sqlite_driver

SETTINGS = """[alerts]
gather = 0
clear_after = 1
retry_after = 1
update_every = 1
late = 2
no_worker = 1
unreachable_for = 0

[alerts.channels.hook]
webhook = "http://127.0.0.1:{http}/hook"
secret = "hook_key"
vault = "prod"

[alerts.channels.mail]
secret = "mail_url"
vault = "prod"
rules = ["task-failed"]

[alerts.channels.log]
file = "alerts.jsonl"
"""
OFTEN = "sample_every = 5\n"
# Limits that any machine is over, until they are changed.
LOW = "[teams.staging.alerts]\ndepth = 2\ncpu = 1\nmemory = 1\ndisk = 1\nbusy_for = 0\n"
NORMAL = "[teams.staging.alerts]\ndepth = 2\ncpu = 1000\nmemory = 1000\ndisk = 1000\nbusy_for = 0\n"


KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CANARY = "canary-3f9a7c"


@dataclass
class Watched:
    """A home with a worker, and the people who hear of it."""

    home: Home
    http: HttpReceiver
    smtp: SmtpReceiver
    stack: contextlib.ExitStack
    worker: WorkerProcess

    def restart(self) -> None:
        """Have another worker, which knows the settings as they are now."""
        self.worker.send(signal.SIGTERM)
        assert self.worker.wait() == 0
        self.worker = self.stack.enter_context(self.home.worker())

    def heard(self, rule: str, event: str) -> list[Received]:
        """Return what the HTTP receiver heard of a rule."""
        found = []
        for request in list(self.http.requests):
            body = request.json
            if (body["rule"], body["event"]) == (rule, event):
                found.append(request)
        return found

    def wait_to_hear(self, rule: str, event: str, *, number: int = 1) -> dict[str, Any]:
        """Wait until the receiver heard of a rule so many times; return the last message."""
        wait_until(
            lambda: len(self.heard(rule, event)) >= number, f"message {number}: {rule} {event}"
        )
        last: dict[str, Any] = self.heard(rule, event)[-1].json
        return last

    def write(self, sql: str, *values: object) -> None:
        """Change the database as somebody with an editor would."""
        path = self.home.directory / ".rediacc" / "rediacc.db"
        with contextlib.closing(sqlite_driver().connect(path, timeout=30)) as connection:
            connection.execute(sql, values)
            connection.commit()

    def set_state(self, machine: str, state: str) -> None:
        done = self.home.type("update", "machine", machine, "--state", state)
        assert done.rc == 0, done


@pytest.fixture(scope="module")
def watched(make_home: Callable[[], Home]) -> Iterator[Watched]:
    with http_receiver() as http, smtp_receiver() as smtp:
        home = make_home().make(settings="[worker]\nstop_grace = 1\nlease = 6\n")
        config = home.directory / "rediacc.toml"
        team = "[teams.staging]\n"
        text = config.read_text().replace(team, f"{team}{OFTEN}")
        text = text.replace("[alerts]\n", SETTINGS.format(http=http.port))
        config.write_text(f"{text}{LOW}[teams.prod.alerts]\noldest = 1\n")
        people = "from=alerts@example.com&to=ops@example.com&mode=insecure"
        _keep(home, "hook_key", KEY)
        _keep(home, "mail_url", f"mailto://127.0.0.1:{smtp.port}?{people}&name={CANARY}")
        with contextlib.ExitStack() as stack:
            yield Watched(home, http, smtp, stack, stack.enter_context(home.worker()))


def _keep(home: Home, name: str, value: str) -> None:
    """Put a secret where no playbook reads it."""
    path = home.write("value", value)
    words = ("--team", "prod", "--scope", "private", "--file", "value")
    done = home.type("set", "secret", name, *words)
    assert done.rc == 0, done
    path.unlink()


def test_machines_that_are_looked_at(watched: Watched) -> None:
    """The first test: once it is through, nobody needs a look every five seconds."""
    for rule in ("machine-cpu", "machine-memory", "machine-disk"):
        assert "staging-01" in watched.wait_to_hear(rule, "trigger")["title"]
    watched.home.machines.stop("staging-01")
    try:
        watched.wait_to_hear("machine-unreachable", "trigger")
    finally:
        watched.home.machines.start("staging-01")
    watched.wait_to_hear("machine-unreachable", "resolve")
    config = watched.home.directory / "rediacc.toml"
    config.write_text(config.read_text().replace(OFTEN, "sample_every = 3600\n"))
    watched.restart()


def test_failure_is_told_with_its_command_and_its_end(watched: Watched) -> None:
    home = watched.home
    line = 'test -e fixed || { echo "E: no <space> left" >&2; exit 3; }'
    task = home.shell("prod-01", line)
    assert home.wait_for(task) == 10
    begin = watched.wait_to_hear("task-failed", "trigger")
    assert "failed on prod-01" in begin["title"]
    assert "prod-01: E: no <space> left" in begin["why"]
    assert begin["where"] == ["prod-01 (rc 3)"]
    request = watched.heard("task-failed", "trigger")[0]
    timestamp = int(request.headers["webhook-timestamp"])
    signed = signature(KEY, begin["id"], timestamp, request.body)
    assert request.headers["webhook-signature"] == signed
    wait_until(lambda: watched.smtp.mails, "a mail")
    mail = watched.smtp.mails[0]
    body = mail.get_body(("plain", "html"))
    assert body is not None
    assert "failed on prod-01" in str(mail["subject"])
    # What the message says helps: it is typed as it stands there.
    found = re.search(r"rediacc (retry task \d+)", body.get_content().replace("&nbsp;", " "))
    assert found is not None
    home.on("prod-01", "fixed").touch()
    assert home.type(*shlex.split(found.group(1))).rc == 0
    end = watched.wait_to_hear("task-failed", "resolve")
    assert end["dedup_key"] == begin["dedup_key"]
    assert end["title"].startswith("over: ")
    wait_until(lambda: len(watched.smtp.mails) == 2, "the mail that it is over")
    listed = home.type("list", "alerts", "--all", "-o", "json").json["items"]
    (number,) = (one["id"] for one in listed if one["rule"] == "task-failed")
    shown = home.type("inspect", "alert", str(number), "-o", "json").json["item"]
    assert shown["why_resolved"] == "all its machines are well again"
    assert {one["state"] for one in shown["deliveries"]} == {"delivered"}
    assert {one["channel"] for one in shown["deliveries"]} == {"hook", "mail", "log"}


def test_machine_that_is_away_until_it_answers_again(watched: Watched) -> None:
    home = watched.home
    begins, ends = (
        len(watched.heard("machine-unreachable", event)) for event in ("trigger", "resolve")
    )
    home.machines.stop("prod-02")
    try:
        task = home.shell("prod-02", "true")
        assert home.wait_for(task) == 11
        begin = watched.wait_to_hear("machine-unreachable", "trigger", number=begins + 1)
        assert begin["title"] == "[prod] 1 machine unreachable: prod-02"
    finally:
        home.machines.start("prod-02")
    assert home.type("retry", "task", str(task)).rc == 0
    watched.wait_to_hear("machine-unreachable", "resolve", number=ends + 1)


def test_runs_whose_supervisor_is_killed(watched: Watched) -> None:
    home = watched.home
    line = "echo ran >> trace; while [ ! -e go ]; do sleep 0.1; done"
    held = home.shell("prod-01", line)
    lost = home.shell("prod-03", f"{line}; :", "--on-lost", "fail")
    for task, machine in ((held, "prod-01"), (lost, "prod-03")):
        wait_until(lambda name=machine: home.lines(name, "trace"), "the command")
        home.supervisor(task).kill()
    begin = watched.wait_to_hear("task-held", "trigger")
    assert begin["command"] == f"rediacc release task {held} --retry"
    assert "was lost on prod-03" in watched.wait_to_hear("task-lost", "trigger")["title"]
    for machine in ("prod-01", "prod-03"):
        home.on(machine, "go").touch()
    assert home.type("release", "task", str(held), "--action", "fail").rc == 0
    watched.wait_to_hear("task-held", "resolve")
    assert home.type("retry", "task", str(lost)).rc == 0
    watched.wait_to_hear("task-lost", "resolve")


def test_tasks_that_do_not_start(watched: Watched) -> None:
    home = watched.home
    watched.set_state("prod-03", "maintenance")
    urgent = home.shell("prod-03", "true", "-p", "1")
    words = ("-m", "prod-03", "--shell", "echo once", "--expires-in", "1s", "--wait")
    late = home.type("create", "task", *words)
    assert late.rc == 14, late
    assert "failed: expired" in late.stderr
    assert watched.wait_to_hear("task-expired", "trigger")["where"] == ["prod-03 (not started)"]
    begin = watched.wait_to_hear("task-late", "trigger")
    assert begin["why"] == [f"task {urgent} waits: machine in maintenance"]
    watched.set_state("prod-03", "online")
    assert home.wait_for(urgent) == 0
    watched.wait_to_hear("task-late", "resolve")
    assert home.wait_for(home.shell("prod-03", "echo once")) == 0
    watched.wait_to_hear("task-expired", "resolve")


def test_queue_that_is_too_deep(watched: Watched) -> None:
    home = watched.home
    watched.set_state("staging-01", "maintenance")
    tasks = [home.shell("staging-01", "true") for _turn in range(2)]
    begin = watched.wait_to_hear("queue-deep", "trigger")
    assert begin["title"] == "[staging] 2 tasks wait"
    assert home.type("cancel", "task", *map(str, tasks)).rc == 0
    watched.wait_to_hear("queue-deep", "resolve")
    watched.set_state("staging-01", "online")


def test_home_without_a_worker_is_looked_after_by_whoever_looks(watched: Watched) -> None:
    home = watched.home
    watched.worker.kill()
    waiting = home.shell("prod-01", "true")
    wait_until(lambda: not _has_worker(home), "the end of the worker's lease")
    config = home.directory / "rediacc.toml"
    config.write_text(config.read_text().replace(LOW, NORMAL))
    entry = "SELECT MAX(seq) FROM audit"
    watched.write(f"UPDATE audit SET actor = actor || '-' WHERE seq = ({entry}) - 1")
    year = 366 * 86400 * 1_000_000
    watched.write(
        "INSERT INTO secret_note VALUES ('prod', 'private', 'old_key', "
        "(SELECT MAX(at) FROM audit) - ?, 'alice')",
        year,
    )

    def check() -> bool:
        done = home.type("alert", "check")
        assert done.rc == 1, done
        rules = ("no-worker", "queue-old", "audit-broken", "secret-old")
        return all(watched.heard(rule, "trigger") for rule in rules)

    wait_until(check, "messages without a worker")
    assert "and 1 task waits" in watched.heard("no-worker", "trigger")[-1].json["title"]
    # The limits are what they should be again; the samples are those that the worker took.
    for rule in ("machine-cpu", "machine-memory", "machine-disk"):
        wait_until(lambda name=rule: check() and watched.heard(name, "resolve"), f"end of {rule}")
    done = home.type("alert", "test", "--team", "prod", "-o", "json")
    assert done.rc == 0, done
    answers = {one["channel"]: one["answer"] for one in done.json["items"]}
    assert answers == {"hook": "HTTP 200", "mail": "taken", "log": "written"}
    watched.http.answers[:] = [403]
    assert home.type("alert", "test", "--channel", "hook").rc == 1
    line = _on_terminal(home, "list", "teams")
    assert re.search(r"^\d alerts are open: rediacc list alerts\r?$", line, re.MULTILINE), line
    for words in (("list", "teams", "-q"), ("list", "teams", "-o", "json"), ("list", "alerts")):
        assert "alerts are open" not in _on_terminal(home, *words)
    config.write_text(config.read_text().replace("[alerts]\n", "[alerts]\ninbox_line = false\n"))
    assert "alerts are open" not in _on_terminal(home, "list", "teams")
    watched.write("UPDATE secret_note SET set_at = (SELECT MAX(at) FROM audit)")
    watched.write("UPDATE audit SET actor = rtrim(actor, '-')")
    assert home.type("alert", "check").rc == 1  # a worker looks at the whole audit once an hour
    with home.worker():
        assert home.wait_for(waiting) == 0
        for rule in ("no-worker", "queue-old", "audit-broken", "secret-old"):
            watched.wait_to_hear(rule, "resolve")


def _has_worker(home: Home) -> bool:
    workers = home.type("list", "workers", "-o", "json").json["items"]
    return any(one["is_alive"] for one in workers)


def test_what_the_vault_holds_is_nowhere_else(watched: Watched) -> None:
    state = watched.home.directory
    texts = [
        *(path.read_bytes() for path in state.glob("*.log")),
        *(path.read_bytes() for path in (state / ".rediacc").glob("rediacc.db*")),
        (state / "alerts.jsonl").read_bytes(),
    ]
    for canary in (KEY, KEY.removeprefix("whsec_"), CANARY):
        assert not any(canary.encode() in text for text in texts)


def _on_terminal(home: Home, *words: str) -> str:
    """Return what a command says on standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    try:
        with open(theirs, "wb", buffering=0) as terminal:
            typed = home.start(*words, stderr=terminal)
        said = b""
        with contextlib.suppress(OSError):  # a terminal that nobody writes to any more
            while piece := os.read(ours, 4096):
                said += piece
        assert typed.wait().rc == 0
        return said.decode()
    finally:
        os.close(ours)


def test_inbox_needs_no_set_up_and_people_act_on_it(home: Home) -> None:
    task = home.shell("prod-01", "exit 3")
    home.work()
    assert home.wait_for(task) == 10
    assert home.type("alert", "check").rc == 1
    (alert,) = home.type("list", "alerts", "-o", "json").json["items"]
    assert (alert["rule"], alert["state"], alert["tasks"]) == ("task-failed", "open", [task])
    number = str(alert["id"])
    assert home.type("ack", "alert", number).stdout == f"alert {number} acknowledged\n"
    assert home.type("alert", "check").rc == 0  # somebody looks after it
    shown = home.type("alert", "inspect", number).stdout
    assert re.search(r"^state +acknowledged by ", shown, re.MULTILINE)
    assert f"rediacc retry task {task}" in shown
    made = home.type("silence", "--team", "prod", "--for", "2h", "--why", "move", "-o", "json")
    silence = made.json["item"]
    assert (silence["team"], silence["why"]) == ("prod", "move")
    assert "nothing is sent" in home.type("inspect", "alert", number).stdout
    assert home.type("list", "silences", "-o", "name").stdout == f"{silence['id']}\n"
    assert home.type("delete", "silence", str(silence["id"])).rc == 0
    assert home.type("resolve", "alert", number, "999").rc == 5
    assert home.type("list", "alerts").stderr == "no alert is open\n"
    assert len(home.type("list", "alerts", "--all", "-o", "json").json["items"]) == 1
    for words in (
        ("create", "silence", "--for", "0"),
        ("create", "silence", "--for", "2h", "--rule", "nonsense"),
        ("list", "alerts", "--rule", "nonsense"),
        ("alert", "ack"),
    ):
        assert home.type(*words).rc == 2, words
    assert home.type("alert", "test", "--channel", "nobody").rc == 5
