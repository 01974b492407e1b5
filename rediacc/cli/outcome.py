"""From how tasks ended to the exit code of the process that waited for them."""

from __future__ import annotations

from collections.abc import Iterable

from rediacc.errors import ExitCode
from rediacc.values import PublicState, Reason
from rediacc.views import TaskView

__all__ = ["WORST_FIRST", "exit_code_of", "remote_exit_code", "worst"]

# With several tasks the exit code is the first of these that any of them has: what needs a
# person before what is known to be broken, that before what somebody wanted.
WORST_FIRST = (
    ExitCode.WAIT_RAN_OUT,
    ExitCode.TASK_HELD,
    ExitCode.TASK_FAILED,
    ExitCode.TASK_TIMED_OUT,
    ExitCode.TASK_UNREACHABLE,
    ExitCode.TASK_CANCELLED,
    ExitCode.CHANGES_FOUND,
    ExitCode.DONE,
)

_BY_REASON: dict[str, ExitCode] = {
    Reason.UNREACHABLE: ExitCode.TASK_UNREACHABLE,
    Reason.TIMED_OUT: ExitCode.TASK_TIMED_OUT,
    Reason.TIMED_OUT_UNCONFIRMED: ExitCode.TASK_TIMED_OUT,
    Reason.LOST: ExitCode.TASK_HELD,
    Reason.EXPIRED: ExitCode.TASK_HELD,
}


def exit_code_of(task: TaskView) -> ExitCode:
    """Return the exit code of one task, final or held.

    A task that is neither ran out of the waiter's time.
    """
    if task.state is PublicState.SUCCEEDED:
        return ExitCode.DONE
    if task.state is PublicState.CANCELLED:
        return ExitCode.TASK_CANCELLED
    if task.state is PublicState.FAILED:
        return _BY_REASON.get(_known_part(task.reason), ExitCode.TASK_FAILED)
    if task.reason.startswith("held"):
        return ExitCode.TASK_HELD
    return ExitCode.WAIT_RAN_OUT


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code of several tasks by :data:`WORST_FIRST`; done when there are none."""
    return min(codes, key=WORST_FIRST.index, default=ExitCode.DONE)


def remote_exit_code(task: TaskView) -> int:
    """Return the command's own exit code where it has one, else the task's.

    A command may end with 0 and the task have failed, for example by ``failed_when``: the task's.
    """
    code = exit_code_of(task)
    is_told = task.rc is not None and code in (ExitCode.DONE, ExitCode.TASK_FAILED)
    if not is_told or task.rc is None or not 0 <= task.rc <= 255:
        return int(code)
    return int(code) if task.rc == 0 else task.rc


def _known_part(reason: str) -> str:
    """Return the reason without the detail that may follow it after a colon."""
    return reason if reason in _BY_REASON else reason.partition(":")[0]
