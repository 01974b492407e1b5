"""Plays that nobody queued: written as tasks that are over, in transactions that stay short.

They are in no counter, and nothing of them is told: the queue had no part in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from rediacc.errors import Conflict
from rediacc.queue.outcome import Conclusion, Ending, MachineEnd, conclude
from rediacc.queue.policies import policy_to_json
from rediacc.queue.results import result_row, storable
from rediacc.queue.steps import STEPS_AT_ONCE, chosen, standing_of, store_steps
from rediacc.queue.transitions import insert_event
from rediacc.storage.tables.tasks import (
    Attempt,
    Output,
    Result,
    Task,
    TaskMachine,
    TaskPayload,
)
from rediacc.values import (
    DEFAULT_LEVEL,
    Kind,
    MachineResult,
    OnLost,
    Origin,
    PolicyView,
    Reason,
    RetryPolicy,
    Step,
)

__all__ = ["PlayedTask", "add_rest", "conclusion_of", "find_played", "record_played"]

_EPOCH = 1
_POLICY = RetryPolicy(failure_action="none", on_lost=OnLost.FAIL)
_TASK = Task.__table__.insert().returning(Task.__table__.c.id)  # type: ignore[attr-defined]
_PAYLOAD = TaskPayload.__table__.insert()  # type: ignore[attr-defined]
_MACHINE = TaskMachine.__table__.insert()  # type: ignore[attr-defined]
_ATTEMPT = Attempt.__table__.insert()  # type: ignore[attr-defined]
_OUTPUT = Output.__table__.insert()  # type: ignore[attr-defined]
_RESULT = Result.__table__.insert()  # type: ignore[attr-defined]
_BY_UID = text(
    "SELECT id, team, origin, created_by, 0 AS is_archived FROM task WHERE uid = :uid "
    "UNION ALL SELECT task_id, team, '', '', 1 FROM archived_task WHERE uid = :uid"
)
_STORED = text("SELECT COUNT(*) FROM result WHERE task_id = :id")


@dataclass(frozen=True, kw_only=True)
class PlayedTask:
    """A play as it is written; times in microseconds.

    :param uid: names the play for ever: it is written once.
    :param created_by: who ran it.
    :param detail: how it was started, for the timeline.
    :param failure_reason: why it counts as failed whatever its machines told.
    :param message: one line about how it ended.
    """

    uid: str
    team: str
    kind: Kind
    title: str
    request: Mapping[str, Any]
    created_by: str
    started_at: int
    ended_at: int
    results: Sequence[MachineResult]
    steps: Sequence[Step]
    log: str
    detail: Mapping[str, Any]
    failure_reason: Reason | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Played:
    """A play that is written.

    :param is_archived: whether it left the database already.
    """

    task_id: int
    is_archived: bool


def conclusion_of(task: PlayedTask) -> Conclusion:
    """Return how a play ended: as a task of the queue with these results would have."""
    ends = {
        result.machine: MachineEnd(outcome=result.outcome, failure=result.failure, rc=result.rc)
        for result in task.results
    }
    return conclude(
        Ending.FINISHED,
        ends,
        policy=_POLICY,
        retries_left=0,
        attempt=1,
        level=DEFAULT_LEVEL,
        losses=0,
        max_losses=1,
        is_confirmed=True,
        is_cancel_asked=False,
        failure_reason=task.failure_reason,
    )


def find_played(connection: Connection, task: PlayedTask) -> Played | None:
    """Return the task that this play is already, if it is one.

    :raises Conflict: its id names another's task.
    """
    row = connection.execute(_BY_UID, {"uid": task.uid}).one_or_none()
    if row is None:
        return None
    if not row.is_archived:
        mine = (str(Origin.HAND), task.team, task.created_by)
        if (row.origin, row.team, row.created_by) != mine:
            raise Conflict(f"{task.uid} already names task {row.id}, which is no such play")
    return Played(task_id=int(row.id), is_archived=bool(row.is_archived))


def record_played(connection: Connection, task: PlayedTask, *, actor: str, now: int) -> int:
    """Write a play that is not written yet; return its number.

    Of its results and steps as many as one short transaction may; :func:`add_rest` adds the rest.
    """
    conclusion = conclusion_of(task)
    state, reason = conclusion.state, str(conclusion.reason)
    message = storable(task.message)
    task_id = int(
        connection.execute(
            _TASK,
            {
                "uid": task.uid,
                "team": task.team,
                "kind": str(task.kind),
                "title": storable(task.title),
                "level": DEFAULT_LEVEL,
                "pass_value": 0,
                "state": int(state),
                "reason": reason,
                "message": message,
                "created_at": task.started_at,
                "eligible_at": task.started_at,
                "started_at": task.started_at,
                "queued_from_at": task.started_at,
                "finished_at": task.ended_at,
                "created_by": task.created_by,
                "attempt": 1,
                "losses": 0,
                "retries_left": 0,
                "epoch": _EPOCH,
                "exclusive": False,
                "rc": conclusion.rc,
                "digest": "",
                "origin": str(Origin.HAND),
            },
        ).scalar_one()
    )
    policy = policy_to_json(PolicyView(policy=_POLICY, origins={}))
    connection.execute(
        _PAYLOAD, {"task_id": task_id, "request": dict(task.request), "policy": policy}
    )
    machines = [storable(result.machine) for result in task.results]
    connection.execute(
        _ATTEMPT,
        {
            "task_id": task_id,
            "epoch": _EPOCH,
            "number": 1,
            "worker_id": "",
            "machines": machines,
            "claimed_at": task.started_at,
            "started_at": task.started_at,
            "ended_at": task.ended_at,
            "outcome": str(Ending.FINISHED) if task.failure_reason is None else reason,
            "reason": reason,
            "message": message,
        },
    )
    if machines:
        rows = [
            {
                "task_id": task_id,
                "machine": name,
                "position": position,
                "outcome": str(result.outcome),
            }
            for position, (name, result) in enumerate(zip(machines, task.results, strict=True))
        ]
        connection.execute(_MACHINE, rows)
    if task.log:
        log = storable(task.log).encode()
        values = {"task_id": task_id, "epoch": _EPOCH, "at": task.ended_at, "text": log}
        connection.execute(_OUTPUT, values)
    insert_event(
        connection,
        task_id=task_id,
        epoch=_EPOCH,
        now=now,
        name="recorded",
        state=state,
        reason=reason,
        actor=actor,
        detail=task.detail,
    )
    add_rest(connection, task_id, task, now=now)
    return task_id


def add_rest(connection: Connection, task_id: int, task: PlayedTask, *, now: int) -> bool:
    """Add some of what is not stored yet of a play's results and steps.

    :return: whether there was any; then there may be more.
    """
    stored = int(connection.execute(_STORED, {"id": task_id}).scalar_one())
    results = task.results[stored : stored + STEPS_AT_ONCE]
    if results:
        # Rows are found by their time, which grows with their number: it is that of the writing.
        rows = [result_row(task_id, _EPOCH, one, now=now) for one in results]
        connection.execute(_RESULT, rows)
    standing = standing_of(connection, task_id, _EPOCH)
    left = [step for step in task.steps if step.number > standing.read]
    room = STEPS_AT_ONCE - len(results)
    if left and room:
        kept, standing = chosen(left[:room], standing)
        store_steps(connection, task_id, _EPOCH, kept, now=standing)
    return bool(results or left)
