"""What keys do: an operation, its request, and the question before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rediacc.requests import AlertIds, ReleaseRequest, TaskIds, TaskUpdate
from rediacc.values import LEVEL_NAMES

__all__ = ["Doing", "acknowledging", "cancelling", "levelling", "retrying"]


@dataclass(frozen=True, kw_only=True)
class Doing:
    """One thing to do.

    :param what: it in words, for the line that tells what came of it.
    :param question: what to ask first; empty when nothing is lost by doing it.
    """

    operation: str
    request: Any
    what: str
    question: str = ""
    more: str = ""

    def tell(self, answer: Any) -> tuple[str, bool]:
        """Return the answer in words, and whether it is a refusal."""
        changes = answer if isinstance(answer, tuple) else ()
        for change in changes:
            if getattr(change, "code", ""):
                return f"{self.what}: {change.message}", True
        said = ", ".join(str(getattr(change, "message", "done")) for change in changes)
        return f"{self.what}: {said or 'done'}", False


def cancelling(task_id: int, title: str) -> Doing:
    """Cancel a task; what runs of it is stopped."""
    return Doing(
        operation="task.cancel",
        request=TaskIds(ids=(str(task_id),)),
        what=f"cancel task {task_id}",
        question=f"Cancel task {task_id}?",
        more=f"{title}\nWhat runs of it is stopped.",
    )


def retrying(task_id: int, title: str, *, is_held: bool) -> Doing:
    """Queue a task again; a held one only after a question, for its command may have run."""
    if not is_held:
        return Doing(
            operation="task.retry",
            request=TaskIds(ids=(str(task_id),)),
            what=f"retry task {task_id}",
        )
    return Doing(
        operation="task.release",
        request=ReleaseRequest(ids=(str(task_id),), action="retry"),
        what=f"release task {task_id}",
        question=f"Run task {task_id} again? Nobody saw its end: its command may have run.",
        more=title,
    )


def levelling(task_id: int, level: int) -> Doing:
    """Give a pending task another level."""
    return Doing(
        operation="task.update",
        request=TaskUpdate(ids=(str(task_id),), priority=level),
        what=f"task {task_id} to level {level} {LEVEL_NAMES[level]}",
    )


def acknowledging(alert_id: int) -> Doing:
    """Say that somebody looks after an alert."""
    return Doing(
        operation="alert.ack",
        request=AlertIds(ids=(str(alert_id),)),
        what=f"acknowledge alert {alert_id}",
    )
