"""Staying with a task until its end, and exiting with its outcome: ``run``, ``--wait``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import click

from rediacc.cli.follow import Followed, Patience, follow
from rediacc.cli.neutral import one_line
from rediacc.cli.outcome import remote_exit_code
from rediacc.cli.render.detail import result_lines
from rediacc.cli.render.document import document, envelope, to_json
from rediacc.cli.render.fates import fate, last_results, state_words
from rediacc.cli.render.output import print_document
from rediacc.cli.render.words import duration
from rediacc.cli.session import Office, Session, View
from rediacc.errors import ExitCode
from rediacc.requests import Nothing, TaskRef
from rediacc.values import MachineOutcome, PublicState
from rediacc.views import Created, LogEntry, LogPage, ResultView, TaskDetail, TaskView

__all__ = [
    "Wish",
    "attend",
    "detached",
    "ending_line",
    "exit_code_after",
    "print_ending",
    "results_of",
    "stay",
    "tell_waits",
    "trust_advice",
]

# What OpenSSH says of a key that it does not know, or knows otherwise.
_HOST_KEY = "Host key verification failed"
_MOST_NAMES = 5
# How often one who would bring a worker looks whether one is there.
_LOOK_SECONDS = 2.0


class Wish:
    """What the person wants of the wait.

    :param printer: prints the task's output as it comes; ``None`` where none is shown.
    :param shows_output: whether the output was to be shown, in whatever form.
    :param brings_worker: whether a worker of our own runs the task when there is none.
    :param finds_changes: exit 20 when a check found changes.
    :param wants_remote: exit with the command's own code.
    """

    def __init__(
        self,
        *,
        wait_timeout_seconds: float | None = None,
        shows_output: bool = False,
        brings_worker: bool = False,
        finds_changes: bool = False,
        wants_remote: bool = False,
        printer: Callable[[LogPage, Sequence[LogEntry]], None] | None = None,
    ) -> None:
        self.wait_timeout_seconds = wait_timeout_seconds
        self.shows_output = shows_output
        self.brings_worker = brings_worker
        self.finds_changes = finds_changes
        self.wants_remote = wants_remote
        self.printer = printer


def attend(session: Session, view: View, office: Office, created: Created, wish: Wish) -> int:
    """Stay with the task until it ends, print how it did, and return the exit code."""
    try:
        followed = stay(session, view, office, created, wish)
    except KeyboardInterrupt:
        detached(session, [str(created.task.id)])
        return int(ExitCode.DETACHED)
    detail: TaskDetail = office.perform("task.inspect", TaskRef(id=str(created.task.id)))
    code = exit_code_after(followed, detail, wish)
    print_ending(session, view, followed, detail, code, shows_output=wish.shows_output)
    return code


def stay(
    session: Session,
    view: View,
    office: Office,
    created: Created,
    wish: Wish,
    *,
    is_interrupted: Callable[[], bool] | None = None,
    on_interrupt: Callable[[Followed], bool] | None = None,
) -> Followed:
    """Follow the task until it has ended, is held, or the wait is over.

    :param is_interrupted: says when a signal asks this process to end.
    :param on_interrupt: answers that signal; returns whether to go on following.
    """
    task_id = str(created.task.id)
    may_bring = wish.brings_worker and not session.is_through_sudo
    if wish.brings_worker and not created.workers_alive and not may_bring:
        # A worker of one's own would run, with the account's rights, in one's own surroundings.
        session.tell("no worker is running, and through sudo none is started: the task waits")
    patience = Patience(wish.wait_timeout_seconds)
    cursor: int | None = None
    with ExitStack() as stack:
        own = _OwnWorker(session, office, created.task, stack) if may_bring else None
        if own is not None and not created.workers_alive:
            own.bring()
        while True:
            followed = follow(
                office,
                task_id,
                patience=patience,
                on_entries=wish.printer,
                on_wait=None
                if view.is_quiet
                else lambda page: tell_waits(
                    session, page, knows_of_worker=not created.workers_alive
                ),
                on_reminder=None if view.is_quiet else lambda page: tell_waits(session, page),
                is_abandoned=None if own is None else own.is_lost,
                is_interrupted=is_interrupted,
                cursor=cursor,
            )
            cursor = followed.cursor
            if on_interrupt is None or not followed.is_interrupted or not on_interrupt(followed):
                return followed


def detached(session: Session, task_ids: Sequence[str]) -> None:
    """Tell a person who pressed Ctrl-C that the tasks go on, and how to come back."""
    noun = "task" if len(task_ids) == 1 else "tasks"
    back = (
        f"rediacc logs -f {task_ids[0]}"
        if len(task_ids) == 1
        else f"rediacc wait {' '.join(task_ids)}"
    )
    session.tell(f"detached: {noun} {', '.join(task_ids)} not cancelled; come back with: {back}")


def tell_waits(session: Session, page: LogPage, *, knows_of_worker: bool = False) -> None:
    """Say why a task waits.

    :param knows_of_worker: the person knows already whether a worker is there.
    """
    for reason in page.waits:
        if not (knows_of_worker and reason.startswith("no worker")):
            session.tell(f"task {page.task.id} waits: {one_line(reason)}")


def ending_line(followed: Followed, results: Sequence[ResultView]) -> str:
    """Return one line on how a task stands after the wait.

    :param results: each machine's last result, where it ended.
    """
    task = followed.task
    if followed.is_held and not followed.is_final:
        return (
            f"task {task.id} is held, its end unknown: "
            f"rediacc release task {task.id} --retry (or --fail)"
        )
    if not followed.is_final:
        return f"the wait ran out; task {task.id} goes on ({one_line(state_words(task))})"
    took = f" in {duration(task.elapsed_seconds)}" if task.elapsed_seconds is not None else ""
    return f"task {task.id} {one_line(fate(task, results))}{took}"


def trust_advice(results: Sequence[ResultView]) -> str:
    """Return what to do about machines whose host key SSH refused; empty where there are none."""
    names = [one_line(one.result.machine) for one in results if _HOST_KEY in one.result.message]
    if not names:
        return ""
    which = " ".join(names) if len(names) <= _MOST_NAMES else "--unknown"
    return f"nobody recorded the host key, or it changed: rediacc trust machine {which}"


def results_of(office: Office, followed: Followed) -> list[ResultView]:
    """Return each machine's last result where a line about the end speaks of machines."""
    if followed.task.state is not PublicState.FAILED or len(followed.task.machines) < 2:
        return []
    detail: TaskDetail = office.perform("task.inspect", TaskRef(id=str(followed.task.id)))
    return last_results(detail.results)


