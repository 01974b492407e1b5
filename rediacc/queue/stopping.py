"""Tasks that are to be cancelled while an earlier attempt may have left something on machines.

An attempt whose end nobody saw may still be running. Before its task is called cancelled, a
worker looks for what carries the run's marker and ends it: meanwhile the task is *stopping*.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import JSON, Boolean, Connection, bindparam, text

from rediacc.audit.chain import append_entry
from rediacc.errors import StaleClaim
from rediacc.queue.transitions import TaskKey, load_key, move
from rediacc.values import Reason, State

__all__ = [
    "Leftover",
    "Stop",
    "begin_stop",
    "conclude_stop",
    "due_stops",
    "leftovers",
    "note_leftover",
    "take_stop",
]

_NOTE = text(
    "UPDATE attempt SET left_on = :machines, may_have_become = :become "
    "WHERE task_id = :id AND epoch = :epoch"
).bindparams(
    bindparam("machines", type_=JSON(none_as_null=True)), bindparam("become", type_=Boolean)
)
_LEFT = text(
    "SELECT a.epoch, a.number, a.run_id, a.left_on, a.may_have_become, a.started_at "
    "FROM attempt a WHERE a.task_id = :id AND a.left_on IS NOT NULL AND a.run_id IS NOT NULL "
    "ORDER BY a.epoch"
).columns(left_on=JSON, may_have_become=Boolean)
_UNATTENDED = (
    "state = 9 AND (worker_id IS NULL OR worker_id = :worker OR worker_id NOT IN "
    "(SELECT w.id FROM worker w WHERE w.stopped_at IS NULL AND w.beat_at > :since))"
)
_DUE = text(f"SELECT id, epoch, team FROM task WHERE {_UNATTENDED} ORDER BY id LIMIT :limit")
_TAKE = text(
    f"UPDATE task SET worker_id = :worker WHERE id = :id AND epoch = :epoch AND {_UNATTENDED}"
)
_MOST = 16


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """An attempt of which something may still be running.

    :param machines: where.
    :param may_have_become: whether it may run as another user than the one who logs in, though
        the task did not ask for it; ``None`` when nobody knows.
    """

    epoch: int
    number: int
    run_id: str
    machines: tuple[str, ...]
    may_have_become: bool | None
    started_at: int | None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A task that is stopping and that a worker should take care of."""

    task_id: int
    epoch: int
    team: str


def note_leftover(
    connection: Connection,
    task_id: int,
    epoch: int,
    machines: Sequence[str],
    *,
    may_have_become: bool | None,
) -> None:
    """Write where something of an attempt may still be running; nowhere when empty.

    :param may_have_become: whether as another user than the one who logs in, as far as is known.
    """
    values = {
        "id": task_id,
        "epoch": epoch,
        "machines": list(machines) or None,
        "become": may_have_become if machines else None,
    }
    connection.execute(_NOTE, values)


def leftovers(connection: Connection, task_id: int) -> tuple[Leftover, ...]:
    """Return the attempts of a task that may have left something on machines, oldest first."""
    return tuple(
        Leftover(
            epoch=row.epoch,
            number=row.number,
            run_id=row.run_id,
            machines=tuple(row.left_on),
            may_have_become=row.may_have_become,
            started_at=row.started_at,
        )
        for row in connection.execute(_LEFT, {"id": task_id})
    )


def begin_stop(
    connection: Connection,
    key: TaskKey,
    left: Sequence[Leftover],
    *,
    actor: str,
    now: int,
    message: str = "",
) -> TaskKey:
    """Have a worker end what earlier attempts left, before the task counts as cancelled.

    The caller gives up what the task holds.
    """
    begun = [one.started_at for one in left if one.started_at is not None]
    return move(
        connection,
        key,
        State.STOPPING,
        reason=Reason.CANCELLING,
        name="stopping",
        actor=actor,
        now=now,
        detail={"attempts": [one.number for one in left], "machines": _machines(left)},
        cancel_at=now,
        started_at=min(begun, default=now),
        worker_id=None,
        parked_on=None,
        message=message,
    )


def due_stops(connection: Connection, worker_id: str, *, live_since: int) -> tuple[Stop, ...]:
    """Return the stopping tasks that no living worker takes care of.

    :param live_since: since when a worker must have beaten to be alive, in microseconds.
    """
    parameters = {"worker": worker_id, "since": live_since, "limit": _MOST}
    return tuple(
        Stop(task_id=row.id, epoch=row.epoch, team=row.team)
        for row in connection.execute(_DUE, parameters)
    )


def take_stop(connection: Connection, stop: Stop, worker_id: str, *, live_since: int) -> bool:
    """Write that a worker takes care of a stopping task; whether it is the one to do so."""
    parameters = {"id": stop.task_id, "epoch": stop.epoch, "worker": worker_id, "since": live_since}
    return connection.execute(_TAKE, parameters).rowcount == 1


def conclude_stop(
    connection: Connection,
    stop: Stop,
    clean: Collection[str],
    *,
    actor: str,
    now: int,
    why: str = "",
) -> Reason:
    """End a stopping task: cancelled, or cancelled and not confirmed.

    :param clean: the machines that answered that nothing of the attempts runs there any more.
    :param why: why the others did not answer, where that is known.
    :return: the task's reason.
    :raises StaleClaim: the task is not stopping any more.
    """
    key = load_key(connection, stop.task_id)
    if key.epoch != stop.epoch or key.state is not State.STOPPING:
        raise StaleClaim(f"task {key.id} is {key.state.name.lower()} at epoch {key.epoch}")
    left = leftovers(connection, key.id)
    for one in left:
        remaining = [name for name in one.machines if name not in clean]
        note_leftover(connection, key.id, one.epoch, remaining, may_have_become=one.may_have_become)
    doubtful = [name for name in _machines(left) if name not in clean]
    reason = Reason.CANCELLED_UNCONFIRMED if doubtful else Reason.CANCELLED
    message = _message(left, doubtful, why)
    move(
        connection,
        key,
        State.CANCELLED,
        reason=reason,
        name="cancelled",
        actor=actor,
        now=now,
        detail={"message": message},
        worker_id=None,
        finished_at=now,
        message=message,
    )
    append_entry(
        connection,
        actor=actor,
        channel="worker",
        operation="task.outcome",
        object_name=f"task {key.id}",
        outcome="cancelled",
        detail={"reason": str(reason), "epoch": key.epoch},
        now=now,
    )
    return reason


def _message(left: Sequence[Leftover], doubtful: Sequence[str], why: str) -> str:
    numbers = [str(one.number) for one in left]
    whose = f"attempt {numbers[0]}" if len(numbers) == 1 else f"attempts {', '.join(numbers)}"
    if not doubtful:
        return f"cancelled; nothing of {whose} runs any more"
    where = ", ".join(doubtful[:5]) + (f" and {len(doubtful) - 5} more" if doubtful[5:] else "")
    because = f" ({why})" if why else ""
    return f"cancelled; not confirmed that nothing of {whose} still runs on {where}{because}"


def _machines(left: Sequence[Leftover]) -> list[str]:
    return list(dict.fromkeys(name for one in left for name in one.machines))
