"""What ``run`` does once its options are read: queue, follow, tell, exit with the outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from rediacc.cli.announce import created_line
from rediacc.cli.attend import (
    Wish,
    detached,
    ending_line,
    exit_code_after,
    print_ending,
    stay,
    trust_advice,
)
from rediacc.cli.creating import wish_from_options
from rediacc.cli.follow import Followed
from rediacc.cli.neutral import one_line
from rediacc.cli.pipeline.gather import refusal_report, report_of
from rediacc.cli.pipeline.model import RunReport
from rediacc.cli.pipeline.reporter import Reporter, runner_of
from rediacc.cli.pipeline.signals import Signals
from rediacc.cli.render.fates import last_results, state_words
from rediacc.cli.requesting import task_request
from rediacc.cli.session import Office, Session, View
from rediacc.errors import ExitCode, InvalidInput, RediaccError
from rediacc.requests import StepFilter, TaskIds, TaskRef
from rediacc.views import Created, StepList, TaskChange, TaskDetail

__all__ = ["run_task"]

_UNKNOWN = "this process ended before the outcome was known"
_KINDS = ("command", "shell", "module", "playbook")


def run_task(
    session: Session,
    view: View,
    options: dict[str, Any],
    *,
    wait_timeout: str | None,
    exit_code: bool,
    exit_status: str,
    junit: str | None,
    summary: str | None,
    ci: str,
    on_signal: str | None,
) -> int:
    """Queue a task, follow it with its output, and return its outcome."""
    runner = runner_of(session, ci)
    reporter = Reporter(session, view, runner, junit=junit, summary=summary)

    def wish() -> Wish:
        found = wish_from_options(options, wait_timeout, exit_code, exit_status)
        found.printer = reporter.printer(view)
        found.shows_output = found.brings_worker = True
        return found

    # Who cancels a pipeline means what it runs; who presses Ctrl-C may only want the prompt back.
    cancels = (on_signal or ("detach" if runner == "none" else "cancel")) == "cancel"
    with Signals() as signals:
        running = _Running(session, view, reporter, signals, cancels=cancels)
        return running.run(options, wish)


class _Running:
    """One run from the options to the exit code."""

    def __init__(
        self,
        session: Session,
        view: View,
        reporter: Reporter,
        signals: Signals,
        *,
        cancels: bool,
    ) -> None:
        self._session, self._view = session, view
        self._reporter, self._signals, self._cancels = reporter, signals, cancels
        self._home: Path | None = None
        self._task_id = 0
        self._signal = ""
        self._has_cancelled = False

    def run(self, options: dict[str, Any], wish: Callable[[], Wish]) -> int:
        """Do it all; whatever happens, the pipeline is told.

        :param wish: gives what the options say of the wait.
        :raises RediaccError: the task was not queued, or its end cannot be learnt.
        """
        kind, title = _named(options)
        self._reporter.draft(self._unknown(kind, title))
        try:
            return self._run(options, kind, wish())
        except RediaccError as error:
            report = refusal_report(
                title,
                kind,
                message=error.message,
                hint=error.hint,
                exit_code=int(error.exit_code),
                task_id=self._task_id,
            )
            self._reporter.tell(report, home=self._home)
            raise
        finally:
            self._reporter.end_log()
            self._session.teller = None

    def _run(self, options: dict[str, Any], kind: str, wish: Wish) -> int:
        session, view = self._session, self._view
        now = datetime.now(UTC)
        request = task_request(session, options, now=now, is_dry_run=False)
        self._home = session.home()
        if self._cancels:
            # From here on a task may be there that would have to be cancelled.
            self._signals.listen()
        with session.open_office() as office:
            created: Created = office.perform("task.create", request)
            self._signals.listen()
            self._task_id = created.task.id
            self._redraft(self._unknown(kind, created.task.title))
            if view.output == "name":
                click.echo(str(created.task.id))
            if not view.is_quiet:
                session.tell(created_line(created, now=datetime.now(UTC), has_worker=True))
                for note in created.notes:
                    session.tell(f"note: {one_line(note)}")
            followed = stay(
                session,
                view,
                office,
                created,
                wish,
                is_interrupted=lambda: self._signals.is_waiting,
                on_interrupt=lambda followed: self._answer(office, followed),
            )
            return self._conclude(office, followed, wish)

    def _answer(self, office: Office, followed: Followed) -> bool:
        """Answer a signal: detach, or cancel and wait for that; a second one ends the wait."""
        self._signal = self._signals.answer()
        if not self._cancels or self._has_cancelled:
            return False
        self._has_cancelled = True
        task_id = str(followed.task.id)
        self._session.tell(f"{self._signal}: cancelling task {task_id}")
        change: TaskChange = office.perform("task.cancel", TaskIds(ids=(task_id,)))[0]
        if not change.changed and change.code != "conflict":
            self._has_cancelled = False
            self._session.tell(f"task {task_id} cannot be cancelled: {one_line(change.message)}")
            return False
        # Runners kill what takes long to end: what is known by then must be in the files.
        title = followed.task.title
        words = f"{self._signal} came, and that the task was cancelled is not confirmed"
        self._redraft(self._unknown(followed.task.kind.value, title, words))
        return True

    def _redraft(self, report: RunReport) -> None:
        """Put what is known now into the files; at the end it is told that it cannot be done."""
        with contextlib.suppress(InvalidInput):
            self._reporter.draft(report)

    def _conclude(self, office: Office, followed: Followed, wish: Wish) -> int:
        session, view = self._session, self._view
        detail: TaskDetail = office.perform("task.inspect", TaskRef(id=str(followed.task.id)))
        steps: StepList = office.perform("task.steps", StepFilter(id=str(followed.task.id)))
        results = last_results(detail.results)
        code = exit_code_after(followed, detail, wish)
        headline = ending_line(followed, results)
        if followed.is_interrupted:
            code, headline = int(ExitCode.DETACHED), self._interrupted_line(followed)
        self._reporter.end_log()
        if followed.is_interrupted and view.is_for_people:
            self._tell_interrupted(followed, headline)
        else:
            print_ending(session, view, followed, detail, code, shows_output=True)
        assert self._home is not None
        report = report_of(
            detail,
            steps,
            headline=headline,
            exit_code=code,
            home=self._home,
            hint=trust_advice(results) or f"rediacc inspect task {detail.task.id}",
        )
        is_told = self._reporter.tell(report, home=self._home)
        return code if is_told or code else int(ExitCode.GENERAL)

    def _interrupted_line(self, followed: Followed) -> str:
        task = followed.task
        if self._has_cancelled:
            return f"task {task.id} is to be cancelled, not confirmed ({state_words(task)})"
        return f"{self._signal}: detached; task {task.id} goes on ({state_words(task)})"

    def _tell_interrupted(self, followed: Followed, headline: str) -> None:
        task_id = str(followed.task.id)
        if self._has_cancelled:
            self._session.tell(f"{headline}; see: rediacc wait {task_id}")
        else:
            detached(self._session, [task_id])

    def _unknown(self, kind: str, title: str, words: str = _UNKNOWN) -> RunReport:
        """Return what the files say should this process be killed."""
        return refusal_report(
            title,
            kind,
            message=words,
            hint=f"rediacc inspect task {self._task_id}" if self._task_id else "",
            exit_code=int(ExitCode.GENERAL),
            task_id=self._task_id,
            headline="whether it was queued is not known",
        )


def _named(options: dict[str, Any]) -> tuple[str, str]:
    """Return the kind and the name of what is to run, as far as the options tell."""
    for kind in _KINDS:
        if options[kind] is not None:
            return kind, str(options[kind])
    return "", str(options["named"] or "run")
