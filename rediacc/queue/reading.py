"""Reading tasks for people: lists, one task whole, its output. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

from rediacc.errors import Conflict, NotFound
from rediacc.queue.policies import policy_view_from_json
from rediacc.queue.why import explain
from rediacc.requests import TaskFilter
from rediacc.storage.tables.archives import ArchivedTask
from rediacc.storage.tables.tasks import (
    Attempt,
    Event,
    Label,
    Result,
    Task,
    TaskMachine,
    TaskPayload,
)
from rediacc.times import moment, moment_or_none
from rediacc.values import (
    FailureClass,
    Kind,
    MachineOutcome,
    MachineResult,
    Origin,
    PolicyView,
    PublicState,
    Reason,
    State,
)
from rediacc.views import AttemptView, EventView, ResultView, TaskView

__all__ = [
    "ahead_of",
    "ahead_of_level",
    "attempts_of",
    "expires_at",
    "find_id",
    "idempotency_key",
    "is_exclusive",
    "list_tasks",
    "message_of",
    "open_tasks_of_team",
    "payload_of",
    "result_from_row",
    "results_of",
    "team_of",
    "timeline_of",
    "view_of",
    "view_task",
    "view_tasks",
    "views_of",
    "waits_of",
]

_T = Task.__table__  # type: ignore[attr-defined]
_P = TaskPayload.__table__  # type: ignore[attr-defined]
_M = TaskMachine.__table__  # type: ignore[attr-defined]
_L = Label.__table__  # type: ignore[attr-defined]
_A = Attempt.__table__  # type: ignore[attr-defined]
_R = Result.__table__  # type: ignore[attr-defined]
_E = Event.__table__  # type: ignore[attr-defined]
_X = ArchivedTask.__table__  # type: ignore[attr-defined]
_WORKING = (State.CLAIMED, State.STARTED, State.DETACHED, State.STOPPING)
_TURN = case(
    (_T.c.state.in_([int(state) for state in _WORKING]), 0),
    (_T.c.state.in_([int(State.READY), int(State.PARKED)]), 1),
    else_=2,
)
# What is not due yet has no place in its level until it is; it comes last, by its time.
_QUEUE_ORDER = (
    _TURN,
    case((_TURN == 2, _T.c.eligible_at), else_=0),
    _T.c.level,
    _T.c.pass_value,
    _T.c.id,
)
_CHUNK = 5000


def find_id(connection: Connection, name: str) -> int:
    """Return the number of the task that `name` (a number or a UUID) means.

    :raises NotFound: there is none.
    :raises Conflict: it is archived, so that nothing can be done with it but to read it.
    """
    text = name.removeprefix("task/")
    is_number = text.isdecimal() and len(text) < 19
    means = _T.c.id == int(text) if is_number else _T.c.uid == text.lower()
    found = connection.execute(select(_T.c.id).where(means)).scalar_one_or_none()
    if found is not None:
        return int(found)
    means = _X.c.task_id == int(text) if is_number else _X.c.uid == text.lower()
    archived = connection.execute(select(_X.c.task_id).where(means)).scalar_one_or_none()
    if archived is not None:
        raise Conflict(
            f"task {archived} is archived: it can be read, and not changed any more",
            hint="create it again to run it again",
        )
    raise NotFound(f"there is no task {name!r}", hint="rediacc list tasks shows those there are")


def list_tasks(
    connection: Connection, wanted: TaskFilter, *, teams: Sequence[str] | None = None
) -> tuple[TaskView, ...]:
    """Return the tasks that fit `wanted`: newest first, or in queue order.

    :param teams: only tasks of these teams; ``None`` for all.
    """
    query = select(_T)
    if teams is not None:
        query = query.where(_T.c.team.in_(teams))
    states = [state for state in State if state.public in wanted.states]
    if wanted.queue_order and not wanted.states:
        states = [state for state in State if not state.is_final]
    if states:
        query = query.where(_T.c.state.in_([int(state) for state in states]))
    for column, value in (
        (_T.c.team, wanted.team),
        (_T.c.level, wanted.priority),
        (_T.c.created_by, wanted.created_by),
        (_T.c.named, wanted.named),
        (_T.c.idempotency_key, wanted.idempotency_key),
        (_T.c.origin, wanted.origin),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.machine is not None:
        query = query.where(_T.c.id.in_(select(_M.c.task_id).where(_M.c.machine == wanted.machine)))
    for name, value in wanted.labels.items():
        query = query.where(
            _T.c.id.in_(select(_L.c.task_id).where(and_(_L.c.name == name, _L.c.value == value)))
        )
    query = query.order_by(*(_QUEUE_ORDER if wanted.queue_order else (_T.c.id.desc(),)))
    rows = connection.execute(query.limit(wanted.limit)).all()
    return views_of(connection, rows)


def team_of(connection: Connection, task_id: int) -> str:
    """Return the team of a task that exists."""
    return str(connection.execute(select(_T.c.team).where(_T.c.id == task_id)).scalar_one())


def view_task(connection: Connection, task_id: int) -> TaskView:
    """Return one task.

    :raises NotFound: there is none.
    """
    row = connection.execute(select(_T).where(_T.c.id == task_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no task {task_id}")
    return views_of(connection, [row])[0]


def view_tasks(connection: Connection, ids: Sequence[int]) -> dict[int, TaskView]:
    """Return those of these tasks that are in the database, by their numbers."""
    rows: list[Row[Any]] = []
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        rows += connection.execute(select(_T).where(_T.c.id.in_(part))).all()
    return {view.id: view for view in views_of(connection, rows)}


def payload_of(connection: Connection, task_id: int) -> tuple[dict[str, Any], PolicyView, Any]:
    """Return what was asked for, the policy in force, and the payload's row."""
    row = connection.execute(select(_P).where(_P.c.task_id == task_id)).one()
    return dict(row.request), policy_view_from_json(row.policy), row


