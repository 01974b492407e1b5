"""Tasks that did not start in time: failed, told of, and never started after it."""

from __future__ import annotations

import pytest
from queue_lab import Lab, result

from rediacc.errors import StaleClaim
from rediacc.queue import changes
from rediacc.queue.claim import next_due_at
from rediacc.queue.expiry import expire, has_expired
from rediacc.queue.reading import view_task, waits_of
from rediacc.queue.sweep import sweep
from rediacc.values import MachineOutcome, RetryPolicy, State


def _expire(lab: Lab) -> tuple[int, ...]:
    with lab.database.write() as connection:
        return expire(connection, now=lab.now)


def _told(lab: Lab) -> list[tuple[str, int]]:
    return [(row.kind, row.task_id) for row in lab.query("SELECT * FROM outbox ORDER BY id")]


def test_claim_ends_what_is_too_late_and_frees_what_waited_behind_it(lab: Lab) -> None:
    runs = lab.submit("a")
    late = lab.submit("a", expires_at=lab.now + 10_000_000)
    behind = lab.submit("a")
    lab.claim()
    lab.claim()  # parks the other two
    lab.pass_time(10)
    lab.run(runs)
    assert lab.claim_ids() == [behind]
    row = lab.row(late)
    assert (lab.state(late), row.reason) == (State.FAILED, "expired")
    assert "not started before" in row.message
    assert row.finished_at == lab.now
    assert _told(lab) == [("task.expired", late)]
    outcomes = lab.query("SELECT object, outcome FROM audit WHERE operation = 'task.outcome'")
    assert (f"task {late}", "failed") in [tuple(row) for row in outcomes]


def test_what_was_claimed_in_time_is_not_started_too_late(lab: Lab) -> None:
    late = lab.submit("a", expires_at=lab.now + 10_000_000)
    assert lab.claim_ids() == [late]
    lab.pass_time(10)
    with pytest.raises(StaleClaim, match="expired before it started"):
        lab.start(late)
    assert lab.state(late) is State.CLAIMED  # its worker gives it back
    assert _expire(lab) == ()


def test_what_started_in_time_keeps_its_retries(lab: Lab) -> None:
    policy = RetryPolicy(retry_count=1, retry_delay_seconds=60)
    task = lab.submit("a", policy=policy, expires_at=lab.now + 10_000_000)
    lab.claim()
    lab.run(task, result("a", MachineOutcome.FAILED))
    lab.pass_time(60)
    assert _expire(lab) == ()
    assert lab.claim_ids() == [task]
    assert lab.run(task).state is State.SUCCEEDED


def test_whoever_retries_an_expired_task_gives_it_all_the_time(lab: Lab) -> None:
    task = lab.submit("a", expires_at=lab.now + 10_000_000)
    lab.pass_time(11)
    assert _expire(lab) == (task,)
    with lab.database.write() as connection:
        changes.retry(connection, task, rules=lab.rules, actor="bob", now=lab.now)
    assert lab.claim_ids() == [task]


@pytest.mark.parametrize("action", ["alert", "none", "lower", "run:mend"])
def test_policy_says_what_follows(lab: Lab, action: str) -> None:
    policy = RetryPolicy(failure_action=action)
    task = lab.submit("a", policy=policy, expires_at=lab.now + 1)
    lab.pass_time(1)
    _expire(lab)
    assert lab.state(task) is State.FAILED
    wanted = {"none": [], "run:mend": [("run", task)]}.get(action, [("task.expired", task)])
    assert _told(lab) == wanted


def test_scheduled_tasks_expire_and_many_do_so_in_steps(lab: Lab) -> None:
    later = lab.now + 20_000_000
    tasks = [lab.submit("a", eligible_at=later, expires_at=later + 1) for _turn in range(30)]
    with lab.database.read() as connection:
        assert next_due_at(connection) == later
    lab.pass_time(21)
    with lab.database.write() as connection:
        assert sweep(connection, now=lab.now) == []
    assert len([task for task in tasks if lab.state(task) is State.FAILED]) == 25
    # What is left is not started either; the next claims end it.
    assert lab.claim_ids() == []
    assert {lab.state(task) for task in tasks} == {State.FAILED}


def test_pending_task_says_until_when_it_waits(lab: Lab) -> None:
    task = lab.submit("a", expires_at=lab.now + 10_000_000)
    with lab.database.read() as connection:
        assert next_due_at(connection) == lab.now + 10_000_000
        reasons = waits_of(connection, view_task(connection, task), live_since=0)
        assert not has_expired(connection, task, now=lab.now)
        assert has_expired(connection, task, now=lab.now + 10_000_000)
    assert reasons[-1].startswith("it fails when it has not started by 2027-")
