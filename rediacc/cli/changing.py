"""What ``update``, ``cancel``, ``retry`` and ``release`` do once their options are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from rediacc.cli.announce import NO_WORKER
from rediacc.cli.complaints import Complaint, complain
from rediacc.cli.neutral import one_line
from rediacc.cli.parse_retry import parse_retry, retry_file, retry_from_options
from rediacc.cli.parse_times import parse_duration, parse_not_before
from rediacc.cli.parse_words import parse_level
from rediacc.cli.render.columns import CHANGE_COLUMNS
from rediacc.cli.render.output import print_items
from rediacc.cli.session import Session, View
from rediacc.cli.waiting import task_ids
from rediacc.errors import ExitCode, InvalidInput
from rediacc.requests import ReleaseRequest, TaskIds, TaskUpdate
from rediacc.views import AlertChange, TaskChange

__all__ = ["change_tasks", "complain_of", "ids_request", "release_request", "update_request"]


def ids_request(words: Sequence[str]) -> TaskIds:
    """Return the request that names only tasks."""
    return TaskIds(ids=task_ids(words))


def release_request(words: Sequence[str], action: str) -> ReleaseRequest:
    """Return the request of ``release task``."""
    return ReleaseRequest(ids=task_ids(words), action=action)


def update_request(
    session: Session,
    words: Sequence[str],
    *,
    priority: str | None,
    timeout: str | None,
    not_before: str | None,
    retry_options: dict[str, Any],
    now: datetime,
) -> TaskUpdate:
    """Return the request of ``update task``.

    :raises InvalidInput: it names no task, two different ones, or no change.
    """
    given: dict[str, Any] = {}
    if retry_options["retry"] is not None:
        name = retry_file(retry_options["retry"])
        if name is not None:
            session.check_path("--retry", name)
        given = parse_retry(
            retry_options["retry"], read_stdin=lambda: session.read_stdin("--retry")
        )
    named = given.pop("taskId", None)
    if named is not None and words:
        raise InvalidInput("the ID and taskId in --retry both select a task: give one")
    if named is not None and not isinstance(named, str):
        raise InvalidInput("--retry: taskId must be a text")
    retry = retry_from_options(retry_options, given)
    if priority is None and timeout is None and not_before is None and not retry:
        raise InvalidInput(
            "nothing to change", hint="give --priority, --timeout, --not-before or --retry..."
        )
    return TaskUpdate(
        ids=task_ids(words if named is None else (named,)),
        priority=None if priority is None else parse_level(priority),
        retry=retry,
        timeout_seconds=None if timeout is None else parse_duration(timeout, option="--timeout"),
        not_before=None if not_before is None else parse_not_before(not_before, now=now),
    )


def change_tasks(session: Session, view: View, operation: str, request: Any) -> int:
    """Perform the operation, print what became of each task, return the first error's code."""
    changes: tuple[TaskChange, ...] = session.perform(operation, request)
    refused = [change for change in changes if change.exit_code]
    if view.is_for_people and not view.is_quiet:
        for change in changes:
            if not change.exit_code:
                click.echo(one_line(f"task {change.id} {change.message}"))
    elif view.output == "name" or view.is_for_people:
        for change in changes:
            if not change.exit_code:
                click.echo(one_line(change.id))
    else:
        print_items(
            view, changes, kind="changes", columns=CHANGE_COLUMNS, name=lambda change: change.id
        )
    if not view.is_quiet and any(change.waits_for_worker for change in changes):
        session.tell(NO_WORKER)
    complain_of(refused, as_json=view.output in ("json", "jsonl"))
    return refused[0].exit_code if refused else int(ExitCode.DONE)


def complain_of(refused: Sequence[TaskChange | AlertChange], *, as_json: bool) -> None:
    """Say what could not be done: a line each, or one JSON object for all."""
    complaints = [
        Complaint(change.message, code=change.code, exit_code=change.exit_code)
        for change in refused
    ]
    if as_json and len(complaints) > 1:
        message = "; ".join(complaint.message for complaint in complaints)
        first = complaints[0]
        complaints = [Complaint(message, code=first.code, exit_code=first.exit_code)]
    for complaint in complaints:
        complain(complaint, as_json=as_json)
