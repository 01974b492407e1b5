"""One step of one task: a guarded UPDATE, its event row and the counters, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from rediacc.errors import NotFound, StaleClaim
from rediacc.queue.states import require_allowed
from rediacc.storage.tables.tasks import Event
from rediacc.values import Reason, State

__all__ = ["TaskKey", "insert_event", "load_key", "move", "release_resources", "wake"]

_EVENT = Event.__table__.insert()  # type: ignore[attr-defined]
_COUNT = text(
    "INSERT INTO counter (team, level, state, number) VALUES (:team, :level, :state, :step) "
    "ON CONFLICT (team, level, state) DO UPDATE SET number = counter.number + :step"
)
_KEY = text("SELECT id, epoch, team, level, state, reason FROM task WHERE id = :id")
_WAKE = text("INSERT INTO wake (resource) VALUES (:resource) ON CONFLICT (resource) DO NOTHING")
_HELD = text("SELECT resource FROM hold WHERE task_id = :id AND epoch = :epoch")
_RESERVED = text("SELECT resource FROM reserve WHERE task_id = :id")
_UNHOLD = text("DELETE FROM hold WHERE task_id = :id AND epoch = :epoch")
_UNRESERVE = text("DELETE FROM reserve WHERE task_id = :id")


@dataclass(frozen=True, kw_only=True)
class TaskKey:
    """What a write must name: the task, its epoch, and the state that the writer believes in."""

    id: int
    epoch: int
    team: str
    level: int
    state: State


def load_key(connection: Connection, task_id: int) -> TaskKey:
    """Read the key of a task as it stands.

    :raises NotFound: there is no such task.
    """
    row = connection.execute(_KEY, {"id": task_id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no task {task_id}")
    return key_of(row)


def key_of(row: Row[Any]) -> TaskKey:
    """Return the key in a row that has its columns."""
    return TaskKey(
        id=row.id, epoch=row.epoch, team=row.team, level=row.level, state=State(row.state)
    )


def move(
    connection: Connection,
    key: TaskKey,
    to: State,
    *,
    reason: Reason,
    name: str,
    actor: str,
    now: int,
    detail: Mapping[str, Any] | None = None,
    **columns: Any,
) -> TaskKey:
    """Take one step: only when the task still has `key`'s epoch and state.

    :param name: the event's name, for example ``started``.
    :param columns: further columns of the task to set.
    :return: the key after the step.
    :raises StaleClaim: somebody else moved the task; nothing was written but an event that says so.
    :raises Conflict: the step is not allowed.
    """
    require_allowed(key.state, to)
    epoch = columns.get("epoch", key.epoch)
    values = {"to": int(to), "reason": str(reason), **columns}
    done = connection.execute(
        _update(tuple(sorted(columns))),
        {**values, "key_id": key.id, "key_epoch": key.epoch, "key_state": int(key.state)},
    )
    if done.rowcount != 1:
        raise StaleClaim(f"task {key.id} is no longer {key.state.name.lower()} at {key.epoch}")
    if key.state != to:
        level = columns.get("level", key.level)
        count(connection, key.team, key.level, key.state, -1)
        count(connection, key.team, level, to, 1)
    insert_event(
        connection,
        task_id=key.id,
        epoch=epoch,
        now=now,
        name=name,
        state=to,
        reason=reason,
        actor=actor,
        detail=detail,
    )
    return TaskKey(
        id=key.id, epoch=epoch, team=key.team, level=columns.get("level", key.level), state=to
    )


def insert_event(
    connection: Connection,
    *,
    task_id: int,
    epoch: int,
    now: int,
    name: str,
    state: State,
    reason: str,
    actor: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one line of a task's timeline."""
    connection.execute(
        _EVENT,
        {
            "task_id": task_id,
            "epoch": epoch,
            "at": now,
            "name": name,
            "state": int(state),
            "reason": str(reason),
            "actor": actor,
            "detail": dict(detail or {}),
        },
    )


def count(connection: Connection, team: str, level: int, state: State, step: int) -> None:
    """Add `step` to the counter of a team's tasks in a state."""
    connection.execute(_COUNT, {"team": team, "level": level, "state": int(state), "step": step})


def release_resources(connection: Connection, key: TaskKey) -> None:
    """Give back what the task's epoch holds and reserves, and wake what waits for it.

    The wake rows share the transaction of the release: no wake-up can be lost between the two.
    """
    parameters = {"id": key.id, "epoch": key.epoch}
    held = connection.execute(_HELD, parameters).scalars().all()
    reserved = connection.execute(_RESERVED, {"id": key.id}).scalars().all()
    connection.execute(_UNHOLD, parameters)
    connection.execute(_UNRESERVE, {"id": key.id})
    wake(connection, {*held, *reserved})


def wake(connection: Connection, resources: set[str]) -> None:
    """Note that what is parked on `resources` may be runnable now."""
    if resources:
        connection.execute(_WAKE, [{"resource": resource} for resource in sorted(resources)])


@lru_cache(maxsize=64)
def _update(columns: tuple[str, ...]) -> TextClause:
    """The guarded UPDATE for a set of columns; built once for each."""
    assignments = "".join(f", {name} = :{name}" for name in columns)
    return text(
        f"UPDATE task SET state = :to, reason = :reason{assignments} "
        "WHERE id = :key_id AND epoch = :key_epoch AND state = :key_state"
    )