def ahead_of(connection: Connection, task_id: int) -> int:
    """Return how many pending tasks stand before this one in the queue's order."""
    row = connection.execute(select(_T.c.level, _T.c.pass_value).where(_T.c.id == task_id)).one()
    waiting = _T.c.state.in_([int(State.READY), int(State.PARKED)])
    earlier = (_T.c.level < row.level) | (
        (_T.c.level == row.level)
        & (
            (_T.c.pass_value < row.pass_value)
            | ((_T.c.pass_value == row.pass_value) & (_T.c.id < task_id))
        )
    )
    return int(connection.execute(select(func.count()).where(waiting & earlier)).scalar_one())


def ahead_of_level(connection: Connection, level: int) -> int:
    """Return how many pending tasks would stand before one that queues now at `level`."""
    waiting = _T.c.state.in_([int(State.READY), int(State.PARKED)])
    query = select(func.count()).where(waiting & (_T.c.level <= level))
    return int(connection.execute(query).scalar_one())


def open_tasks_of_team(connection: Connection, team: str) -> int:
    """Return how many tasks of a team are not final."""
    query = select(func.count()).where((_T.c.team == team) & (_T.c.state < int(State.SUCCEEDED)))
    return int(connection.execute(query).scalar_one())


def is_exclusive(connection: Connection, task_id: int) -> bool:
    """Return whether a task keeps everything else off its machines."""
    query = select(_T.c.exclusive).where(_T.c.id == task_id)
    return bool(connection.execute(query).scalar_one())


def expires_at(connection: Connection, task_id: int) -> datetime | None:
    """Return until when a task must have started; ``None`` for any time."""
    query = select(_T.c.expires_at).where(_T.c.id == task_id)
    return moment_or_none(connection.execute(query).scalar_one())


def idempotency_key(connection: Connection, task_id: int) -> str | None:
    """Return the key that a task was submitted under."""
    query = select(_T.c.idempotency_key).where(_T.c.id == task_id)
    key: str | None = connection.execute(query).scalar_one()
    return key


def message_of(connection: Connection, task_id: int) -> str:
    """Return the one line about how a task ended or why it is held."""
    return str(connection.execute(select(_T.c.message).where(_T.c.id == task_id)).scalar_one())


def attempts_of(connection: Connection, task_id: int) -> tuple[AttemptView, ...]:
    """Return the attempts of a task, oldest first."""
    query = select(_A).where(_A.c.task_id == task_id).order_by(_A.c.epoch)
    return tuple(
        AttemptView(
            number=row.number,
            epoch=row.epoch,
            worker=row.worker_id,
            run_id=row.run_id,
            machines=tuple(row.machines),
            claimed_at=moment(row.claimed_at),
            started_at=moment_or_none(row.started_at),
            ended_at=moment_or_none(row.ended_at),
            outcome=row.outcome,
            reason=row.reason,
            message=row.message,
        )
        for row in connection.execute(query).all()
    )


