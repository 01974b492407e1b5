"""Operations that show tasks and named tasks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from rediacc.archives.reading import list_archived, opened_task, whereabouts
from rediacc.errors import InvalidInput
from rediacc.queue import reading
from rediacc.queue.expiry import expire, has_expired
from rediacc.queue.output import log_entries
from rediacc.queue.requests import options_from_json
from rediacc.requests import LogRequest, Nothing, TaskFilter, TaskRef
from rediacc.teams.named_tasks import NamedTask, NamedTaskError, list_named_tasks
from rediacc.values import PublicState, Reason
from rediacc.views import LogPage, NamedTaskView, TaskDetail, TaskView

__all__ = ["end_if_expired", "inspect", "list_all", "list_named", "logs", "opened_for_reading"]

_MOST_LISTED = 100_000


def list_all(call: Any, request: TaskFilter) -> tuple[TaskView, ...]:
    """``task.list``: the tasks that fit the filter; the filter holds before the limit."""
    if not 1 <= request.limit <= _MOST_LISTED:
        raise InvalidInput(f"--limit {request.limit}: must be from 1 to {_MOST_LISTED}")
    teams = call.team_filter()
    if request.team is not None:
        call.for_team(request.team)
    if request.is_archived:
        state = call.settings.state_directory
        return list_archived(call.database, state, request, teams=teams)
    with call.database.read() as connection:
        return reading.list_tasks(connection, request, teams=teams)


def inspect(call: Any, request: TaskRef) -> TaskDetail:
    """``task.inspect``: everything about one task."""
    end_if_expired(call, request.id)
    with opened_for_reading(call, request.id) as (connection, view):
        task_id = view.id
        payload, policy, row = reading.payload_of(connection, task_id)
        return TaskDetail(
            task=view,
            options=options_from_json(payload["options"]),
            module_args=payload["module_args"],
            secrets=payload.get("secrets") or {},
            variables=payload["variables"],
            text=payload["text"],
            timeout_seconds=row.timeout_seconds,
            exclusive=reading.is_exclusive(connection, task_id),
            idempotency_key=reading.idempotency_key(connection, task_id),
            revision=row.revision,
            policy=policy,
            attempts=reading.attempts_of(connection, task_id),
            results=reading.results_of(connection, task_id),
            timeline=reading.timeline_of(connection, task_id),
            waits=reading.waits_of(connection, view, live_since=call.live_since),
            message=reading.message_of(connection, task_id),
            expires_at=reading.expires_at(connection, task_id),
        )


def logs(call: Any, request: LogRequest) -> LogPage:
    """``task.logs``: output after a cursor, and how the task stands after it."""
    end_if_expired(call, request.id)
    with opened_for_reading(call, request.id) as (connection, view):
        after = request.cursor or 0
        entries = log_entries(connection, view.id, view.kind, after)
        is_final = view.state not in (PublicState.PENDING, PublicState.RUNNING)
        return LogPage(
            task=view,
            entries=entries,
            cursor=entries[-1].cursor if entries else after,
            is_final=is_final and not entries,
            waits=reading.waits_of(connection, view, live_since=call.live_since),
            is_held=view.reason == Reason.HELD_LOST and not entries,
        )


def end_if_expired(call: Any, name: str) -> None:
    """End tasks whose time has passed when one is looked at: there may be no worker to do it."""
    with call.database.read() as connection:
        if whereabouts(connection, name) is not None:
            return
        task_id = reading.find_id(connection, name)
        call.check_team(reading.team_of(connection, task_id))
        is_due = has_expired(connection, task_id, now=call.now)
    while is_due:
        with call.database.write() as connection:
            expire(connection, now=call.now)
            is_due = has_expired(connection, task_id, now=call.now)


@contextlib.contextmanager
def opened_for_reading(call: Any, name: str) -> Iterator[tuple[Connection, TaskView]]:
    """Give a task, and a connection in which all of it can be read, wherever it lies.

    :raises NotFound: there is no task `name`.
    :raises AccessDenied: the caller may not perform this operation in its team.
    :raises ArchiveDamaged: the file of the archive that holds it is missing or changed.
    """
    with call.database.read() as connection:
        place = whereabouts(connection, name)
        if place is None:
            view = reading.view_task(connection, reading.find_id(connection, name))
            call.check_team(view.team)
            yield connection, view
            return
    call.check_team(place.team)
    with opened_task(call.database, call.settings.state_directory, place) as connection:
        yield connection, replace(reading.view_task(connection, place.task_id), is_archived=True)


def list_named(call: Any, _request: Nothing) -> tuple[NamedTaskView, ...]:
    """``named_task.list``: the files of ``named_tasks/``, with what is wrong with each.

    One for a team is shown to who sees the team; one that cannot be read, to who sees them all.
    """
    teams = call.team_filter()
    return tuple(
        _named_view(named)
        for named in list_named_tasks(call.settings)
        if teams is None or (isinstance(named, NamedTask) and named.team in (None, *teams))
    )


def _named_view(named: NamedTask | NamedTaskError) -> NamedTaskView:
    if isinstance(named, NamedTaskError):
        return NamedTaskView(
            name=named.name,
            description="",
            kind="",
            target="",
            priority=None,
            variables={},
            error=named.message,
        )
    return NamedTaskView(
        name=named.name,
        description=named.description,
        kind=str(named.kind),
        target=named.target,
        priority=named.priority,
        variables={name: asdict(variable) for name, variable in named.variables.items()},
    )
