"""What each exit code means, as help and the reference print it."""

from __future__ import annotations

from rediacc.errors import ExitCode

__all__ = ["EXIT_CODES"]

EXIT_CODES = (
    (ExitCode.DONE, "done; with --wait, run and wait: every task succeeded"),
    (ExitCode.GENERAL, "something else went wrong; a failed check of doctor"),
    (ExitCode.USAGE, "what was typed cannot be meant"),
    (ExitCode.NOT_AUTHENTICATED, "nobody knows who you are"),
    (ExitCode.NOT_ALLOWED, "you may not do this"),
    (ExitCode.NOT_FOUND, "what you named does not exist"),
    (ExitCode.CONFLICT, "it contradicts the present state"),
    (ExitCode.TASK_FAILED, "a task failed"),
    (ExitCode.TASK_UNREACHABLE, "a task's machine could not be reached"),
    (ExitCode.TASK_CANCELLED, "a task was cancelled"),
    (ExitCode.TASK_TIMED_OUT, "a task ran longer than its timeout"),
    (ExitCode.TASK_HELD, "a task is held for a person, expired, or its end is unknown"),
    (ExitCode.CHANGES_FOUND, "--check --exit-code found changes"),
    (ExitCode.TRY_AGAIN, "the database cannot be reached; try again"),
    (ExitCode.WAIT_RAN_OUT, "the wait ran out; the tasks go on"),
    (ExitCode.DETACHED, "detached by Ctrl-C; the tasks go on"),
)
