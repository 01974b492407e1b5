"""Machines that are sampled for real, beside a queue that is busy; placement; metrics over HTTP."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from live_homes import Home, WorkerProcess, inventory_line, wait_until
from prometheus_client.parser import text_string_to_metric_families

from rediacc.storage.engine import sqlite_driver

EVERY, TIMEOUT = 5, 4
HANGS, DEAF, AWAY = "prod-hangs", "prod-deaf", "prod-away"
SETTINGS = """
[monitoring]
timeout = {timeout}
cpu_limit = 101
metrics = "127.0.0.1:{port}"
textfile = "rediacc.prom"
"""


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def deaf() -> Iterator[tuple[str, int]]:
    """An address that takes connections and never says a word."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()


@pytest.fixture(scope="module")
def port() -> int:
    return _free_port()


@pytest.fixture(scope="module")
def sampled(
    make_home: Callable[[], Home], deaf: tuple[str, int], port: int
) -> Iterator[tuple[Home, WorkerProcess]]:
    """A home whose team prod is sampled; one machine of it hangs, one is deaf, one is away.

    The worker has one slot, which a task keeps all the time; at first it keeps a processor too.
    """
    home = make_home().make()
    sleeper = home.write("sleeper", "#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    good = home.machines.machine("prod-01")
    line = inventory_line(good, known_hosts=home.known_hosts).partition(" ")[2].rstrip()
    hosts = home.directory / "inventories" / "prod" / "hosts"
    hosts.write_text(
        f"{hosts.read_text()}\n[odd]\n"
        f"{HANGS} {line} ansible_python_interpreter={sleeper}\n"
        f"{DEAF} {line} ansible_host={deaf[0]} ansible_port={deaf[1]}\n"
        f"{AWAY} {line} ansible_port={_free_port()}\n"
    )
    config = home.directory / "rediacc.toml"
    text = config.read_text().replace("[teams.prod]\n", f"[teams.prod]\nsample_every = {EVERY}\n")
    text = text.replace("[worker]\n", "[worker]\nslots = 1\nstop_grace = 1\n")
    lines = SETTINGS.format(timeout=TIMEOUT, port=port).partition("[monitoring]\n")[2]
    config.write_text(text.replace("[monitoring]\n", f"[monitoring]\n{lines}"))
    # A processor's whole time until the file is there; the slot for as long as the tests need it.
    command = "sh -c 'while ! test -e calm; do :; done; exec sleep 613' busy-loop"
    assert home.type("create", "task", "-m", "prod-02", "--shell", command).rc == 0
    try:
        with home.worker() as worker:
            home.wait_for_state(1, "running")
            behind = home.type("create", "task", "-m", "prod-02", "--command", "true", "-p", "2")
            assert behind.rc == 0, behind
            yield home, worker
    finally:
        home.on("prod-02", "calm").touch()
        wait_until(lambda: "sleep 613" in home.commands("prod-02"), "the end of the loop")
        home.end("prod-02", "613")


def _health(home: Home) -> dict[str, dict[str, Any]]:
    done = home.type("list", "machines", "--team", "prod", "--health", "-o", "json")
    assert done.rc == 0, done
    return {one["name"]: one["health"] for one in done.json["items"] if one["health"]}


def _query(home: Home, sql: str) -> list[Any]:
    connection = sqlite_driver().connect(home.directory / ".rediacc" / "rediacc.db")
    with contextlib.closing(connection):
        return list(connection.execute(sql))


def _rows(home: Home) -> list[Any]:
    return _query(home, "SELECT machine, at, is_reachable, cpu_percent FROM sample ORDER BY id")


def _looks(home: Home, machine: str) -> list[Any]:
    return [row for row in _rows(home) if row[0] == machine]


def test_samples_are_fresh_while_the_worker_is_busy(sampled: tuple[Home, WorkerProcess]) -> None:
    home, _worker = sampled
    begun = time.time()
    wait_until(
        lambda: len([row for row in _looks(home, "prod-01") if row[1] / 1e6 > begun]) >= 2,
        "two looks after the only slot was taken",
    )
    assert home.state(1) == ("running", "running")
    health = _health(home)["prod-01"]
    assert health["state"] == "ok"
    assert health["age_seconds"] < 2 * EVERY + TIMEOUT
    # One loop takes one processor; the rest of the computer may be busy or not.
    assert health["cpu_percent"] >= 70 / (os.cpu_count() or 1)
    assert health["cpus"] == psutil.cpu_count()
    assert health["memory_bytes"] == psutil.virtual_memory().total
    assert health["memory_percent"] == pytest.approx(psutil.virtual_memory().percent, abs=20)
    usage = shutil.disk_usage(health["disk_path"])
    used = 100 * usage.used / (usage.used + usage.free)
    assert health["disk_percent"] == pytest.approx(used, abs=5)
    home.on("prod-02", "calm").touch()
    assert health["uptime_seconds"] == pytest.approx(time.time() - psutil.boot_time(), abs=120)


def test_machines_that_do_not_answer_delay_no_other(sampled: tuple[Home, WorkerProcess]) -> None:
    home, _worker = sampled
    bad = (HANGS, DEAF, AWAY)
    wait_until(lambda: all(len(_looks(home, name)) >= 2 for name in bad), "looks at bad machines")
    health = _health(home)
    assert {name: health[name]["state"] for name in bad} == dict.fromkeys(bad, "unreachable")
    assert health[HANGS]["message"] == f"did not answer within {TIMEOUT} seconds"
    assert "refused" in health[AWAY]["message"]
    assert health[DEAF]["message"]
    # In one round the good ones were seen before the bad ones had their time.
    first = {name: _looks(home, name)[1][1] for name in ("prod-01", "prod-03", HANGS)}
    assert first["prod-01"] < first[HANGS]
    assert first["prod-03"] < first[HANGS]
    table = home.type("list", "machines", "--team", "prod", "--health").stdout.splitlines()
    headers = table[0].split()
    for row in (line.split() for line in table[1:]):
        assert row[headers.index("AGE")].endswith("s"), table
    shown = home.type("inspect", "machine", HANGS).stdout
    assert "unreachable, as of" in shown
    assert shown.count("did not answer within") == 1


def test_any_takes_the_machine_with_least_work_in_good_health(
    sampled: tuple[Home, WorkerProcess],
) -> None:
    home, _worker = sampled
    wait_until(lambda: len({row[0] for row in _rows(home)}) == 6, "a look at each machine")
    words = ("--team", "prod", "--all", "--any", "--command", "hostname")
    done = home.type("create", "task", *words, "--dry-run", "-o", "json")
    assert done.rc == 0, done
    placement = {one["machine"]: one for one in done.json["item"]["placement"]}
    chosen = [name for name, one in placement.items() if one["is_chosen"]]
    assert len(chosen) == 1
    assert chosen[0] in ("prod-01", "prod-03")
    assert "unreachable" in placement[HANGS]["reason"]
    assert placement["prod-02"]["work"] == 2
    assert done.json["item"]["task"]["machines"] == chosen
    assert home.type("update", "machine", chosen[0], "--state", "maintenance").rc == 0
    plan = home.type("create", "task", *words, "--dry-run").stdout.splitlines()
    assert [chosen[0], "no", "skipped:", "is", "in", "maintenance"] in [row.split() for row in plan]
    keyed = ("create", "task", *words[:3], "--any", "2", *words[4:], "--idempotency-key", "once")
    first = home.type(*keyed)
    assert first.rc == 0, first
    assert home.type("update", "machine", "prod-02", "--state", "offline").rc == 0
    again = home.type(*keyed)  # it was accepted when two machines could take it
    assert (again.rc, "exists already" in again.stdout) == (0, True), again
    assert home.type("update", "machine", "prod-02", "--state", "online").rc == 0
    assert home.type("cancel", "task", first.stdout.split()[1]).rc == 0
    refused = home.type("create", "task", *words[:3], "--any", "3", *words[4:])
    assert refused.rc == 6, refused
    assert "--any 3: 2 of 6 machines can take work" in refused.stderr
    assert home.type("update", "machine", chosen[0], "--state", "online").rc == 0
    given = home.type("create", "task", *words[:3], "--any", "2", *words[4:])
    assert "placed on prod-01: 0 tasks, " in given.stderr
    assert "placed on prod-03: 0 tasks, " in given.stderr
    task = int(given.stdout.split()[1])
    assert sorted(home.task(task)["machines"]) == ["prod-01", "prod-03"]


def test_depth_tells_what_waits_and_runs(sampled: tuple[Home, WorkerProcess]) -> None:
    home, _worker = sampled
    done = home.type("queue", "depth", "-o", "json")
    assert done.rc == 0, done
    depth = done.json["item"]
    assert depth["total"]["running"] == 1
    assert depth["workers_alive"] == 1
    level = next(one for one in depth["levels"] if one["level"] == 2)
    assert level["pending"] == 1
    assert level["oldest_task"] == 2
    assert level["oldest_seconds"] > 0
    busy = next(one for one in depth["machines"] if one["machine"] == "prod-02")
    assert (busy["running"], busy["waiting"]) == (1, 1)
    waits = next(one for one in depth["waits"] if one["level"] == 3)
    assert (waits["starts"], waits["kept_ratio"]) == (1, 1.0)
    assert home.type("queue", "depth", "-q").stdout.strip() == str(depth["total"]["pending"])
    assert "workers alive: 1" in home.type("queue", "depth").stdout


def test_metrics_are_served_and_written(sampled: tuple[Home, WorkerProcess], port: int) -> None:
    home, worker = sampled
    wait_until(lambda: "metrics are served" in worker.log(), "the endpoint")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        served = answer.read().decode()
    file = home.directory / "rediacc.prom"
    wait_until(file.exists, "the textfile")
    printed = home.type("metrics")
    assert printed.rc == 0, printed
    for text in (served, file.read_text(), printed.stdout):
        values = {
            (one.name, *sorted(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }
        assert values[("rediacc_workers_alive",)] == 1
        running = ("rediacc_tasks", ("level", "3"), ("state", "running"), ("team", "prod"))
        assert values[running] in (0, 1)  # the first file may be older than the first start
    assert values[running] == 1
    assert values[("rediacc_machine_up", ("machine", "prod-01"), ("team", "prod"))] == 1
    assert values[("rediacc_machine_up", ("machine", AWAY), ("team", "prod"))] == 0
    out = home.directory / "own.prom"
    assert home.type("metrics", "--textfile", str(out)).rc == 0
    assert "rediacc_workers_alive 1.0" in out.read_text()


def test_sampling_ends_with_its_worker_and_what_it_left_turns_stale(
    sampled: tuple[Home, WorkerProcess],
) -> None:
    """The last test: it ends the worker that the others share."""
    home, worker = sampled
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    left = [path for path in home.run_directories() if not (path / "supervisor.json").exists()]
    assert left == []
    assert len(home.run_directories()) == 1  # the task's own run, which goes on
    newest = max(row[1] for row in _rows(home)) / 1e6
    limit = 2 * EVERY + TIMEOUT
    wait_until(lambda: time.time() - newest > limit, "the samples to grow old")
    assert max(row[1] for row in _rows(home)) / 1e6 == newest
    table = home.type("list", "machines", "--team", "prod", "--health").stdout
    assert table.count(" stale ") == 6, table
    done = home.type("create", "task", "--team", "prod", "--all", "--any", "6", "--command", "true")
    assert done.rc == 0, done  # what is stale says nothing, so nobody is passed over
    assert done.stderr.count("health unknown: last looked at") == 6
    # Sampling is the worker's own: noted once when it began, not each round.
    noted = _query(home, "SELECT object FROM audit WHERE operation = 'machine.sample'")
    assert noted == [("team prod",)]


def test_a_terminal_is_asked_whether_to_sample(make_home: Callable[[], Home]) -> None:
    home = make_home().make()
    config = home.directory / "rediacc.toml"
    for team, answer in (("asked", b"y\n"), ("unwilling", b"\n")):
        screen = _type_on_terminal(home, answer, "create", "team", team)
        assert "every minute? [y/N]" in screen
    text = config.read_text()
    asked, unwilling = (text.partition(f"[teams.{team}]")[2] for team in ("asked", "unwilling"))
    assert "sample_every = 60" in asked.partition("[")[0]
    assert "sample_every" not in unwilling.partition("[")[0]


def _type_on_terminal(home: Home, answer: bytes, *words: str) -> str:
    """Type a command on a terminal, answer its question, and return what the screen showed."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rediacc", *words],
        cwd=home.directory,
        env=home.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, answer)
    shown = b""
    with contextlib.suppress(OSError):  # a terminal that nobody has open any more
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


def test_nothing_is_sampled_unasked(make_home: Callable[[], Home]) -> None:
    home = make_home().make()
    home.work()
    assert _rows(home) == []
    done = home.type("list", "machines", "--health")
    assert done.stdout.count(" never ") == 4
    assert "sample_every = 60" in done.stderr
