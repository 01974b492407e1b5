"""Workers and supervisors that die: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import contextlib
import signal
import sqlite3

from live_homes import Home, WorkerProcess, wait_until

UNTIL_GO = "echo ran >> trace; while [ ! -e go ]; do sleep 0.1; done; echo end >> trace"


def test_killed_worker_is_followed_by_one_that_adopts(home: Home) -> None:
    tasks = {
        "ends while nobody looks": home.shell("prod-01", UNTIL_GO),
        "goes on": home.shell("prod-02", UNTIL_GO),
    }
    playbook = home.write(
        "until_go.yml",
        "- hosts: prod-03\n  gather_facts: false\n  tasks:\n"
        f"    - ansible.builtin.shell: {UNTIL_GO}\n"
        "    - ansible.builtin.shell: echo last >> trace\n",
    )
    tasks["playbook"] = home.create("--playbook", playbook.name, "--team", "prod")
    with home.worker() as first:
        wait_until(lambda: all(home.lines(f"prod-0{n}", "trace") for n in (1, 2, 3)))
        supervisor = home.supervisor(tasks["ends while nobody looks"])
        first.kill()
    home.on("prod-01", "go").touch()
    wait_until(lambda: not supervisor.is_running(), "the unseen end")
    assert home.state(tasks["ends while nobody looks"])[0] == "running"
    with home.worker() as second:
        home.wait_for_state(tasks["ends while nobody looks"], "succeeded")
        assert home.state(tasks["goes on"])[0] == "running"
        home.on("prod-02", "go").touch()
        home.on("prod-03", "go").touch()
        assert home.wait_for(*tasks.values()) == 0, second.log()
    assert [home.lines(f"prod-0{n}", "trace") for n in (1, 2, 3)] == [
        ["ran", "end"],
        ["ran", "end"],
        ["ran", "end", "last"],
    ]
    for task in tasks.values():
        assert len(home.detail(task)["attempts"]) == 1
    assert home.run_directories() == []


def test_what_a_killed_worker_had_begun_tells_what_becomes_of_it(home: Home) -> None:
    """Claimed or without Ansible's begin it goes back; started and then vanished it is held."""
    with home.worker() as first:
        wait_until(lambda: "worker started" in first.log(), "the worker")
        wait_until(lambda: _live_workers(home), "its registration")
        _freeze(first, home)
        claimed, prepared, vanished = (
            home.shell(f"prod-0{number}", "echo ran >> trace") for number in (1, 2, 3)
        )
        _write_for_the_worker(home)
        first.kill()
    states = [home.state(task)[0] for task in (claimed, prepared, vanished)]
    assert states == ["pending", "running", "running"]
    home.work()
    for task, machine in ((claimed, "prod-01"), (prepared, "prod-02")):
        assert home.state(task) == ("succeeded", "done")
        assert home.lines(machine, "trace") == ["ran"]
        assert "given back" in [event["name"] for event in home.detail(task)["timeline"]]
    assert home.state(vanished) == ("pending", "held: lost")
    assert home.lines("prod-03", "trace") == []


