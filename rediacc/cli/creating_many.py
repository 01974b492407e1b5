"""What ``create tasks`` does once its options are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from rediacc.cli.announce import NO_WORKER
from rediacc.cli.neutral import one_line
from rediacc.cli.parse_entries import LARGEST_FILE, read_entries
from rediacc.cli.render.document import document, envelope, to_json
from rediacc.cli.render.output import print_document, print_lines
from rediacc.cli.render.words import count, names
from rediacc.cli.session import Session, View
from rediacc.cli.task_entries import entry_request, task_fields
from rediacc.errors import InvalidInput
from rediacc.requests import TaskBatch
from rediacc.views import CreatedMany

__all__ = ["create_many"]

_MOST_SHOWN = 20


def create_many(
    session: Session, view: View, *, source: str, sort: str | None, is_dry_run: bool
) -> None:
    """Queue all tasks of a file, or show what would be queued."""
    text = _read(session, source)
    entries = read_entries(text, where="--from -" if source == "-" else source, sort=sort)
    now, fields = datetime.now(UTC), task_fields()
    requests = tuple(
        entry_request(session, entry, number=number, fields=fields, now=now)
        for number, entry in enumerate(entries, start=1)
    )
    created: CreatedMany = session.perform(
        "task.create_many", TaskBatch(entries=requests, dry_run=is_dry_run)
    )
    _print(view, created)
    for one in created.tasks:
        for note in one.notes:
            session.tell(f"note: entry {one.entry}: {one_line(note)}")
    if not created.workers_alive and not is_dry_run:
        session.tell(NO_WORKER)


def _print(view: View, created: CreatedMany) -> None:
    if view.output == "name" or (view.is_for_people and view.is_quiet):
        for one in created.tasks:
            click.echo(", ".join(one.task.machines) if created.is_dry_run else str(one.task.id))
    elif view.is_for_people:
        print_lines(_lines(created))
    elif view.output == "jsonl":
        for one in created.tasks:
            click.echo(to_json(document(one), is_line=True))
    else:
        kind = "plans" if created.is_dry_run else "created_tasks"
        print_document(view, envelope(kind, items=document(created.tasks)))


def _lines(created: CreatedMany) -> Iterator[str]:
    total = len(created.tasks)
    new = sum(one.is_new for one in created.tasks)
    if created.is_dry_run:
        yield f"nothing was queued; {count(total, 'task')} would be:"
    elif new:
        first, last = (one(t.task.id for t in created.tasks if t.is_new) for one in (min, max))
        yield f"{count(new, 'task')} created: {first if new == 1 else f'{first} to {last}'}"
    if new < total:
        yield f"{count(total - new, 'task')} existed already"
    for one in created.tasks[:_MOST_SHOWN] if created.is_dry_run else ():
        task = one.task
        machines = one_line(names(task.machines))
        yield f"  {one.entry}  level {task.priority}  {machines}  {one_line(task.title)}"
    if created.is_dry_run and total > _MOST_SHOWN:
        yield f"  and {total - _MOST_SHOWN} more"


def _read(session: Session, source: str) -> str:
    if source == "-":
        return session.read_stdin("--from", limit=LARGEST_FILE).removeprefix("\ufeff")
    session.check_path("--from", source)
    try:
        with Path(source).expanduser().open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as exc:
        raise InvalidInput(f"--from {source}: cannot be read: {exc.strerror}") from exc
    if len(content) > LARGEST_FILE:
        raise InvalidInput(f"--from {source}: larger than {LARGEST_FILE >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"--from {source}: is not UTF-8 text") from exc
