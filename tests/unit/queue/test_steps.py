"""Steps are bounded, stored once, and only under the present attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from queue_lab import Lab, result

from rediacc.errors import StaleClaim
from rediacc.queue import steps as store
from rediacc.queue.diffs import DIFF_CUT
from rediacc.queue.steps import StepStanding, chosen, standing_of, steps_of
from rediacc.values import Kind, MachineOutcome, Step, StepStatus


def _steps(*numbers: int, status: StepStatus = StepStatus.OK) -> list[Step]:
    return [
        Step(
            number=number,
            machine="a",
            status=status,
            play="p",
            task=f"t{number}",
            action="x",
            path="",
            started_at=None,
            ended_at=None,
            rc=None,
            message="\0half \udcff",
        )
        for number in numbers
    ]


def _store(lab: Lab, task_id: int, steps: Sequence[Step], *, epoch: int = 1) -> None:
    """Store as a worker does that reads how far another one came."""
    with lab.database.write() as connection:
        kept, now = chosen(steps, standing_of(connection, task_id, epoch))
        store.record_steps(connection, task_id, epoch, kept, now=now)


def _numbers(lab: Lab, task_id: int, **epochs: int) -> list[tuple[int, int]]:
    with lab.database.read() as connection:
        views = steps_of(
            connection, task_id, epochs={1: 1, 2: 2} | epochs, machine=None, statuses=()
        )
    return [(view.attempt, view.number) for view in views]


@pytest.fixture
def task_id(lab: Lab) -> int:
    number = lab.submit("a", kind=Kind.PLAYBOOK)
    lab.claim()
    lab.start(number)
    return number


def test_who_reads_the_records_again_stores_each_step_once(lab: Lab, task_id: int) -> None:
    _store(lab, task_id, _steps(2, 3))
    _store(lab, task_id, _steps(2, 3, 5, 9))
    _store(lab, task_id, _steps(2, 3, 5, 9))
    assert _numbers(lab, task_id) == [(1, 2), (1, 3), (1, 5), (1, 9)]


def test_steps_of_an_attempt_that_is_over_are_not_stored(lab: Lab, task_id: int) -> None:
    lab.settle(task_id, result("a", MachineOutcome.OK))
    with pytest.raises(StaleClaim):
        _store(lab, task_id, _steps(1))
    assert _numbers(lab, task_id) == []


def test_what_no_text_column_takes_is_escaped(lab: Lab, task_id: int) -> None:
    _store(lab, task_id, _steps(1))
    with lab.database.read() as connection:
        (view,) = steps_of(connection, task_id, epochs={1: 1}, machine=None, statuses=())
    assert view.message == "\\x00half \\udcff"


def test_a_rescue_turns_failed_steps_and_no_others(lab: Lab, task_id: int) -> None:
    _store(lab, task_id, _steps(1, 2, status=StepStatus.FAILED) + _steps(3))
    with lab.database.write() as connection:
        store.mark_rescued(connection, task_id, 1, (1, 3))
    with lab.database.read() as connection:
        found = steps_of(connection, task_id, epochs={1: 1}, machine=None, statuses=())
        failed = steps_of(
            connection, task_id, epochs={1: 1}, machine=None, statuses=(StepStatus.FAILED,)
        )
    assert [view.status for view in found] == ["rescued", "failed", "ok"]
    assert [view.number for view in failed] == [2]


def test_beyond_the_limit_failures_alone_are_kept_and_the_rest_is_counted() -> None:
    standing = StepStanding(kept=19_999)
    kept, standing = chosen(_steps(1, 2, 3), standing)
    assert [step.number for step in kept] == [1]
    assert standing == StepStanding(kept=20_000, read=3, left_out=2)
    kept, standing = chosen(_steps(4, status=StepStatus.FAILED) + _steps(5), standing)
    assert [step.number for step in kept] == [4]
    assert standing == StepStanding(kept=20_001, read=5, left_out=3)
    full = StepStanding(kept=21_000, read=5, left_out=3)
    assert chosen(_steps(6, status=StepStatus.UNREACHABLE), full) == (
        [],
        StepStanding(kept=21_000, read=6, left_out=4),
    )


def test_differences_are_bounded_in_all_and_read_back(lab: Lab, task_id: int) -> None:
    steps = [replace(step, diff="+" * 90_000) for step in _steps(1, 2, 3)]
    _store(lab, task_id, steps[:2])
    _store(lab, task_id, [*steps, *_steps(4)])
    with lab.database.read() as connection:
        found = steps_of(connection, task_id, epochs={1: 1}, machine=None, statuses=())
        standing = standing_of(connection, task_id, 1)
    assert [view.diff for view in found] == ["+" * 90_000, "+" * 90_000, DIFF_CUT, ""]
    assert standing.diffs == 180_000 + len(DIFF_CUT)
