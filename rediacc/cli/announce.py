"""What ``create`` says: which task there is now, and when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from rediacc.cli.neutral import one_line
from rediacc.cli.render.detail import policy_lines
from rediacc.cli.render.fates import state_words
from rediacc.cli.render.measures import placement_lines
from rediacc.cli.render.output import print_item
from rediacc.cli.render.words import clock, count
from rediacc.cli.session import Session, View
from rediacc.values import LEVEL_NAMES, PublicState
from rediacc.views import Created

__all__ = ["announce", "announce_plan", "created_line", "tell_about"]

NO_WORKER = "no worker is running: rediacc worker"


def announce(session: Session, view: View, created: Created, *, now: datetime) -> None:
    """Print the answer of ``create task``, and what the person should know beside it."""
    print_item(
        view,
        created,
        kind="created",
        name=str(created.task.id),
        lines=lambda: [created_line(created, now=now, has_worker=created.workers_alive > 0)],
    )
    tell_about(session, created)


def tell_about(session: Session, created: Created) -> None:
    """Say on standard error what the operation noted, and that no worker is there."""
    for note in created.notes:
        session.tell(f"note: {one_line(note)}")
    if not created.workers_alive and created.task.state is PublicState.PENDING:
        session.tell(NO_WORKER)


def announce_plan(view: View, created: Created, *, now: datetime) -> None:
    """Print what ``--dry-run`` found: nothing was queued."""
    if view.output == "name" or view.is_quiet:
        for machine in created.task.machines:
            click.echo(one_line(machine))
        return
    print_item(view, created, kind="plan", name="", lines=lambda: _plan_lines(created, now=now))


def created_line(created: Created, *, now: datetime, has_worker: bool) -> str:
    """Return the line that tells a person which task there is and when it starts.

    :param has_worker: a worker is there, or comes with this process.
    """
    task = created.task
    if not created.is_new:
        return f"task {task.id} exists already: {one_line(state_words(task))}"
    start = _start(created, now=now, has_worker=has_worker)
    return f"task {task.id} created: level {task.priority}, {start}"


def _start(created: Created, *, now: datetime, has_worker: bool) -> str:
    if created.task.eligible_at > now:
        return f"not before {clock(created.task.eligible_at)}"
    if created.waits:
        return f"waits: {one_line(created.waits[0])}"
    if created.ahead:
        return f"{count(created.ahead, 'task')} ahead"
    return "starts now" if has_worker else "next in the queue"


def _plan_lines(created: Created, *, now: datetime) -> Iterator[str]:
    task = created.task
    if not created.is_new:
        words = one_line(state_words(task))
        yield f"nothing would be queued: task {task.id} exists already: {words}"
        return
    yield "nothing was queued; this is what would be:"
    yield f"{task.kind.value:<10}  {one_line(task.title)}"
    yield f"{'team':<10}  {one_line(task.team)}"
    yield f"{'machines':<10}  {one_line(', '.join(task.machines))} ({len(task.machines)})"
    yield f"{'level':<10}  {task.priority} {LEVEL_NAMES.get(task.priority, '')}"
    start = _start(created, now=now, has_worker=created.workers_alive > 0)
    yield f"{'start':<10}  {start}"
    for note in created.notes:
        yield f"{'note':<10}  {one_line(note)}"
    if created.placement:
        yield ""
        yield "PLACEMENT"
        yield from (f"  {line}" for line in placement_lines(created.placement))
    yield ""
    yield "RETRY POLICY"
    for line in policy_lines(created.policy):
        yield f"  {line}"
