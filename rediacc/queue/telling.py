"""What a step of a task leaves in the outbox: events for alerts, and follow-up tasks to create.

The row is written in the transaction of the step, so that nothing is told that did not happen
and nothing that happened stays untold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from rediacc.queue.outcome import Conclusion
from rediacc.queue.transitions import insert_event
from rediacc.storage.tables.work import Outbox
from rediacc.values import Reason, State

__all__ = ["note_follow_up", "tell", "tell_of_follow_up"]

_TASK = text("SELECT epoch, state, reason FROM task WHERE id = :id")
_OUTBOX = Outbox.__table__.insert()  # type: ignore[attr-defined]
_KINDS = {Reason.LOST: "task.lost", Reason.EXPIRED: "task.expired"}


def tell(
    connection: Connection, row: Any, conclusion: Conclusion, *, message: str, now: int
) -> None:
    """Write what people are to be told of `conclusion`, and the task that is to follow.

    :param row: the task: ``id``, ``epoch``, ``team``, ``title``, ``level``.
    """
    base = {
        "task": row.id,
        "team": row.team,
        "title": row.title,
        "priority": row.level,
        "reason": str(conclusion.reason),
        "rc": conclusion.rc,
        "message": message,
    }
    if conclusion.alerts:
        is_held = conclusion.state is State.HELD
        kind = "task.held" if is_held else _KINDS.get(conclusion.reason, "task.failed")
        _post(connection, f"{kind}:{row.id}:{row.epoch}", kind, row.id, base, now=now)
    if conclusion.follow_up is not None:
        payload = base | {"named": conclusion.follow_up}
        _post(connection, f"run:{row.id}:{row.epoch}", "run", row.id, payload, now=now)


def tell_of_follow_up(
    connection: Connection, key: str, payload: Mapping[str, Any], *, message: str, now: int
) -> None:
    """Write that the task which was to follow a failed one could not be made.

    :param key: the key of the row that asked for it.
    :param payload: what that row held.
    """
    told = {**payload, "title": f"run:{payload['named']}", "message": message}
    told |= {"reason": str(Reason.CONFIG), "rc": None}
    _post(connection, f"failed:{key}", "task.failed", payload["task"], told, now=now)


def _post(
    connection: Connection, key: str, kind: str, task_id: int, payload: dict[str, Any], *, now: int
) -> None:
    values = {"key": key, "kind": kind, "task_id": task_id, "payload": payload, "at": now}
    connection.execute(_OUTBOX, values)


def note_follow_up(
    connection: Connection, task_id: int, detail: Mapping[str, Any], *, actor: str, now: int
) -> None:
    """Note at a failed task which one followed it, or why none could."""
    row = connection.execute(_TASK, {"id": task_id}).one_or_none()
    if row is not None:
        insert_event(
            connection,
            task_id=task_id,
            epoch=row.epoch,
            now=now,
            name="follow-up" if "task" in detail else "no follow-up",
            state=State(row.state),
            reason=row.reason,
            actor=actor,
            detail=detail,
        )
