"""What ``list`` and ``inspect`` do once their options are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import click

from rediacc.cli.parse_words import parse_level, parse_pairs
from rediacc.cli.render.columns import STEP_COLUMNS, task_columns
from rediacc.cli.render.detail import task_lines
from rediacc.cli.render.document import document, envelope, to_json
from rediacc.cli.render.output import print_document, print_items, print_lines
from rediacc.cli.session import Session, View
from rediacc.errors import InvalidInput
from rediacc.requests import StepFilter, TaskFilter, TaskRef
from rediacc.values import Origin, PublicState, StepStatus
from rediacc.views import StepList, TaskDetail

__all__ = ["print_details", "print_steps", "print_tasks", "step_statuses"]

_Word = TypeVar("_Word", bound=StrEnum)


def print_tasks(
    session: Session,
    options: dict[str, Any],
    *,
    is_queue: bool,
    is_archived: bool = False,
    origin: str | None = None,
) -> None:
    """Print the tasks that the filters leave."""
    display = {name: options[name] for name in _DISPLAY}
    view = session.view(**display)
    states = _states(options["states"])
    priority = options["priority"]
    request = TaskFilter(
        states=states or ((PublicState.PENDING,) if is_queue else ()),
        team=options["team"],
        priority=None if priority is None else parse_level(priority),
        machine=options["machine"],
        labels=parse_pairs(options["labels"], option="--label"),
        created_by=options["created_by"],
        named=options["named"],
        limit=options["limit"],
        queue_order=is_queue,
        is_archived=is_archived,
        origin=None if origin is None else Origin(origin),
    )
    print_items(
        view,
        session.perform("task.list", request),
        kind="tasks",
        columns=task_columns(datetime.now(UTC)),
        name=lambda task: str(task.id),
        empty=_empty(is_queue=is_queue and not states, is_archived=is_archived),
    )


def print_steps(session: Session, view: View, request: StepFilter) -> None:
    """Print what each Ansible task did on each machine."""
    answer: StepList = session.perform("task.steps", request)
    print_items(
        view,
        answer.steps,
        kind="steps",
        columns=STEP_COLUMNS,
        name=lambda step: f"{step.attempt}.{step.number}",
        empty="no steps",
    )
    if answer.left_out:
        click.echo(f"{answer.left_out} steps more were too many to keep", err=True)


def step_statuses(words: Sequence[str], *, is_failed: bool) -> tuple[StepStatus, ...]:
    """Return the statuses that the words mean; one word may hold several with commas.

    :param is_failed: whether those of failures are meant too.
    """
    failures = [status.value for status in StepStatus if is_failed and status.is_failure]
    return tuple(_known_words([*words, *failures], StepStatus, option="--status"))


def _empty(*, is_queue: bool, is_archived: bool) -> str:
    if is_archived:
        return "no archived tasks"
    return "the queue is empty" if is_queue else "no tasks"


_DISPLAY = ("output", "columns", "sort", "quiet", "no_headers")


def print_details(session: Session, view: View, ids: Sequence[str]) -> None:
    """Print everything about each task."""
    with session.open_office() as office:
        details: list[TaskDetail] = [
            office.perform("task.inspect", TaskRef(id=task_id)) for task_id in ids
        ]
    if view.output == "name" or (view.is_for_people and view.is_quiet):
        for detail in details:
            click.echo(str(detail.task.id))
    elif view.is_for_people:
        now = datetime.now(UTC)
        for number, detail in enumerate(details):
            print_lines([""] if number else [])
            print_lines(task_lines(detail, now=now, is_wide=view.output == "wide"))
    elif view.output == "jsonl":
        for detail in details:
            click.echo(to_json(document(detail), is_line=True))
    elif len(details) == 1:
        print_document(view, envelope("task", item=document(details[0])))
    else:
        print_document(view, envelope("tasks", items=document(details)))


def _states(words: Sequence[str]) -> tuple[PublicState, ...]:
    """Return the states that the words mean; one word may hold several with commas."""
    return tuple(_known_words(words, PublicState, option="--state"))


def _known_words(words: Sequence[str], kind: type[_Word], *, option: str) -> list[_Word]:
    """Return those of `kind` that the words mean; one word may hold several with commas."""
    found: dict[_Word, None] = {}
    for word in (part.strip().lower() for text in words for part in text.split(",")):
        try:
            found[kind(word)] = None
        except ValueError as exc:
            known = ", ".join(one.value for one in kind)
            what = option.removeprefix("--")
            raise InvalidInput(f"{option}: {word!r} is no {what}", hint=known) from exc
    return list(found)
