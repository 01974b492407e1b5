"""What ``wait`` and ``logs`` do once their options are read."""

from __future__ import annotations

from collections.abc import Sequence

import click

from rediacc.cli.attend import detached, ending_line, results_of, tell_waits
from rediacc.cli.follow import Followed, Patience, follow
from rediacc.cli.log_lines import LogPrinter
from rediacc.cli.outcome import worst
from rediacc.cli.parse_times import parse_duration
from rediacc.cli.render.document import document, envelope, to_json
from rediacc.cli.render.output import print_document
from rediacc.cli.session import Office, Session, View
from rediacc.errors import ExitCode, InvalidInput
from rediacc.requests import LogRequest
from rediacc.views import LogEntry, LogPage

__all__ = ["show_logs", "task_ids", "wait_for"]

_MOST_IDS = 10_000


def task_ids(words: Sequence[str]) -> tuple[str, ...]:
    """Return the ids among the words after a verb, each once; a leading noun is no id.

    :raises InvalidInput: there are none, or far too many.
    """
    words = words[1:] if words and words[0] in ("task", "tasks", "queue") else words
    ids = tuple(dict.fromkeys(word.removeprefix("task/").strip() for word in words))
    if not ids or not all(ids):
        raise InvalidInput("which task? give its number or UUID", hint="see rediacc list tasks")
    if len(ids) > _MOST_IDS:
        raise InvalidInput(f"more than {_MOST_IDS} tasks at once")
    return ids


def wait_for(
    session: Session, view: View, words: Sequence[str], *, wait_timeout: str | None
) -> int:
    """Wait for all tasks and return the worst of their exit codes."""
    ids = task_ids(words)
    seconds = (
        None
        if wait_timeout is None
        else parse_duration(wait_timeout, option="--wait-timeout", allow_zero=True)
    )
    patience = Patience(seconds)
    ended: dict[str, Followed] = {}
    with session.open_office() as office:
        _check_all_exist(office, ids)
        try:
            for task_id in ids:
                ended[task_id] = _wait_for_one(session, view, office, task_id, patience)
        except KeyboardInterrupt:
            detached(session, ids[len(ended) :])
            return int(ExitCode.DETACHED)
    if view.output in ("json", "yaml"):
        print_document(
            view, envelope("tasks", items=[document(one.task) for one in ended.values()])
        )
    return int(worst(one.exit_code for one in ended.values()))


def _check_all_exist(office: Office, ids: Sequence[str]) -> None:
    """Find out that one of several is misspelt before, not after, waiting for the others."""
    if len(ids) > 1:
        for task_id in ids:
            follow(office, task_id, patience=Patience(0.0))


def _wait_for_one(
    session: Session, view: View, office: Office, task_id: str, patience: Patience
) -> Followed:
    followed = follow(
        office,
        task_id,
        patience=patience,
        on_wait=None if view.is_quiet else lambda page: tell_waits(session, page),
        on_reminder=None if view.is_quiet else lambda page: tell_waits(session, page),
    )
    if view.output == "jsonl":
        click.echo(to_json(document(followed.task), is_line=True))
    elif view.output == "name":
        click.echo(str(followed.task.id))
    elif view.is_for_people and not view.is_quiet:
        click.echo(ending_line(followed, results_of(office, followed)))
    return followed


def show_logs(
    session: Session, view: View, words: Sequence[str], *, is_followed: bool, is_raw: bool
) -> int:
    """Print the output of one task, to its end where it is followed."""
    ids = task_ids(words)
    if len(ids) > 1:
        raise InvalidInput("logs shows one task at a time")
    if view.output in ("json", "yaml"):
        return _print_log_document(session, view, ids[0], is_followed=is_followed)
    with session.open_office() as office:
        printer = LogPrinter(view, is_raw=is_raw)
        patience = Patience(None if is_followed else 0.0)
        try:
            followed = follow(
                office,
                ids[0],
                patience=patience,
                on_entries=printer,
                on_wait=None if view.is_quiet else lambda page: tell_waits(session, page),
                on_reminder=None if view.is_quiet else lambda page: tell_waits(session, page),
            )
        except KeyboardInterrupt:
            detached(session, ids)
            return int(ExitCode.DETACHED)
        if is_followed and view.is_for_people and not view.is_quiet:
            session.tell(ending_line(followed, results_of(office, followed)))
    return int(ExitCode.DONE)


def _print_log_document(session: Session, view: View, task_id: str, *, is_followed: bool) -> int:
    if is_followed:
        raise InvalidInput("--follow has no end that a document could close", hint="say -o jsonl")
    entries: list[LogEntry] = []
    cursor: int | None = None
    with session.open_office() as office:
        while True:
            page: LogPage = office.perform("task.logs", LogRequest(id=task_id, cursor=cursor))
            if not page.entries:
                break
            entries.extend(page.entries)
            cursor = page.cursor
    items = [document(entry) for entry in entries]
    print_document(view, envelope("log", task=document(page.task), items=items))
    return int(ExitCode.DONE)