def _freeze(worker: WorkerProcess, home: Home) -> None:
    """Stop a worker where it stands, but not in the middle of a transaction."""
    path = home.directory / ".rediacc" / "rediacc.db"

    def stands_outside() -> bool:
        worker.send(signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(path, timeout=0.5)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                worker.send(signal.SIGCONT)
                return False
            connection.rollback()
        return True

    wait_until(stands_outside, "a moment between two transactions")


def _write_for_the_worker(home: Home) -> None:
    """Write what a worker writes before Ansible begins, on behalf of one that stands still."""
    home.python(f"""
from pathlib import Path
from rediacc.execution.rundir import RunDirectory, boot_id
from rediacc.queue import settle, workers
from rediacc.queue.claim import claim
from rediacc.queue.rules import rules_of
from rediacc.settings import load_settings
from rediacc.storage.engine import open_database
from rediacc.times import micros, utc_now
settings = load_settings(Path({str(home.directory)!r}))
database = open_database(settings.database_url)
base = Path({str(home.runs)!r}) / settings.home_id
now = micros(utc_now())
with database.read() as connection:
    (worker,) = workers.standing_workers(connection)
with database.write() as connection:
    claimed = claim(connection, worker.id, free_slots=4, free_urgent_slots=0,
                    rules=rules_of(settings), now=now)
    assert len(claimed) == 3
for number, one in enumerate(claimed[1:]):
    run = "%032x" % number
    if number == 0:
        RunDirectory.create(base, run)
    start = settle.RunStart(id=run, worker_id=worker.id, host=worker.host, boot_id=boot_id(),
                            directory=str(base / run))
    with database.write() as connection:
        settle.mark_started(connection, start, [(one.id, one.epoch)], now=now)
database.close()
""")


def test_killed_supervisor_leaves_the_decision_to_people_or_their_policy(home: Home) -> None:
    held = home.shell("prod-01", UNTIL_GO)
    failing = home.shell("prod-02", UNTIL_GO, "--on-lost", "fail")
    retried = home.shell("prod-03", UNTIL_GO, "--on-lost", "retry")
    with home.worker() as worker:
        for turn in (1, 2):
            for task in (held, failing, retried) if turn == 1 else (retried,):
                home.wait_for_state(task, "running")
                machine = home.task(task)["machines"][0]
                wait_until(lambda name=machine, n=turn: home.lines(name, "trace").count("ran") == n)
                home.supervisor(task).kill()
            if turn == 1:
                home.wait_for_state(held, "pending", "held: lost")
                home.wait_for_state(failing, "failed", "lost")
                # The command on the machine did not notice; it must not run twice at once.
                home.end("prod-03", "0.1")
        home.wait_for_state(retried, "pending", "held: lost")
        for task in (held, failing, retried):
            assert home.type("wait", str(task)).rc == 14, worker.log()
        assert len(home.detail(retried)["attempts"]) == 2
        for name in ("prod-01", "prod-02", "prod-03"):
            home.on(name, "go").touch()
        assert home.type("release", "task", str(held), "--action", "retry").rc == 0
        assert home.type("release", "task", str(retried), "--action", "fail").rc == 0
        assert home.wait_for(held) == 0
        assert home.state(retried)[0] == "failed"
    assert home.lines("prod-01", "trace").count("ran") == 2
    assert home.lines("prod-02", "trace").count("ran") == 1


def test_cancel_ends_what_attempts_of_unknown_end_left_on_machines(home: Home) -> None:
    """Cancelled means that nothing of the task runs any more, whichever attempt began it."""
    lines = {"prod-01": "echo begun >> trace; sleep 3101", "prod-02": "sleep 3102"}
    held, released = (home.shell(name, line) for name, line in lines.items())
    away = home.shell("prod-03", "echo begun >> trace; sleep 3103")
    with home.worker() as first:
        wait_until(lambda: _sleeps(home) == {"prod-01", "prod-02", "prod-03"}, "the commands")
        supervisors = [home.supervisor(task) for task in (held, released, away)]
        first.kill()
    for supervisor in supervisors:
        supervisor.kill()
    home.work()
    for task in (held, released, away):
        assert home.state(task) == ("pending", "held: lost")
    assert _sleeps(home) == {"prod-01", "prod-02", "prod-03"}

    assert home.type("release", "task", str(released), "--action", "retry").rc == 0
    for task in (held, released):
        asked = home.type("cancel", "task", str(task))
        assert (asked.rc, "is being stopped" in asked.stdout) == (0, True), asked
        assert "no worker is running" in asked.stderr
        assert home.state(task) == ("running", "cancelling")
    waiting = home.type("wait", str(held), "--wait-timeout", "3s")
    assert (waiting.rc, "no worker is running" in waiting.stderr) == (124, True), waiting
    home.work()
    for task in (held, released):
        assert home.state(task) == ("cancelled", "cancelled")
        assert "nothing of attempt 1 runs" in home.detail(task)["message"]
        assert len(home.detail(task)["attempts"]) == 1
    assert _sleeps(home) == {"prod-03"}
    assert home.lines("prod-01", "trace") == ["begun"]

    home.machines.stop("prod-03")
    try:
        assert home.type("cancel", "task", str(away)).rc == 0
        home.work()
    finally:
        home.machines.start("prod-03")
    assert home.state(away) == ("cancelled", "cancelled, not confirmed")
    assert "on prod-03" in home.detail(away)["message"]
    assert _sleeps(home) == {"prod-03"}

    # Tried again and cancelled while it runs: the first attempt's command ends too.
    assert home.type("retry", "task", str(away)).rc == 0
    with home.worker():
        wait_until(lambda: home.lines("prod-03", "trace") == ["begun", "begun"], "the retry")
        assert home.type("cancel", "task", str(away)).rc == 0
        assert home.wait_for(away) == 12
        assert _sleeps(home) == set()
    assert home.state(away) == ("cancelled", "cancelled")


def _sleeps(home: Home) -> set[str]:
    """Return the machines where a command of the test above runs."""
    return {
        name
        for number, name in enumerate(("prod-01", "prod-02", "prod-03"), start=3101)
        if home.runs_on(name, str(number))
    }


def test_first_sigterm_leaves_runs_to_adoption_and_the_second_stops_them(home: Home) -> None:
    task = home.shell("prod-01", UNTIL_GO)
    with home.worker() as first:
        wait_until(lambda: home.lines("prod-01", "trace"), "the command")
        waiting = home.shell("prod-01", "echo next >> trace")
        first.send(signal.SIGTERM)
        assert first.wait() == 0
    assert home.state(task)[0] == "running"
    assert home.state(waiting)[0] == "pending"
    home.on("prod-01", "go").touch()
    with home.worker("--once") as second:
        assert second.wait() == 0
    home.work()
    assert home.wait_for(task, waiting) == 0
    assert home.lines("prod-01", "trace") == ["ran", "end", "next"]

    home.on("prod-01", "go").unlink()
    stopped = home.shell("prod-01", "echo third >> trace; while [ ! -e go ]; do sleep 0.1; done")
    with home.worker() as third:
        wait_until(lambda: "third" in home.lines("prod-01", "trace"), "the command")
        third.send(signal.SIGTERM)
        wait_until(lambda: "stopping" in third.log(), "the first signal")
        third.send(signal.SIGTERM)
        assert third.wait() == 0
        assert home.commands("prod-01") == []
    assert home.state(stopped) == ("pending", "held: lost")


def test_run_brings_its_own_worker_and_ctrl_c_detaches(home: Home) -> None:
    process = home.process("run", "-m", "prod-01", "--shell", UNTIL_GO)
    wait_until(lambda: home.lines("prod-01", "trace"), "the command")
    process.send_signal(signal.SIGINT)
    _out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert b"detached" in error
    assert home.state(1)[0] == "running"
    home.on("prod-01", "go").touch()
    assert home.wait_for(1) == 0
    assert home.lines("prod-01", "trace") == ["ran", "end"]
    wait_until(lambda: not _live_workers(home), "the end of its worker")


def test_run_brings_a_worker_when_the_one_that_was_there_leaves(home: Home) -> None:
    with home.worker() as other:
        words = ("-m", "prod-01", "--shell", "echo ran >> trace", "--not-before", "+3s")
        process = home.process("run", *words)
        wait_until(lambda: home.type("list", "tasks", "-o", "json").json["items"], "the task")
        other.send(signal.SIGTERM)
        assert other.wait() == 0
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, (out, error)
    assert home.lines("prod-01", "trace") == ["ran"]


def _live_workers(home: Home) -> list[str]:
    listed = home.type("list", "workers", "-o", "json").json["items"]
    return [one["id"] for one in listed if one["is_alive"]]
