"""How a task stands or ended, in words: whole sentences, and one word for a table."""

from __future__ import annotations

from collections.abc import Sequence

from rediacc.cli.render.words import names
from rediacc.counting import count
from rediacc.values import (
    FailureClass,
    MachineOutcome,
    MachineResult,
    Origin,
    PublicState,
    Reason,
)
from rediacc.views import ResultView, TaskView

__all__ = ["fate", "last_results", "reason_word", "state_words"]

# What machines themselves cause; all else (`targets changed`, `expired`) is of the task as a whole.
_OF_MACHINES = (
    Reason.RC,
    Reason.UNREACHABLE,
    Reason.TIMED_OUT,
    Reason.TIMED_OUT_UNCONFIRMED,
    Reason.AUTH,
    Reason.LOST,
)


def state_words(task: TaskView) -> str:
    """Return a task's state and, where it says more, its reason: ``failed: exit code 3``."""
    state, reason = task.state.value, task.reason
    if reason == Reason.RC:
        # A play may call a command failed that ended with 0.
        return f"{state}: exit code {task.rc}" if task.rc else state
    if reason == Reason.AUTH:
        return f"{state}: login refused"
    return state if reason in ("", "done", state) else f"{state}: {reason}"


def reason_word(task: TaskView) -> str:
    """Return a task's reason as one word: ``exit-code-3``, ``busy-machine``, ``held-lost``."""
    if task.reason == Reason.RC:
        word = f"exit-code-{task.rc}" if task.rc else "failed"
    else:
        word = task.reason.replace(":", "").replace(",", "").replace(" ", "-")
    return f"{word}-by-hand" if task.origin is Origin.HAND else word


def fate(task: TaskView, results: Sequence[ResultView]) -> str:
    """Return how a task of one or several machines stands, with what became of which machines.

    :param results: each machine's last result, as far as there are any.
    """
    number = len(task.machines)
    if number <= 1:
        return state_words(task)
    if task.state is PublicState.SUCCEEDED:
        return f"{state_words(task)} on {count(number, 'machine')}"
    by_words: dict[str, list[str]] = {}
    for one in results:
        if not one.result.outcome.is_success:
            by_words.setdefault(_machine_words(one.result), []).append(one.result.machine)
    if task.state is not PublicState.FAILED or task.reason not in _OF_MACHINES or not by_words:
        return state_words(task)
    parts = [
        f"{words} on {len(machines)}{f' of {number} machines' if place == 0 else ''} "
        f"({names(machines)})"
        for place, (words, machines) in enumerate(by_words.items())
    ]
    doubt = "; not confirmed" if task.reason == Reason.TIMED_OUT_UNCONFIRMED else ""
    text = ", ".join(parts) + doubt
    return text if text.startswith(task.state.value) else f"{task.state.value}: {text}"


def last_results(results: Sequence[ResultView]) -> list[ResultView]:
    """Return each machine's last result, in the order of their names."""
    last: dict[str, ResultView] = {}
    for one in sorted(results, key=lambda one: one.attempt):
        last[one.result.machine] = one
    return [last[name] for name in sorted(last)]


def _machine_words(result: MachineResult) -> str:
    if result.failure is FailureClass.AUTH:
        return "login refused"
    if result.outcome is MachineOutcome.FAILED and result.rc:
        return f"exit code {result.rc}"
    return result.outcome.value
