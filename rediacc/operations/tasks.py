"""Operations that make and change tasks."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.monitoring.placement import Outlook
from rediacc.operations.checking import check_priority, check_timeout
from rediacc.operations.compose import Composed, check_follow_up, compose_task
from rediacc.operations.placing import outlook_for, placed, placement_notes
from rediacc.operations.task_changing import change_each
from rediacc.operations.task_reading import opened_for_reading
from rediacc.queue import changes, reading
from rediacc.queue.outlook import obstacles
from rediacc.queue.policies import policy_to_json
from rediacc.queue.submit import NewTask, Submitted, find_existing, submit
from rediacc.queue.workers import count_live
from rediacc.requests import ReleaseRequest, TaskIds, TaskRequest, TaskUpdate
from rediacc.teams.named_tasks import load_named_task
from rediacc.teams.retry_policy import effective_policy
from rediacc.times import micros, moment, utc_now
from rediacc.values import PolicyView, PublicState, Reason
from rediacc.views import Created, TaskChange, TaskView

__all__ = ["cancel", "create", "preview_view", "release", "retry", "update"]

_CANCEL_WORDS = {
    "cancelled": "cancelled",
    "stopping": "is being stopped",
    "stopping left": "is being stopped: an earlier attempt may have left something running",
}


def create(call: Any, request: TaskRequest) -> Created:
    """``task.create``: accept a task; it is committed and synced when this returns."""
    composed = compose_task(
        request,
        settings=call.settings,
        environment=call.environment,
        created_by=call.caller.name,
        now=utc_now(),
        gate=call,
    )
    outlook = outlook_for(call, composed)
    if request.dry_run:
        return _preview(call, composed, outlook)
    detail: dict[str, Any] = {}
    with call.write("", detail) as connection:
        composed = placed(composed, connection, outlook)
        task = composed.task
        detail |= {
            "team": task.team,
            "kind": str(task.kind),
            "priority": task.level,
            "machines": list(task.machines[:100]),
            "machine_count": len(task.machines),
            "digest": task.digest,
        }
        submitted = submit(connection, task, rules=call.rules, now=call.now)
        call.concerns(f"task {submitted.id}")
        detail |= {"task": submitted.id, "is_new": submitted.is_new}
        alive = count_live(connection, lease_seconds=call.settings.lease_seconds, now=call.now)
        if submitted.archive_id is None:
            view = reading.view_task(connection, submitted.id)
            waits = _waits(call, connection, view) if submitted.is_new else ()
            created = _created(connection, view, submitted, composed, alive=alive)
            return replace(created, waits=waits)
    with opened_for_reading(call, str(submitted.id)) as (archive, view):
        return _created(archive, view, submitted, composed, alive=alive)


def _created(
    connection: Connection,
    view: TaskView,
    submitted: Submitted,
    composed: Composed,
    *,
    alive: int,
) -> Created:
    """Return what there is to say of a task that was just submitted, or that was there before."""
    _payload, policy, _row = reading.payload_of(connection, submitted.id)
    return Created(
        task=view,
        is_new=submitted.is_new,
        ahead=reading.ahead_of(connection, submitted.id),
        workers_alive=alive,
        policy=policy,
        notes=(*composed.notes, *placement_notes(composed)) if submitted.is_new else (),
        placement=composed.placement if submitted.is_new else (),
    )


def _preview(call: Any, composed: Composed, outlook: Outlook) -> Created:
    """Answer a dry run: nothing is written but the audit's line that somebody asked.

    :raises Conflict: the key or UUID names a task with other content.
    """
    now = call.now
    with call.database.read() as connection:
        alive = count_live(connection, lease_seconds=call.settings.lease_seconds, now=now)
        existing = find_existing(connection, composed.task)
        if existing is None:
            composed = placed(composed, connection, outlook)
            view = preview_view(composed.task, now=now)
            return Created(
                task=view,
                is_new=True,
                ahead=reading.ahead_of_level(connection, composed.task.level),
                workers_alive=alive,
                policy=composed.policy,
                notes=composed.notes,
                placement=composed.placement,
                waits=_waits(call, connection, view),
            )
        if existing.archive_id is None:
            view = reading.view_task(connection, existing.id)
            return _created(connection, view, existing, composed, alive=alive)
    with opened_for_reading(call, str(existing.id)) as (archive, view):
        return _created(archive, view, existing, composed, alive=alive)


def _waits(call: Any, connection: Connection, view: TaskView) -> tuple[str, ...]:
    """Return what keeps a task that could start now from doing so."""
    if view.reason != Reason.QUEUED:
        return ()
    return obstacles(
        connection,
        view.machines,
        team=view.team,
        level=view.priority,
        rules=call.rules,
        now=call.now,
        task_id=view.id or None,
    )


def preview_view(task: NewTask, *, now: int) -> TaskView:
    """Return a task as a list would show it had it been queued; its number is 0."""
    return TaskView(
        id=0,
        uid=task.uid,
        team=task.team,
        priority=task.level,
        state=PublicState.PENDING,
        reason=str(Reason.QUEUED if task.eligible_at <= now else Reason.SCHEDULED),
        kind=task.kind,
        title=task.title,
        named=task.named,
        machines=task.machines,
        labels=dict(task.labels),
        attempt=0,
        retries_left=task.retries,
        created_by=task.created_by,
        created_at=moment(now),
        eligible_at=moment(max(task.eligible_at, now)),
        started_at=None,
        finished_at=None,
        rc=None,
        queue_seconds=None,
        elapsed_seconds=None,
    )


def cancel(call: Any, request: TaskIds) -> tuple[TaskChange, ...]:
    """``task.cancel``: pending tasks end at once, running ones are stopped."""

    def change(connection: Connection, task_id: int) -> str:
        done = changes.cancel(connection, task_id, actor=call.caller.name, now=call.now)
        return _CANCEL_WORDS[done]

    return change_each(call, request.ids, change)


def retry(call: Any, request: TaskIds) -> tuple[TaskChange, ...]:
    """``task.retry``: failed or cancelled tasks go back, for machines that did not succeed."""

    def change(connection: Connection, task_id: int) -> str:
        _check_present_level(call, connection, task_id)
        changes.retry(connection, task_id, rules=call.rules, actor=call.caller.name, now=call.now)
        return "queued again"

    return change_each(call, request.ids, change)


def release(call: Any, request: ReleaseRequest) -> tuple[TaskChange, ...]:
    """``task.release``: a person decides about held tasks."""
    if request.action not in ("retry", "fail"):
        raise InvalidInput(f"release as {request.action!r}: must be retry or fail")

    def change(connection: Connection, task_id: int) -> str:
        if request.action == "retry":
            _check_present_level(call, connection, task_id)
        changes.release(
            connection,
            task_id,
            action=request.action,
            rules=call.rules,
            actor=call.caller.name,
            now=call.now,
        )
        return "queued again" if request.action == "retry" else "failed"

    return change_each(call, request.ids, change)


def _check_present_level(call: Any, connection: Connection, task_id: int) -> None:
    """Pass when the caller may give the task the level that it has: it is queued again with it."""
    view = reading.view_task(connection, task_id)
    call.check_level(view.team, view.priority)


def update(call: Any, request: TaskUpdate) -> tuple[TaskChange, ...]:
    """``task.update``: change what a pending task asks of the queue."""
    check_priority(request.priority)
    check_timeout(request.timeout_seconds)
    given = (request.priority, request.timeout_seconds, request.not_before)
    if not request.retry and all(value is None for value in given):
        raise InvalidInput("nothing to change: give --priority, --timeout, --not-before or --retry")

    for team in _teams_of(call, request.ids) if request.retry else ():
        check_follow_up(request.retry, gate=call, environment=call.environment, team=team)

    def change(connection: Connection, task_id: int) -> str:
        if request.priority is not None:
            call.check_level(reading.team_of(connection, task_id), request.priority)
        policy = _new_policy(call, connection, task_id, request) if request.retry else None
        changes.update_pending(
            connection,
            task_id,
            level=request.priority,
            policy=policy_to_json(policy) if policy else None,
            timeout_seconds=request.timeout_seconds,
            eligible_at=micros(request.not_before) if request.not_before else None,
            rules=call.rules,
            actor=call.caller.name,
            now=call.now,
        )
        return "updated"

    return change_each(call, request.ids, change)


def _teams_of(call: Any, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the teams of those of these tasks that there are and that the caller may change."""
    teams = set()
    with call.database.read() as connection:
        for name in ids:
            with contextlib.suppress(NotFound, Conflict):
                teams.add(reading.team_of(connection, reading.find_id(connection, name)))
    return tuple(sorted(teams & set(call.settings.teams)))


def _new_policy(call: Any, connection: Connection, task_id: int, request: TaskUpdate) -> PolicyView:
    view = reading.view_task(connection, task_id)
    named = load_named_task(call.settings, view.named) if view.named else None
    return effective_policy(
        call.settings,
        request_retry=request.retry,
        named_retry=named.retry if named else {},
        named=view.named,
        kind=view.kind,
        team=view.team,
        priority=request.priority or view.priority,
        on_lost=None,
        named_on_lost=named.on_lost if named else None,
    )
