"""Cancelling a task whose earlier attempts nobody saw end."""

from __future__ import annotations

import pytest
from queue_lab import Lab, result

from rediacc.errors import StaleClaim
from rediacc.queue import changes
from rediacc.queue.outcome import Ending
from rediacc.queue.settle import give_back
from rediacc.queue.stopping import Stop, conclude_stop, due_stops, leftovers, take_stop
from rediacc.queue.workers import WorkerIdentity, register
from rediacc.values import MachineOutcome, Reason, State


def _lose(lab: Lab, *machines: str) -> int:
    """Return a held task whose first attempt may still be running on `machines`."""
    task_id = lab.submit(*machines)
    lab.claim()
    lab.run(task_id, ending=Ending.LOST, is_confirmed=False, left_on=machines)
    return task_id


def _release(lab: Lab, task_id: int) -> None:
    with lab.database.write() as connection:
        changes.release(
            connection, task_id, action="retry", rules=lab.rules, actor="bob", now=lab.now
        )


def _cancel(lab: Lab, task_id: int) -> str:
    with lab.database.write() as connection:
        return changes.cancel(connection, task_id, actor="bob", now=lab.now)


def _due(lab: Lab, worker: str) -> tuple[Stop, ...]:
    with lab.database.read() as connection:
        return due_stops(connection, worker, live_since=lab.now - 30_000_000)


def _take(lab: Lab, stop: Stop, worker: str) -> bool:
    with lab.database.write() as connection:
        return take_stop(connection, stop, worker, live_since=lab.now - 30_000_000)


def _conclude(lab: Lab, stop: Stop, *clean: str) -> Reason:
    with lab.database.write() as connection:
        return conclude_stop(connection, stop, clean, actor="w1", now=lab.now)


def test_cancel_while_it_runs_again_looks_for_the_first_attempt_too(lab: Lab) -> None:
    task_id = _lose(lab, "a", "b")
    _release(lab, task_id)
    lab.claim()
    lab.start(task_id)
    assert _cancel(lab, task_id) == "stopping"
    lab.settle(task_id, ending=Ending.CANCELLED)
    assert lab.state(task_id) is State.STOPPING
    assert not lab.query("SELECT * FROM hold")
    (stop,) = _due(lab, "w1")
    assert _conclude(lab, stop, "a") is Reason.CANCELLED_UNCONFIRMED
    row = lab.row(task_id)
    assert (State(row.state), row.message) == (
        State.CANCELLED,
        "cancelled; not confirmed that nothing of attempt 1 still runs on b",
    )
    with pytest.raises(StaleClaim):
        _conclude(lab, stop, "b")
    # What is known to be gone is not looked for again.
    with lab.database.write() as connection:
        changes.retry(connection, task_id, rules=lab.rules, actor="bob", now=lab.now)
        (left,) = leftovers(connection, task_id)
    assert left.machines == ("b",)
    assert _cancel(lab, task_id) == "stopping left"
    (stop,) = _due(lab, "w1")
    assert _conclude(lab, stop, "b") is Reason.CANCELLED
    with lab.database.read() as connection:
        assert leftovers(connection, task_id) == ()


def test_time_limit_beside_leftovers_is_not_confirmed(lab: Lab) -> None:
    task_id = _lose(lab, "a")
    _release(lab, task_id)
    lab.claim()
    ended = lab.run(task_id, result("a", MachineOutcome.TIMED_OUT))
    assert (ended.state, ended.reason) == (State.FAILED, Reason.TIMED_OUT_UNCONFIRMED)


def test_claimed_again_and_given_back_it_is_not_simply_cancelled(lab: Lab) -> None:
    task_id = _lose(lab, "a")
    _release(lab, task_id)
    lab.claim()
    assert _cancel(lab, task_id) == "stopping"
    with lab.database.write() as connection:
        give_back(connection, task_id, 2, actor="w1", why="cancelled", now=lab.now)
    assert lab.state(task_id) is State.STOPPING


def test_one_living_worker_takes_care_of_a_stop(lab: Lab) -> None:
    for name in ("w1", "w2"):
        identity = WorkerIdentity(
            id=name, host="h", boot_id="b", pid=1, version="1", slots=1, urgent_slots=1
        )
        with lab.database.write() as connection:
            register(connection, identity, now=lab.now)
    task_id = _lose(lab, "a")
    assert _cancel(lab, task_id) == "stopping left"
    (stop,) = _due(lab, "w2")
    assert _take(lab, stop, "w1")
    assert not _take(lab, stop, "w2")
    assert _due(lab, "w2") == ()
    lab.pass_time(31)  # w1 beats no more
    assert _take(lab, stop, "w2")


def test_who_it_may_run_as_is_kept_while_something_is_left(lab: Lab) -> None:
    task_id = lab.submit("a", "b")
    lab.claim()
    lab.run(
        task_id,
        ending=Ending.LOST,
        is_confirmed=False,
        left_on=("a", "b"),
        may_have_become=True,
    )
    assert _cancel(lab, task_id) == "stopping left"
    (stop,) = _due(lab, "w1")
    assert _take(lab, stop, "w1")
    assert _conclude(lab, stop, "a") is Reason.CANCELLED_UNCONFIRMED
    with lab.database.read() as connection:
        (left,) = leftovers(connection, task_id)
    assert (left.machines, left.may_have_become) == (("b",), True)
