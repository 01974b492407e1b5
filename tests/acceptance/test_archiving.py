"""A worker moves what is over to the archive, and all that people do with it goes on as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from live_homes import Home, wait_until

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: echo from the play
"""


def _seen(home: Home, task: int) -> dict[str, Any]:
    """Return all that people can see of a task, but whether it is archived."""
    detail = home.detail(task)
    detail["task"].pop("is_archived")
    shown = home.type("inspect", "task", str(task)).stdout.splitlines()
    log = home.type("logs", str(task), "-o", "json").json
    log["task"].pop("is_archived")
    return {
        "detail": detail,
        "shown": [line for line in shown if not line.startswith(("created ", "archived "))],
        "log": log,
        "text": home.type("logs", str(task)).stdout,
    }


def test_worker_archives_and_everything_goes_on(make_home: Callable[[], Home]) -> None:
    home = make_home().make(files={"site.yml": PLAY})
    config = home.directory / "rediacc.toml"
    given = config.read_text()
    said = given.replace("[retention]\n", '[retention]\ntasks = "1s"\naudit = "1s"\n')
    assert said != given
    config.write_text(said)
    key = ("--idempotency-key", "nightly", "--label", "env=x")
    words = ("-m", "prod-01", "--shell", "echo out; echo err >&2")
    done = home.type("run", *words, *key)
    assert done.rc == 0, done
    assert home.type("run", "--playbook", "site.yml", "--team", "staging").rc == 0
    # Nobody was told of this one yet: it stays.
    assert home.type("run", "-m", "prod-01", "--shell", "exit 3").rc == 10
    before = {task: _seen(home, task) for task in (1, 2)}
    assert "out" in before[1]["text"]
    assert "TASK [" in before[2]["text"]

    with home.worker() as worker:
        wait_until(
            lambda: home.type("list", "tasks", "--archived", "-q").stdout.split() == ["2", "1"],
            "the archive",
        )
    moved = [json.loads(line) for line in worker.log().splitlines() if '"archived"' in line]
    assert {line["sort"]: line["rows"] for line in moved}["tasks"] == 2
    assert {line["chore"] for line in moved} == {"archive"}
    assert home.type("list", "tasks", "-q").stdout.split() == ["3"]

    assert {task: _seen(home, task) for task in (1, 2)} == before
    assert home.task(1)["is_archived"]
    assert "archived" in home.type("inspect", "task", "1").stdout
    assert home.type("inspect", "task", before[1]["detail"]["task"]["uid"]).rc == 0
    assert home.type("wait", "1", "2").rc == 0
    for filters, found in (
        (("--label", "env=x"), ["1"]),
        (("--team", "staging", "-n", "1"), ["2"]),
        (("--machine", "prod-01"), ["1"]),
        (("--failed",), []),
    ):
        listed = home.type("list", "tasks", "--archived", "-q", *filters)
        assert listed.stdout.split() == found, filters

    for verb in (("retry",), ("cancel",), ("update", "--priority", "1")):
        done = home.type(verb[0], "task", "1", *verb[1:])
        assert (done.rc, "task 1 is archived" in done.stdout + done.stderr) == (6, True), done
    again = home.type("create", "task", *words, *key)
    assert (again.rc, "task 1 exists already" in again.stdout) == (0, True), again
    other = home.type("create", "task", "-m", "prod-01", "--command", "id", *key)
    assert (other.rc, "names task 1" in other.stderr) == (6, True), other
    assert home.shell("prod-01", "true") == 4

    listed = home.type("list", "archives", "-o", "json").json["items"]
    assert {one["sort"] for one in listed} == {"tasks", "audit"}
    for what in ("archive", "audit"):
        done = home.type("verify", what)
        assert done.rc == 0, done
    (path,) = (one["path"] for one in listed if one["sort"] == "tasks")
    _lose(home.directory / ".rediacc" / "archive" / path)
    for words in (("inspect", "task", "1"), ("logs", "1"), ("list", "tasks", "--archived")):
        done = home.type(*words)
        assert (done.rc, done.stderr.count("is missing")) == (1, 1), done
        assert "rediacc verify archive" in done.stderr
    done = home.type("verify", "archive")
    assert (done.rc, "missing" in done.stdout) == (1, True), done


def _lose(path: Path) -> None:
    assert path.exists()
    path.unlink()


def test_archive_on_demand_says_what_it_would_do_and_does_it(home: Home) -> None:
    task = home.create("-m", "prod-01", "--command", "true", "--not-before", "+1h")
    assert home.type("cancel", "task", str(task)).rc == 0
    done = home.type("archive", "tasks", "--older-than", "0s", "--dry-run")
    assert done.stdout == "1 task would move to the archive\n"
    assert home.type("archive", "tasks").stdout == "nothing is old enough\n"
    done = home.type("archive", "tasks", "--older-than", "0s")
    assert done.stdout.startswith("1 task moved to 1 file (")
    assert home.type("list", "tasks", "--archived", "-q").stdout.split() == [str(task)]
    assert home.state(task) == ("cancelled", "cancelled")
    assert home.type("archive", "everything").rc == 2