class _OwnWorker:
    """A worker of our own for a task: brought when no other one is there, also later.

    A worker that was there may be another ``run``'s own, which leaves when its task has ended.
    """

    def __init__(self, session: Session, office: Office, task: TaskView, stack: ExitStack) -> None:
        self._session = session
        self._office = office
        self._task = task
        self._stack = stack
        self._process: Any = None
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def bring(self) -> None:
        """Start it; it ends by itself when the task has ended."""
        from rediacc.worker.main import run_temporary_worker

        self._process = self._stack.enter_context(
            run_temporary_worker(self._session.home(), self._task.id, self._session.environment)
        )

    def is_lost(self) -> bool:
        """Look for a worker and bring one where there is none.

        :return: whether the one that was brought has ended, and no other one is there.
        """
        if self._process is not None:
            return self._process.poll() is not None and not self._has_another()
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_SECONDS
        if not self._has_another():
            self.bring()
        return False

    def _has_another(self) -> bool:
        workers = self._office.perform("worker.list", Nothing())
        return any(worker.is_alive for worker in workers)


def exit_code_after(followed: Followed, detail: TaskDetail, wish: Wish) -> int:
    """Return the exit code that the person wished for, as the task ended or stands."""
    if not followed.is_final:
        return int(followed.exit_code)
    if wish.wants_remote:
        return remote_exit_code(followed.task)
    if (
        wish.finds_changes
        and followed.task.state is PublicState.SUCCEEDED
        and any(_has_changes(one) for one in last_results(detail.results))
    ):
        return int(ExitCode.CHANGES_FOUND)
    return int(followed.exit_code)


def _has_changes(one: ResultView) -> bool:
    return one.result.outcome is MachineOutcome.CHANGED or one.result.counts.get("changed", 0) > 0


def print_ending(
    session: Session,
    view: View,
    followed: Followed,
    detail: TaskDetail,
    code: int,
    *,
    shows_output: bool,
) -> None:
    """Print how the task ended or stands: a document, or a few lines for people."""
    results = last_results(detail.results)
    if view.output in ("json", "yaml", "jsonl"):
        content = {
            "task": document(detail.task),
            "results": document(results),
            "message": detail.message,
            "exit_code": code,
        }
        if view.output == "jsonl":
            click.echo(to_json(content, is_line=True))
        else:
            print_document(view, envelope("outcome", item=content))
    if not view.is_for_people or view.is_quiet:
        return
    if results and not shows_output:
        for line in result_lines(results):
            session.tell(line)
    if detail.message and followed.task.state is PublicState.FAILED:
        session.tell(one_line(detail.message))
    advice = trust_advice(results)
    if advice:
        session.tell(advice)
    session.tell(ending_line(followed, results))
    if code == ExitCode.CHANGES_FOUND:
        number = sum(_has_changes(one) for one in results)
        session.tell(f"{number} of {len(results)} machines would change (exit code {code})")
