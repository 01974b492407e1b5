"""``task.steps``: what each Ansible task did on each machine."""

from __future__ import annotations

from typing import Any

from rediacc.errors import NotFound
from rediacc.operations.task_reading import opened_for_reading
from rediacc.queue import reading
from rediacc.queue.diffs import bounded_diff
from rediacc.queue.steps import count_left_out, steps_of
from rediacc.requests import StepFilter
from rediacc.values import Kind, MachineOutcome, StepStatus
from rediacc.views import ResultView, StepList, StepView, TaskView

__all__ = ["steps"]

_BATCH = "rediacc.core.batch"
_STATUSES = {
    MachineOutcome.OK: StepStatus.OK,
    MachineOutcome.CHANGED: StepStatus.CHANGED,
    MachineOutcome.SKIPPED: StepStatus.SKIPPED,
    MachineOutcome.FAILED: StepStatus.FAILED,
    MachineOutcome.TIMED_OUT: StepStatus.FAILED,
    MachineOutcome.UNREACHABLE: StepStatus.UNREACHABLE,
}
_MOST_MESSAGE = 1000


def steps(call: Any, request: StepFilter) -> StepList:
    """``task.steps``: the steps that fit the filter, in their order."""
    with opened_for_reading(call, request.id) as (connection, view):
        attempts = reading.attempts_of(connection, view.id)
        epochs = {one.epoch: one.number for one in attempts}
        if request.attempt is not None:
            epochs = {epoch: n for epoch, n in epochs.items() if n == request.attempt}
            if not epochs:
                raise NotFound(f"task {view.id} has no attempt {request.attempt}")
        if view.kind is Kind.PLAYBOOK:
            found = steps_of(
                connection,
                view.id,
                epochs=epochs,
                machine=request.machine,
                statuses=request.statuses,
            )
            left_out = count_left_out(connection, view.id)
            return StepList(task=view, steps=found, left_out=left_out)
        payload, _policy, _row = reading.payload_of(connection, view.id)
        action = str(payload["text"]) if view.kind is Kind.MODULE else _BATCH
        made = _steps_of_results(view, reading.results_of(connection, view.id), action)
    wanted = tuple(
        step
        for step in made
        if request.attempt in (None, step.attempt)
        and request.machine in (None, step.machine)
        and (not request.statuses or step.status in request.statuses)
    )
    return StepList(task=view, steps=wanted)


def _steps_of_results(
    view: TaskView, results: tuple[ResultView, ...], action: str
) -> tuple[StepView, ...]:
    """Return the one step of each machine and attempt of a task that is no playbook."""
    return tuple(
        _step_of_result(view, one, action, number)
        for number, one in enumerate(results, start=1)
        if one.result.outcome in _STATUSES
    )


def _step_of_result(view: TaskView, one: ResultView, action: str, number: int) -> StepView:
    result = one.result
    started, ended = result.started_at, result.finished_at
    elapsed = (
        None if started is None or ended is None else max(0.0, (ended - started).total_seconds())
    )
    return StepView(
        attempt=one.attempt,
        number=number,
        machine=result.machine,
        play="",
        task=view.title,
        action=action,
        path="",
        status=_STATUSES[result.outcome],
        started_at=started,
        ended_at=ended,
        elapsed_seconds=elapsed,
        rc=result.rc,
        message=result.message[:_MOST_MESSAGE],
        is_cut=len(result.message) > _MOST_MESSAGE,
        delegated_to=result.delegated_to,
        diff=bounded_diff(result.result.get("diff")) if view.kind is Kind.MODULE else "",
    )
