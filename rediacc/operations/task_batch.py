"""Creating many tasks together: all are checked first, then one transaction accepts them all."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from rediacc.errors import InvalidInput, RediaccError
from rediacc.monitoring.placement import Outlook
from rediacc.operations.compose import Composed, compose_task
from rediacc.operations.placing import outlook_for, placed, placement_notes
from rediacc.operations.sources import Sources
from rediacc.operations.task_reading import opened_for_reading
from rediacc.operations.tasks import preview_view
from rediacc.queue import reading
from rediacc.queue.submit import Submitted, submit
from rediacc.queue.workers import count_live
from rediacc.requests import TaskBatch
from rediacc.times import utc_now
from rediacc.views import CreatedMany, CreatedOne, TaskView

__all__ = ["MOST_ENTRIES", "create_many"]

MOST_ENTRIES = 10_000
_MOST_NAMED = 1000


def create_many(call: Any, request: TaskBatch) -> CreatedMany:
    """``task.create_many``: accept all entries or none; an error names the entry.

    :raises RediaccError: one entry cannot be accepted, as ``task.create`` says.
    """
    if not 1 <= len(request.entries) <= MOST_ENTRIES:
        raise InvalidInput(f"{len(request.entries)} tasks: must be from 1 to {MOST_ENTRIES}")
    composed = _composed(call, request)
    if request.dry_run:
        return _preview(call, composed)
    read = _Outlooks(call)
    outlooks = [read.of(one) for one in composed]
    detail: dict[str, Any] = {}
    with call.write("", detail) as connection:
        submitted = []
        for number, (one, outlook) in enumerate(zip(composed, outlooks, strict=True), start=1):
            with _entry(number):
                composed[number - 1] = one = placed(one, connection, outlook)
                submitted.append(submit(connection, one.task, rules=call.rules, now=call.now))
        detail |= _detail(composed, submitted)
        views = reading.view_tasks(connection, [one.id for one in submitted])
        alive = count_live(connection, lease_seconds=call.settings.lease_seconds, now=call.now)
    return _answer(call, composed, submitted, views, alive)


def _composed(call: Any, request: TaskBatch) -> list[Composed]:
    sources = Sources(call.settings, call.environment)
    now = utc_now()
    composed = []
    for number, entry in enumerate(request.entries, start=1):
        with _entry(number):
            composed.append(
                compose_task(
                    entry,
                    settings=call.settings,
                    environment=call.environment,
                    created_by=call.caller.name,
                    now=now,
                    gate=call,
                    sources=sources,
                )
            )
    return composed


@contextlib.contextmanager
def _entry(number: int) -> Iterator[None]:
    """Let an error say which entry it is about."""
    try:
        yield
    except RediaccError as exc:
        exc.message = f"entry {number}: {exc.message}"
        exc.args = (exc.message,)
        raise


def _detail(composed: Sequence[Composed], submitted: Sequence[Submitted]) -> dict[str, Any]:
    """Return what the audit keeps: the tasks, their teams, and one digest over all content."""
    digests = "".join(one.task.digest for one in composed)
    return {
        "tasks": [one.id for one in submitted[:_MOST_NAMED]],
        "task_count": len(submitted),
        "new_count": sum(one.is_new for one in submitted),
        "teams": sorted({one.task.team for one in composed}),
        "digest": hashlib.sha256(digests.encode()).hexdigest(),
    }


def _answer(
    call: Any,
    composed: Sequence[Composed],
    submitted: Sequence[Submitted],
    views: dict[int, TaskView],
    alive: int,
) -> CreatedMany:
    tasks = []
    for number, (one, found) in enumerate(zip(composed, submitted, strict=True), start=1):
        notes = (*one.notes, *placement_notes(one)) if found.is_new else ()
        view = views.get(found.id)
        if view is None:
            with opened_for_reading(call, str(found.id)) as (_archive, archived):
                view = archived
        tasks.append(CreatedOne(entry=number, task=view, is_new=found.is_new, notes=notes))
    return CreatedMany(tasks=tuple(tasks), workers_alive=alive)


def _preview(call: Any, composed: Sequence[Composed]) -> CreatedMany:
    """Answer a dry run: nothing is written but the audit's line that somebody asked."""
    now, outlooks, tasks = call.now, _Outlooks(call), []
    with call.database.read() as connection:
        for number, one in enumerate(composed, start=1):
            with _entry(number):
                found = placed(one, connection, outlooks.of(one))
            view = preview_view(found.task, now=now)
            notes = (*found.notes, *placement_notes(found))
            tasks.append(CreatedOne(entry=number, task=view, is_new=True, notes=notes))
        alive = count_live(connection, lease_seconds=call.settings.lease_seconds, now=now)
    return CreatedMany(tasks=tuple(tasks), workers_alive=alive, is_dry_run=True)


class _Outlooks:
    """How the machines of each team are, read once before the tasks are placed."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._by_team: dict[str, Outlook] = {}

    def of(self, composed: Composed) -> Outlook:
        """Return the outlook for a task; an empty one for those that are not to be placed."""
        team = composed.task.team
        if composed.any_count is None:
            return Outlook()
        if team not in self._by_team:
            self._by_team[team] = outlook_for(self._call, composed)
        return self._by_team[team]