def results_of(connection: Connection, task_id: int) -> tuple[ResultView, ...]:
    """Return the machines' results of a task, oldest first."""
    numbers = {view.epoch: view.number for view in attempts_of(connection, task_id)}
    query = select(_R).where(_R.c.task_id == task_id).order_by(_R.c.id)
    return tuple(
        ResultView(attempt=numbers.get(row.epoch, 0), result=result_from_row(row))
        for row in connection.execute(query).all()
    )


def timeline_of(connection: Connection, task_id: int) -> tuple[EventView, ...]:
    """Return the steps of a task, oldest first."""
    query = select(_E).where(_E.c.task_id == task_id).order_by(_E.c.id)
    return tuple(
        EventView(
            at=moment(row.at),
            name=row.name,
            state=State(row.state).name.lower(),
            reason=row.reason,
            actor=row.actor,
            detail=row.detail,
        )
        for row in connection.execute(query).all()
    )


def result_from_row(row: Row[Any]) -> MachineResult:
    """Return a stored machine's result."""
    detail = row.detail if isinstance(row.detail, dict) else json.loads(row.detail)
    return MachineResult(
        machine=row.machine,
        outcome=MachineOutcome(row.outcome),
        rc=row.rc,
        message=row.message,
        stdout=row.stdout.decode("utf-8", "surrogateescape"),
        stderr=row.stderr.decode("utf-8", "surrogateescape"),
        stdout_bytes=detail["stdout_bytes"],
        stderr_bytes=detail["stderr_bytes"],
        truncated=detail["truncated"],
        started_at=_time(detail["started_at"]),
        finished_at=_time(detail["finished_at"]),
        failure=FailureClass(row.failure) if row.failure else None,
        result=detail["result"],
        counts=detail["counts"],
        delegated_to=tuple(detail["delegated_to"]),
    )


def view_of(row: Row[Any], machines: Sequence[str], labels: dict[str, str]) -> TaskView:
    """Return a task's row as people see it."""
    started, finished = moment_or_none(row.started_at), moment_or_none(row.finished_at)
    # A retry moves the time from which it may start; how long the task queued is settled then.
    queued_from = row.eligible_at if row.queued_from_at is None else row.queued_from_at
    is_timed = row.started_at is not None and row.origin != Origin.HAND
    queued = (row.started_at - queued_from) / 1e6 if is_timed else None
    elapsed = (row.finished_at - row.started_at) / 1e6 if row.started_at and finished else None
    return TaskView(
        id=row.id,
        uid=row.uid,
        team=row.team,
        priority=row.level,
        state=State(row.state).public,
        reason=row.reason,
        kind=Kind(row.kind),
        title=row.title,
        named=row.named,
        machines=tuple(machines),
        labels=labels,
        attempt=row.attempt,
        retries_left=row.retries_left,
        created_by=row.created_by,
        created_at=moment(row.created_at),
        eligible_at=moment(row.eligible_at),
        started_at=started,
        finished_at=finished,
        rc=row.rc,
        queue_seconds=max(0.0, queued) if queued is not None else None,
        elapsed_seconds=elapsed,
        origin=Origin(row.origin),
    )


def views_of(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[TaskView, ...]:
    """Return tasks' rows as people see them, with their machines and labels."""
    machines: dict[int, list[str]] = {row.id: [] for row in rows}
    labels: dict[int, dict[str, str]] = {row.id: {} for row in rows}
    ids = list(machines)
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        targets = select(_M.c.task_id, _M.c.machine).where(_M.c.task_id.in_(part))
        for task_id, name in connection.execute(targets.order_by(_M.c.task_id, _M.c.position)):
            machines[task_id].append(name)
        query = select(_L.c.task_id, _L.c.name, _L.c.value).where(_L.c.task_id.in_(part))
        for task_id, name, value in connection.execute(query.order_by(_L.c.name)):
            labels[task_id][name] = value
    return tuple(view_of(row, machines[row.id], labels[row.id]) for row in rows)


def waits_of(connection: Connection, view: TaskView, *, live_since: int) -> tuple[str, ...]:
    """Return why a pending task or one that is to be stopped waits, in words; else nothing."""
    if view.state is not PublicState.PENDING and view.reason != Reason.CANCELLING:
        return ()
    row = connection.execute(select(_T).where(_T.c.id == view.id)).one()
    return explain(connection, row, view, live_since=live_since)


def _time(value: str | None) -> Any:
    return None if value is None else datetime.fromisoformat(value)
