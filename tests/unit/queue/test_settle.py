"""From a claim to an end: fenced by the epoch, told once, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from queue_lab import Lab, result

from rediacc.audit.chain import find_break
from rediacc.errors import StaleClaim
from rediacc.queue import changes
from rediacc.queue.outcome import Ending
from rediacc.queue.results import append_output, record_results
from rediacc.queue.settle import Verdict, end_run, give_back, note_stale, settle
from rediacc.values import FailureClass, MachineOutcome, OnLost, Reason, RetryPolicy, State

FAILED, UNREACHABLE = MachineOutcome.FAILED, MachineOutcome.UNREACHABLE


def _give_back(lab: Lab, task_id: int, epoch: int) -> None:
    with lab.database.write() as connection:
        give_back(connection, task_id, epoch, actor="w2", why="w1 died", now=lab.now)


def _machines(lab: Lab, task_id: int) -> dict[str, str]:
    rows = lab.query("SELECT machine, outcome FROM task_machine WHERE task_id = :id", id=task_id)
    return {row.machine: row.outcome for row in rows}


def test_final_state_and_last_result_come_together(lab: Lab) -> None:
    task_id = lab.submit("a")
    lab.claim()
    lab.start(task_id)
    verdict = Verdict(ending=Ending.FINISHED, results=[result("a")])

    def fail_after_the_settlement() -> None:
        with lab.database.write() as connection:
            settle(connection, task_id, 1, verdict, actor="w1", rules=lab.rules, now=lab.now)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        fail_after_the_settlement()
    assert lab.state(task_id) is State.STARTED
    assert not lab.query("SELECT * FROM result")
    assert not lab.query("SELECT * FROM audit")
    lab.settle(task_id, result("a"))
    assert lab.state(task_id) is State.SUCCEEDED
    assert len(lab.query("SELECT * FROM result")) == 1


@pytest.mark.parametrize("action", ["start", "record", "output", "settle", "give back"])
def test_stale_epoch_changes_nothing(lab: Lab, action: str) -> None:
    task_id = lab.submit("a")
    lab.claim()
    _give_back(lab, task_id, 1)
    lab.claim(worker="w2")
    if action != "start":
        lab.start(task_id, worker="w2")
    before = lab.snapshot()

    def record(connection: Any) -> None:
        record_results(connection, task_id, 1, [result("a")], now=lab.now)

    def output(connection: Any) -> None:
        append_output(connection, task_id, 1, b"x", now=lab.now)

    def write(act: Callable[[Any], None]) -> None:
        with lab.database.write() as connection:
            act(connection)

    actions: dict[str, Callable[[], object]] = {
        "start": lambda: lab.start(task_id, 1),
        "settle": lambda: lab.settle(task_id, result("a"), epoch=1),
        "give back": lambda: _give_back(lab, task_id, 1),
        "record": lambda: write(record),
        "output": lambda: write(output),
    }
    with pytest.raises(StaleClaim):
        actions[action]()
    assert lab.snapshot() == before


def test_stale_write_is_recorded(lab: Lab) -> None:
    task_id = lab.submit("a")
    lab.claim()
    lab.run(task_id)
    with lab.database.write() as connection:
        note_stale(connection, task_id, 0, actor="w9", now=lab.now)
    event = lab.query("SELECT * FROM event ORDER BY id DESC LIMIT 1")[0]
    assert (event.name, event.actor, event.state) == ("stale write", "w9", State.SUCCEEDED)
    assert '"epoch": 0' in event.detail


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "held", "ready", "parked"])
def test_a_claim_that_is_over_cannot_be_given_back_or_started(lab: Lab, end: str) -> None:
    """The epoch alone is no fence: it stays until the next claim."""
    task_id = lab.submit("a")
    lab.claim()
    if end == "ready":
        _give_back(lab, task_id, 1)
    elif end == "parked":
        _give_back(lab, task_id, 1)
        urgent = lab.submit("a", level=1)
        assert lab.claim_ids() == [urgent]
    else:
        lab.start(task_id)
        if end == "succeeded":
            lab.settle(task_id, result("a"))
        elif end == "failed":
            lab.settle(task_id, result("a", FAILED))
        else:
            lab.settle(task_id, ending=Ending.LOST if end == "held" else Ending.CANCELLED)
    assert lab.states([task_id]) == [end]
    before = lab.snapshot()
    with pytest.raises(StaleClaim):
        _give_back(lab, task_id, 1)
    with pytest.raises(StaleClaim):
        lab.start(task_id, 1)
    assert lab.snapshot() == before


def test_started_is_refused_after_a_cancel_and_the_claim_ends_cancelled(lab: Lab) -> None:
    task_id, after = lab.submit("a"), lab.submit("a")
    lab.claim()
    with lab.database.write() as connection:
        assert changes.cancel(connection, task_id, actor="bob", now=lab.now) == "stopping"
    with pytest.raises(StaleClaim):
        lab.start(task_id)
    assert not lab.query("SELECT * FROM run")
    _give_back(lab, task_id, 1)
    assert lab.state(task_id) is State.CANCELLED
    attempt = lab.query("SELECT * FROM attempt WHERE task_id = :id", id=task_id)[0]
    assert (attempt.outcome, attempt.ended_at) == ("cancelled", lab.now)
    assert lab.claim_ids() == [after]


def test_given_back_task_keeps_its_place(lab: Lab) -> None:
    first, second = lab.submit("a"), lab.submit("a")
    lab.claim()
    _give_back(lab, first, 1)
    assert lab.claim_ids() == [first]
    assert lab.states([first, second]) == ["claimed", "parked"]


def test_retry_targets_only_what_did_not_succeed(lab: Lab) -> None:
    task_id = lab.submit("a", "b", policy=RetryPolicy(retry_count=1, retry_delay_seconds=0))
    lab.claim()
    lab.run(task_id, result("a"), result("b", FAILED))
    (claimed,) = lab.claim()
    assert claimed.machines == ("b",)
    assert not lab.query("SELECT * FROM hold WHERE resource LIKE '%/a'")
    lab.run(task_id, result("b"))
    assert lab.state(task_id) is State.SUCCEEDED


def test_task_with_a_machine_given_up_does_not_succeed(lab: Lab) -> None:
    """`a` refuses the login and is not tried again; `b` succeeds later: the task failed."""
    task_id = lab.submit("a", "b", policy=RetryPolicy(retry_count=1, retry_delay_seconds=0))
    lab.claim()
    denied = result("a", UNREACHABLE, failure=FailureClass.AUTH)
    lab.run(task_id, denied, result("b", FAILED))
    (claimed,) = lab.claim()
    assert claimed.machines == ("b",)
    lab.run(task_id, result("b"))
    assert (lab.state(task_id), lab.row(task_id).reason) == (State.FAILED, "auth")
    with lab.database.write() as connection:
        changes.retry(connection, task_id, rules=lab.rules, actor="bob", now=lab.now)
    (claimed,) = lab.claim()
    assert claimed.machines == ("a",)


def test_retry_waits_its_pause(lab: Lab) -> None:
    policy = RetryPolicy(retry_count=3, retry_delay_seconds=10, backoff=2, jitter=0.5)
    task_id = lab.submit("a", policy=policy)
    pauses = []
    for _turn in range(3):
        lab.claim()
        lab.run(task_id, result("a", FAILED), draw=1.0)
        pauses.append((lab.row(task_id).eligible_at - lab.now) / 1e6)
        lab.pass_time(pauses[-1])
    assert pauses == [15, 30, 60]
    lab.claim()
    assert lab.run(task_id, result("a", FAILED)).state is State.FAILED
    assert lab.row(task_id).attempt == 4


def test_loss_uses_no_retry_and_two_hold(lab: Lab) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(retry_count=1, on_lost=OnLost.RETRY))
    lab.claim()
    lab.run(task_id, ending=Ending.LOST, is_confirmed=False)
    assert (lab.state(task_id), lab.row(task_id).retries_left) == (State.SCHEDULED, 1)
    lab.claim()
    lab.run(task_id, ending=Ending.LOST, is_confirmed=False)
    assert lab.state(task_id) is State.HELD
    with lab.database.write() as connection:
        changes.release(
            connection, task_id, action="retry", rules=lab.rules, actor="bob", now=lab.now
        )
    assert lab.claim_ids() == [task_id]


def test_lowered_task_starts_again_a_level_down(lab: Lab) -> None:
    policy = RetryPolicy(retry_count=1, retry_delay_seconds=0, failure_action="lower")
    task_id = lab.submit("a", level=4, policy=policy)
    for level in (4, 4, 5, 5):
        lab.claim()
        assert lab.row(task_id).level == level
        lab.run(task_id, result("a", FAILED))
    assert lab.state(task_id) is State.FAILED
    assert len(lab.query("SELECT * FROM outbox WHERE kind = 'task.failed'")) == 1


@pytest.mark.parametrize(
    ("action", "kinds"),
    [("alert", ["task.failed"]), ("none", []), ("run:mend", ["run"]), ("lower", [])],
)
def test_outbox_has_one_row_for_each_end_to_tell(lab: Lab, action: str, kinds: list[str]) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(failure_action=action))
    lab.claim()
    lab.run(task_id, result("a", FAILED))
    with pytest.raises(StaleClaim):
        lab.settle(task_id, result("a", FAILED))
    rows = lab.query("SELECT * FROM outbox")
    assert [row.kind for row in rows] == kinds
    assert all(row.task_id == task_id and row.delivered_at is None for row in rows)


def test_success_and_cancel_are_not_told(lab: Lab) -> None:
    fine, stopped = lab.submit("a"), lab.submit("b")
    lab.claim()
    lab.run(fine)
    lab.run(stopped, ending=Ending.CANCELLED)
    assert not lab.query("SELECT * FROM outbox")


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [(Ending.FINISHED, "succeeded"), (Ending.CANCELLED, "cancelled"), (Ending.TIMED_OUT, "failed")],
)
def test_outcome_is_in_the_audits_chain(lab: Lab, ending: Ending, outcome: str) -> None:
    task_id = lab.submit("a")
    lab.claim()
    results = [result("a")] if outcome == "succeeded" else []
    lab.run(task_id, *results, ending=ending)
    (entry,) = lab.query("SELECT * FROM audit")
    assert (entry.operation, entry.object, entry.outcome) == (
        "task.outcome",
        f"task {task_id}",
        outcome,
    )
    with lab.database.read() as connection:
        assert find_break(connection) is None


def test_results_as_they_come_are_not_forgotten_when_the_run_is_lost(lab: Lab) -> None:
    task_id = lab.submit("a", "b")
    lab.claim()
    lab.start(task_id)
    with lab.database.write() as connection:
        record_results(connection, task_id, 1, [result("a")], now=lab.now)
    lab.settle(task_id, ending=Ending.LOST)
    assert _machines(lab, task_id) == {"a": "ok", "b": "pending"}
    with lab.database.write() as connection:
        changes.release(
            connection, task_id, action="retry", rules=lab.rules, actor="bob", now=lab.now
        )
    assert lab.claim()[0].machines == ("b",)


@pytest.mark.parametrize("text", ["\ud800", "x\udcff", "a\0b", "ü\U0001f600"], ids=ascii)
def test_text_from_machines_is_stored_whatever_it_is(lab: Lab, text: str) -> None:
    """JSON from a machine can carry half characters, which no database takes."""
    from rediacc.queue.reading import results_of

    task_id = lab.submit("a")
    lab.claim()
    hostile = result("a", FAILED, message=text, stdout=text, stderr=text, result={"msg": text})
    lab.run(task_id, hostile, message=text)
    assert lab.state(task_id) is State.FAILED
    with lab.database.read() as connection:
        (view,) = results_of(connection, task_id)
    assert view.result.result == {"msg": text}
    if text != "\ud800":
        assert view.result.stdout == text


def test_failure_before_the_start_has_its_reason(lab: Lab) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(retry_count=3))
    lab.claim()
    lab.settle(
        task_id, ending=Ending.NOT_STARTED, failure_reason=Reason.CONFIG, message="no such file"
    )
    row = lab.row(task_id)
    assert (row.state, row.reason, row.message) == (State.FAILED, "config", "no such file")
    assert row.attempt == 0


def test_run_is_open_until_it_is_ended_once(lab: Lab) -> None:
    task_id = lab.submit("a")
    lab.claim()
    run_id = lab.start(task_id)
    with lab.database.write() as connection:
        end_run(connection, run_id, now=lab.now)
        end_run(connection, run_id, now=lab.now + 5)
    assert lab.query("SELECT ended_at FROM run")[0].ended_at == lab.now
