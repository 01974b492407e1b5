"""Playbooks of foreign repositories do through the queue what they do by hand.

Nothing of a repository is edited: adoption adds ``rediacc.toml`` and ``.rediacc/``, and a run adds
nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from repositories import REPOSITORIES, HandResult, PlaybookRun, Standing, digest_tree

_EXIT_CODES = {0: 0, 2: 10, 4: 11}
_EVERY_RUN = [
    pytest.param(repository, run, id=f"{repository.name}-{run}")
    for repository in REPOSITORIES
    for run in repository.runs
]


@pytest.fixture(scope="module")
def adopted(standing: Standing) -> Iterator[Standing]:
    """The repository as a home, once it is shown that adoption touched nothing of it."""
    before = digest_tree(standing.path)
    teams = [f"--team={name}={path}" for name, path in standing.repository.teams.items()]
    done = standing.type("init", *teams)
    assert done.rc == 0, done
    after = digest_tree(standing.path)
    assert {path: after.get(path) for path in before} == before
    added = {Path(path).parts[0] for path in after.keys() - before.keys()}
    assert added == {"rediacc.toml", ".rediacc"}
    listed = standing.type("list", "teams", "-o", "json").json["items"]
    counted = {team["name"]: team["machine_count"] for team in listed}
    assert counted.keys() == standing.repository.teams.keys()
    assert sum(counted.values()) == len(standing.repository.machines)
    # One for all runs: each `rediacc run` would else bring a worker of its own.
    with standing.worker():
        yield standing


@pytest.mark.parametrize(("standing", "run"), _EVERY_RUN, indirect=["standing"], scope="module")
def test_playbook_gives_by_queue_what_it_gives_by_hand(adopted: Standing, run: PlaybookRun) -> None:
    hand = adopted.by_hand(run)
    assert hand.rc == run.rc, hand.stdout + hand.stderr
    before = _without_state(digest_tree(adopted.path))

    queue, outcome = _by_queue(adopted, run)

    assert queue.rc == _EXIT_CODES[hand.rc], f"{queue.stderr}\n{outcome['task']}\n{queue.stdout}"
    assert _counts(outcome) == hand.recap
    assert queue.statuses == hand.statuses
    assert queue.lines == hand.lines
    if run.is_ordered:
        assert queue.headers == hand.headers
    assert _without_state(digest_tree(adopted.path)) == before


def _by_queue(standing: Standing, run: PlaybookRun) -> tuple[HandResult, dict[str, Any]]:
    """Run a playbook through the queue; return Ansible's output with our exit code, and ours."""
    with standing.prepared(run):
        words = ("--playbook", run.playbook, "--team", run.team, "-o", "json")
        done = standing.type("run", *words, *run.arguments)
    outcome = done.json["item"]
    logs = standing.type("logs", str(outcome["task"]["id"]), "-o", "jsonl")
    assert logs.rc == 0, logs
    entries = [json.loads(line) for line in logs.stdout.splitlines()]
    stdout = "".join(entry["text"] for entry in entries if entry["stream"] == "ansible")
    return HandResult(rc=done.rc, stdout=stdout, stderr=done.stderr), outcome


def _counts(outcome: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts of each machine that Ansible came to, under the names that its recap prints."""
    return {
        result["result"]["machine"]: {
            {"failures": "failed"}.get(name, name): number
            for name, number in result["result"]["counts"].items()
        }
        for result in outcome["results"]
        if result["result"]["counts"]
    }


def _without_state(tree: dict[str, str]) -> dict[str, str]:
    return {
        path: digest
        for path, digest in tree.items()
        if not path.startswith(".rediacc/") and path != ".rediacc"
    }
