"""Shown to be able to fail: faults planted in the queue are found by the checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from queue_checks import broken
from queue_lab import Lab, result
from queue_machine import QueueMachine, steps
from sqlalchemy import text

from rediacc.errors import RediaccError, StaleClaim
from rediacc.queue import claim, plan, results, settle, transitions
from rediacc.values import MachineOutcome, Reason, RetryPolicy, State

Patch = pytest.MonkeyPatch


def _unguarded(columns: tuple[str, ...]) -> Any:
    assignments = "".join(f", {name} = :{name}" for name in columns)
    return text(
        f"UPDATE task SET state = :to, reason = :reason{assignments} WHERE id = :key_id "
        "AND :key_epoch IS NOT NULL AND :key_state IS NOT NULL"
    )


def _nothing(*_arguments: Any, **_more: Any) -> None:
    return None


def _no(*_arguments: Any, **_more: Any) -> bool:
    return False


def _no_wake(patch: Patch) -> None:
    patch.setattr(transitions, "wake", _nothing)


def _no_release(patch: Patch) -> None:
    patch.setattr(settle, "release_resources", _nothing)


def _no_epoch_rise(patch: Patch) -> None:
    def move(*arguments: Any, **fields: Any) -> Any:
        fields.pop("epoch", None)
        return transitions.move(*arguments, **fields)

    patch.setattr(claim, "move", move)


def _no_counters(patch: Patch) -> None:
    patch.setattr(transitions, "count", _nothing)


def _no_machine_order(patch: Patch) -> None:
    patch.setattr(plan._Ledger, "_has_earlier_waiter", _no)


def _no_kept_places(patch: Patch) -> None:
    patch.setattr(plan._Ledger, "could_be_passed", _no)


def _no_exclusion(patch: Patch) -> None:
    patch.setattr(plan._Ledger, "_machine_block", _nothing)


def _no_hand_on(patch: Patch) -> None:
    patch.setattr(claim, "_hand_on", _no)


def _no_given_up(patch: Patch) -> None:
    patch.setattr(settle, "given_up_ends", lambda *_: {})


def _no_outcome_entry(patch: Patch) -> None:
    patch.setattr(settle, "append_entry", _nothing)


FAULTS: list[Callable[[Patch], None]] = [
    _no_wake,
    _no_release,
    _no_epoch_rise,
    _no_counters,
    _no_exclusion,
    _no_outcome_entry,
]


@pytest.mark.parametrize("plant", FAULTS)
def test_state_machine_finds(
    plant: Callable[[Patch], None], template: Path, monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    machine = type("Machine", (QueueMachine,), {"template": template})
    search = settings(
        steps({"examples": 300, "steps": 30}),
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
    )
    with pytest.raises((Exception, BaseExceptionGroup), match=r"\S"):
        run_state_machine_as_test(machine, settings=search)


def test_unguarded_update_lets_a_stale_writer_through(lab: Lab, monkeypatch: Patch) -> None:
    """The guard is the last line: with it a writer that believes in an old epoch is refused."""
    task_id = lab.submit("a")
    lab.claim()
    with lab.database.read() as connection:
        old = transitions.load_key(connection, task_id)
    with lab.database.write() as connection:
        settle.give_back(connection, task_id, 1, actor="w2", why="", now=lab.now)
    lab.claim(worker="w2")

    def write() -> None:
        with lab.database.write() as connection:
            transitions.move(
                connection,
                old,
                State.FAILED,
                reason=Reason.RC,
                name="failed",
                actor="w1",
                now=lab.now,
            )

    with pytest.raises(StaleClaim):
        write()
    assert lab.state(task_id) is State.CLAIMED
    monkeypatch.setattr(transitions, "_update", _unguarded)
    write()
    with lab.database.read() as connection:
        assert broken(connection, lab.rules)


def test_start_that_is_not_durable_is_found(lab: Lab, monkeypatch: Patch) -> None:
    """A run whose `started` was never written: its result is refused, and nothing is started."""
    task_id = lab.submit("a")
    lab.claim()
    monkeypatch.setattr("queue_lab.mark_started", _nothing)
    lab.start(task_id)
    with pytest.raises(StaleClaim), lab.database.write() as connection:
        results.record_results(connection, task_id, 1, [result("a")], now=lab.now)
    with pytest.raises(RediaccError):
        lab.settle(task_id, result("a"))
    assert lab.state(task_id) is State.CLAIMED


def test_lost_place_of_a_team_is_found(lab: Lab, monkeypatch: Patch) -> None:
    from rediacc.queue.resources import set_machine_state
    from rediacc.values import MachineState

    _no_hand_on(monkeypatch)
    lab.rules = replace(lab.rules, team_slots={"prod": 1})
    runs = lab.submit("a")
    lab.claim()
    lab.submit("b")
    lab.submit("c")
    lab.claim()
    with lab.database.write() as connection:
        set_machine_state(connection, "prod", "b", state=MachineState.OFFLINE, now=lab.now)
    lab.run(runs)
    assert lab.claim_ids() == []
    with lab.database.read() as connection:
        assert any("parked on team:prod" in line for line in broken(connection, lab.rules))


@pytest.mark.parametrize("plant", [_no_machine_order, _no_kept_places])
def test_lost_place_in_a_machines_order_is_seen(
    plant: Callable[[Patch], None], lab: Lab, monkeypatch: Patch
) -> None:
    """What `test_stop_copy_start_keep_their_order_over_machines` would see."""
    plant(monkeypatch)
    lab.submit("a")
    lab.claim()
    copy = lab.submit("a", "b")
    lab.claim()
    start = lab.submit("b")
    assert lab.claim_ids() == [start]
    assert lab.state(copy) is State.PARKED


def test_forgotten_failure_makes_a_false_success(lab: Lab, monkeypatch: Patch) -> None:
    from rediacc.values import FailureClass

    _no_given_up(monkeypatch)
    policy = RetryPolicy(retry_count=1, retry_delay_seconds=0)
    task_id = lab.submit("a", "b", policy=policy)
    lab.claim()
    denied = result("a", MachineOutcome.UNREACHABLE, failure=FailureClass.AUTH)
    lab.run(task_id, denied, result("b", MachineOutcome.FAILED))
    lab.claim()
    assert lab.run(task_id, result("b")).state is State.SUCCEEDED
