"""Changing tasks one by one: each in a transaction of its own, with what it was and what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from rediacc.errors import AccessDenied, InvalidInput, RediaccError
from rediacc.queue import reading
from rediacc.queue.policies import policy_to_json
from rediacc.queue.workers import count_live
from rediacc.values import Reason
from rediacc.views import TaskChange, TaskView

__all__ = ["change_each"]


def change_each(
    call: Any, ids: tuple[str, ...], change: Callable[[Connection, int], str]
) -> tuple[TaskChange, ...]:
    """Change each task in a transaction of its own, and tell for each what became of it."""
    if not ids:
        raise InvalidInput("which task? give its number or UUID")
    return tuple(_change(call, name, change) for name in dict.fromkeys(ids))


def _change(call: Any, name: str, change: Callable[[Connection, int], str]) -> TaskChange:
    detail: dict[str, Any] = {}
    about = f"task {name}"[:80]
    try:
        with call.write(about, detail) as connection:
            task_id = reading.find_id(connection, name)
            about = f"task {task_id}"
            call.check_team(reading.team_of(connection, task_id))
            before = _picture(connection, task_id)
            message = change(connection, task_id)
            call.concerns(about)
            detail |= {"task": task_id, "change": message}
            detail |= _difference(before, _picture(connection, task_id))
            view = reading.view_task(connection, task_id)
            lease = call.settings.lease_seconds
            alive = count_live(connection, lease_seconds=lease, now=call.now)
    except RediaccError as exc:
        outcome = "denied" if isinstance(exc, AccessDenied) else "refused"
        call.note(outcome, object_name=about, detail={"why": exc.code})
        return TaskChange(
            id=name,
            changed=False,
            message=f"{exc.message}; {exc.hint}" if exc.hint else exc.message,
            code=exc.code,
            exit_code=int(exc.exit_code),
        )
    return TaskChange(
        id=str(view.id),
        changed=True,
        message=message,
        task=view,
        waits_for_worker=_takes_worker(view) and not alive,
    )


def _takes_worker(view: TaskView) -> bool:
    """Say whether only a worker brings a task on from here: it can start now, or is to stop."""
    return view.reason in (str(Reason.QUEUED), str(Reason.CANCELLING))


def _picture(connection: Connection, task_id: int) -> dict[str, Any]:
    """Return what the audit keeps of a task before and after a change."""
    view = reading.view_task(connection, task_id)
    _payload, policy, row = reading.payload_of(connection, task_id)
    return {
        "state": str(view.state),
        "reason": view.reason,
        "priority": view.priority,
        "not_before": view.eligible_at.isoformat(),
        "timeout_seconds": row.timeout_seconds,
        "policy": policy_to_json(policy)["policy"],
    }


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return both pictures, cut to what differs."""
    changed = [name for name, value in before.items() if after[name] != value]
    if "policy" in changed:
        old, new = before["policy"], after["policy"]
        names = [name for name in old if old[name] != new[name]]
        before = {**before, "policy": {name: old[name] for name in names}}
        after = {**after, "policy": {name: new[name] for name in names}}
    return {
        "before": {name: before[name] for name in changed},
        "after": {name: after[name] for name in changed},
    }
