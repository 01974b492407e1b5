"""Accepting tasks: once, in a fair order, with a time by which they should start."""

from __future__ import annotations

from dataclasses import replace

import pytest
from queue_lab import START, Lab, new_task

from rediacc.errors import Conflict
from rediacc.queue.submit import submit
from rediacc.values import State


def test_same_key_and_content_twice_is_one_task(lab: Lab) -> None:
    first = lab.submit("a", idempotency_key="k")
    before = lab.snapshot()
    assert lab.submit("a", idempotency_key="k") == first
    assert lab.snapshot() == before


def test_same_uid_twice_is_one_task_also_when_it_is_final(lab: Lab) -> None:
    uid = "6f1c0d5e-5f4f-4a4e-9a53-000000000001"
    first = lab.submit("a", uid=uid)
    lab.claim()
    lab.run(first)
    assert lab.submit("a", uid=uid) == first
    assert lab.state(first) is State.SUCCEEDED


@pytest.mark.parametrize("name", ["uid", "idempotency_key"])
def test_same_name_for_other_content_is_a_conflict(lab: Lab, name: str) -> None:
    fields = {name: "6f1c0d5e-5f4f-4a4e-9a53-000000000001"}
    first = lab.submit("a", **fields)
    before = lab.snapshot()
    with pytest.raises(Conflict, match=f"task {first}"):
        lab.submit("a", digest="other", **fields)
    assert lab.snapshot() == before


def test_keys_belong_to_their_team(lab: Lab) -> None:
    assert lab.submit("a", idempotency_key="k") != lab.submit("a", idempotency_key="k", team="dev")


def test_numbers_are_never_used_again(lab: Lab) -> None:
    first = lab.submit("a")
    with lab.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM task")
    assert lab.submit("a") > first


def test_a_playbook_that_matches_no_machine_now_is_accepted(lab: Lab) -> None:
    task_id = lab.submit()
    assert lab.claim_ids() == [task_id]


def test_not_before_is_scheduled_and_has_no_place_yet(lab: Lab) -> None:
    row = lab.row(lab.submit("a", eligible_at=START + 5_000_000))
    assert (row.state, row.reason, row.start_by_at) == (State.SCHEDULED, "scheduled", None)


@pytest.mark.parametrize(("level", "limit"), [(1, 60), (3, 1800), (5, 28800)])
def test_start_by_is_the_levels_limit_from_now(lab: Lab, level: int, limit: int) -> None:
    assert lab.row(lab.submit("a", level=level)).start_by_at == START + limit * 1_000_000


def test_strict_level_is_never_overdue(lab: Lab) -> None:
    lab.rules = replace(lab.rules, level_limits={3: 0})
    assert lab.row(lab.submit("a")).start_by_at is None


def test_teams_share_starts_by_their_weights(lab: Lab) -> None:
    """A noisy team does not delay a quiet one; of 40 starts, weight 3 gets three times weight 1."""
    lab.rules = replace(lab.rules, weights={"dev": 3}, level_limits={})
    teams = {}
    for number in range(40):
        teams[lab.submit(f"p{number}")] = "prod"
    for number in range(40):
        teams[lab.submit(f"d{number}", team="dev")] = "dev"
    started = [teams[task_id] for task_id in lab.claim_ids(40)]
    assert started.count("dev") == 30
    assert started.count("prod") == 10


def test_who_comes_late_starts_at_the_front_but_not_before_what_runs(lab: Lab) -> None:
    lab.rules = replace(lab.rules, level_limits={})
    noisy = [lab.submit(f"m{number}") for number in range(10)]
    assert lab.claim_ids(4) == noisy[:4]
    quiet = [lab.submit(f"m{number}", team="dev") for number in range(3)]
    assert lab.claim_ids(6) == [noisy[4], quiet[0], noisy[5], quiet[1], noisy[6], quiet[2]]


def test_submission_is_one_transaction(lab: Lab) -> None:
    before = lab.snapshot()

    def fail_after_the_submission() -> None:
        with lab.database.write() as connection:
            submit(connection, new_task("a"), rules=lab.rules, now=lab.now)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        fail_after_the_submission()
    assert lab.snapshot() == before
