"""What people do to tasks that are in the queue: cancel, retry, release, update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.audit.chain import append_entry
from rediacc.errors import Conflict
from rediacc.queue.rules import QueueRules, machine_key, team_key
from rediacc.queue.stopping import begin_stop, leftovers
from rediacc.queue.submit import next_pass, start_by
from rediacc.queue.transitions import (
    TaskKey,
    count,
    insert_event,
    load_key,
    move,
    release_resources,
    wake,
)
from rediacc.storage.tables.tasks import TaskPayload
from rediacc.values import Origin, Reason, State

__all__ = ["cancel", "leave_queue", "release", "retry", "update_pending"]

_MACHINE_NAMES = text("SELECT machine FROM task_machine WHERE task_id = :id")
_ASK_CANCEL = text(
    "UPDATE task SET cancel_at = :now, reason = :reason WHERE id = :id AND epoch = :epoch "
    "AND state IN (5, 6, 7) AND cancel_at IS NULL"
)
_REOPEN = text(
    "UPDATE task_machine SET outcome = 'pending' WHERE task_id = :id "
    "AND outcome NOT IN ('ok', 'changed')"
)
_REOPEN_ALL = text("UPDATE task_machine SET outcome = 'pending' WHERE task_id = :id")
_LEFT = text(
    "SELECT COUNT(*) FROM task_machine WHERE task_id = :id AND outcome NOT IN ('ok', 'changed')"
)
_ORIGIN = text("SELECT origin FROM task WHERE id = :id")
_POLICY = text("SELECT policy FROM task_payload WHERE task_id = :id").columns(policy=JSON)
_PAYLOAD = TaskPayload.__table__  # type: ignore[attr-defined]
_PENDING = (State.SCHEDULED, State.WAITING, State.READY, State.PARKED, State.HELD)


def cancel(connection: Connection, task_id: int, *, actor: str, now: int) -> str:
    """Cancel a task: a pending one at once; a running one is asked to stop.

    A pending one whose earlier attempts may have left something on machines is *stopping* first.

    :return: ``cancelled``, ``stopping``, or ``stopping left`` where a worker must look for what
        earlier attempts left.
    :raises NotFound: there is no such task.
    :raises Conflict: it is final already.
    """
    key = load_key(connection, task_id)
    if key.state.is_final:
        raise Conflict(f"task {task_id} is already {key.state.public}")
    if key.state not in _PENDING:
        connection.execute(
            _ASK_CANCEL,
            {"id": key.id, "epoch": key.epoch, "now": now, "reason": str(Reason.CANCELLING)},
        )
        _note(connection, key, "cancel asked", Reason.CANCELLING, actor=actor, now=now)
        return "stopping"
    leave_queue(connection, key)
    left = leftovers(connection, task_id)
    if left:
        begin_stop(connection, key, left, actor=actor, now=now)
        return "stopping left"
    move(
        connection,
        key,
        State.CANCELLED,
        reason=Reason.CANCELLED,
        name="cancelled",
        actor=actor,
        now=now,
        finished_at=now,
        parked_on=None,
    )
    append_entry(
        connection,
        actor=actor,
        channel="queue",
        operation="task.outcome",
        object_name=f"task {task_id}",
        outcome="cancelled",
        detail={"reason": str(Reason.CANCELLED), "epoch": key.epoch},
        now=now,
    )
    return "cancelled"


def retry(connection: Connection, task_id: int, *, rules: QueueRules, actor: str, now: int) -> None:
    """Put a failed or cancelled task back in the queue, for the machines that did not succeed.

    :raises NotFound: there is no such task.
    :raises Conflict: it did not fail.
    """
    key = load_key(connection, task_id)
    if connection.execute(_ORIGIN, {"id": task_id}).scalar_one() == Origin.HAND:
        raise Conflict(
            f"task {task_id} was started by hand, and how is not known whole",
            hint="start it again by hand, or queue it with rediacc run --playbook",
        )
    if key.state not in (State.FAILED, State.CANCELLED):
        hint = f"rediacc release task {task_id} --retry" if key.state is State.HELD else ""
        raise Conflict(
            f"task {task_id} {key.state.public.sentence}: only failed or cancelled tasks are "
            "retried",
            hint=hint,
        )
    left = connection.execute(_LEFT, {"id": task_id}).scalar_one()
    connection.execute(_REOPEN if left else _REOPEN_ALL, {"id": task_id})
    _requeue(connection, key, name="retried", rules=rules, actor=actor, now=now)


def release(
    connection: Connection,
    task_id: int,
    *,
    action: str,
    rules: QueueRules,
    actor: str,
    now: int,
) -> None:
    """Decide about a held task: ``retry`` puts it back, ``fail`` ends it.

    :raises NotFound: there is no such task.
    :raises Conflict: it is not held.
    """
    key = load_key(connection, task_id)
    if key.state is not State.HELD:
        raise Conflict(f"task {task_id} {key.state.public.sentence}, not held")
    if action == "retry":
        _requeue(connection, key, name="released", rules=rules, actor=actor, now=now)
        return
    move(
        connection,
        key,
        State.FAILED,
        reason=Reason.LOST,
        name="failed",
        actor=actor,
        now=now,
        finished_at=now,
    )
    append_entry(
        connection,
        actor=actor,
        channel="queue",
        operation="task.outcome",
        object_name=f"task {task_id}",
        outcome="failed",
        detail={"reason": str(Reason.LOST), "epoch": key.epoch},
        now=now,
    )


def update_pending(
    connection: Connection,
    task_id: int,
    *,
    level: int | None,
    policy: Mapping[str, Any] | None,
    timeout_seconds: float | None,
    eligible_at: int | None,
    rules: QueueRules,
    actor: str,
    now: int,
) -> None:
    """Change a pending task's level, retry policy, timeout or time.

    :raises NotFound: there is no such task.
    :raises Conflict: it is not pending any more.
    """
    key = load_key(connection, task_id)
    if key.state not in _PENDING or key.state is State.HELD:
        raise Conflict(f"task {task_id} {key.state.public.sentence}: only pending tasks change")
    columns: dict[str, Any] = {}
    if policy is not None:
        columns["retries_left"] = _retries_left(connection, key, policy)
        _set_payload(connection, task_id, policy=dict(policy))
    if timeout_seconds is not None:
        _set_payload(connection, task_id, timeout_seconds=timeout_seconds)
    to, reason = key.state, None
    if level is not None and level != key.level:
        columns |= {"level": level, "pass_value": next_pass(connection, key.team, level, rules)}
        columns["start_by_at"] = start_by(level, now, rules)
    if eligible_at is not None:
        to = State.SCHEDULED
        columns |= {"eligible_at": eligible_at, "parked_on": None}
        reason = Reason.SCHEDULED
    elif key.state is State.PARKED:
        to, columns["parked_on"] = State.READY, None
    leave_queue(connection, key)
    _step(connection, key, to, reason=reason, actor=actor, now=now, columns=columns)


def _step(
    connection: Connection,
    key: TaskKey,
    to: State,
    *,
    reason: Reason | None,
    actor: str,
    now: int,
    columns: dict[str, Any],
) -> None:
    if to is not key.state:
        move(
            connection,
            key,
            to,
            reason=reason or Reason.QUEUED,
            name="updated",
            actor=actor,
            now=now,
            detail=_shown(columns),
            **columns,
        )
        return
    if columns:
        names = ", ".join(f"{name} = :{name}" for name in columns)
        if "level" in columns:
            count(connection, key.team, key.level, key.state, -1)
            count(connection, key.team, columns["level"], key.state, 1)
        connection.execute(
            text(f"UPDATE task SET {names} WHERE id = :key_id AND epoch = :key_epoch"),
            columns | {"key_id": key.id, "key_epoch": key.epoch},
        )
    _note(
        connection,
        key,
        "updated",
        reason or Reason.QUEUED,
        actor=actor,
        now=now,
        detail=_shown(columns),
    )


def _shown(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if name in ("level", "eligible_at")}


def _retries_left(connection: Connection, key: TaskKey, policy: Mapping[str, Any]) -> int:
    before = connection.execute(_POLICY, {"id": key.id}).scalar_one()["policy"]["retry_count"]
    left = connection.execute(
        text("SELECT retries_left FROM task WHERE id = :id"), {"id": key.id}
    ).scalar_one()
    used = int(before) - int(left)
    return max(0, int(policy["policy"]["retry_count"]) - used)


def _set_payload(connection: Connection, task_id: int, **columns: Any) -> None:
    connection.execute(_PAYLOAD.update().where(_PAYLOAD.c.task_id == task_id).values(**columns))


def _requeue(
    connection: Connection, key: TaskKey, *, name: str, rules: QueueRules, actor: str, now: int
) -> None:
    policy = connection.execute(_POLICY, {"id": key.id}).scalar_one()["policy"]
    move(
        connection,
        key,
        State.READY,
        reason=Reason.QUEUED,
        name=name,
        actor=actor,
        now=now,
        losses=0,
        retries_left=policy["retry_count"],
        cancel_at=None,
        finished_at=None,
        started_at=None,
        queued_from_at=None,
        # Whoever decides to run it again has seen that it is late.
        expires_at=None,
        rc=None,
        message="",
        eligible_at=now,
        worker_id=None,
        pass_value=next_pass(connection, key.team, key.level, rules),
        start_by_at=start_by(key.level, now, rules),
    )


def leave_queue(connection: Connection, key: TaskKey) -> None:
    """Wake whatever may have waited behind this task, and give up its places."""
    release_resources(connection, key)
    names = connection.execute(_MACHINE_NAMES, {"id": key.id}).scalars().all()
    wake(connection, {team_key(key.team), *(machine_key(key.team, name) for name in names)})


def _note(
    connection: Connection,
    key: TaskKey,
    name: str,
    reason: Reason,
    *,
    actor: str,
    now: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    insert_event(
        connection,
        task_id=key.id,
        epoch=key.epoch,
        now=now,
        name=name,
        state=key.state,
        reason=reason,
        actor=actor,
        detail=detail,
    )
