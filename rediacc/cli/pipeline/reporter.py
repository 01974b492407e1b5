"""Telling a pipeline of its run: files, the runner's own files, annotations, the log."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import click

from rediacc.cli.log_lines import LogPrinter
from rediacc.cli.pipeline import github
from rediacc.cli.pipeline.files import OutFile, append_text
from rediacc.cli.pipeline.gitlab import GitLabMarks
from rediacc.cli.pipeline.junit import junit_xml
from rediacc.cli.pipeline.log import PipelineLog
from rediacc.cli.pipeline.markdown import summary_markdown
from rediacc.cli.pipeline.model import RunReport
from rediacc.cli.session import Session, View, working_directory
from rediacc.errors import InvalidInput
from rediacc.views import LogEntry, LogPage

__all__ = ["Reporter", "Runner", "runner_of"]

Runner = Literal["github", "gitlab", "none"]


def runner_of(session: Session, choice: str) -> Runner:
    """Return which runner this process works for.

    :param choice: what ``--ci`` says; ``auto`` asks the variables that runners set.
    """
    if choice == "auto":
        if session.environment.get("GITHUB_ACTIONS") == "true":
            return "github"
        return "gitlab" if session.environment.get("GITLAB_CI") == "true" else "none"
    return "github" if choice == "github" else "gitlab" if choice == "gitlab" else "none"


class Reporter:
    """Tells of one run, each time all that is known of it.

    :param junit: where ``--junit`` writes, if anywhere; `summary` is the same for ``--summary``.
    :raises InvalidInput: a file cannot be written.
    """

    def __init__(
        self,
        session: Session,
        view: View,
        runner: Runner,
        *,
        junit: str | None,
        summary: str | None,
    ) -> None:
        self.runner = runner
        self._session = session
        self._environment = session.environment
        here = working_directory()
        self._files: list[tuple[OutFile, Callable[[RunReport], bytes]]] = []
        if junit is not None:
            session.check_path("--junit", junit)
            self._files.append((OutFile("--junit", junit, directory=here), junit_xml))
        if summary is not None:
            session.check_path("--summary", summary)
            self._files.append((OutFile("--summary", summary, directory=here), _markdown))
        self._log = self._open_log(view)

    def _open_log(self, view: View) -> PipelineLog | None:
        if self.runner == "none" or not view.is_for_people:
            return None
        marks = (
            github.GitHubMarks(secrets.token_hex(24))
            if self.runner == "github"
            else GitLabMarks(time.time, name=f"rediacc_{secrets.token_hex(4)}")
        )
        log = PipelineLog(marks, _print, is_quiet=view.is_quiet)
        # What we say ourselves must stand in its place between what machines say.
        self._session.teller = log.say
        return log

    def printer(self, view: View) -> Callable[[LogPage, Sequence[LogEntry]], None] | None:
        """Return what prints the task's output as it comes; ``None`` where none is shown."""
        if self._log is not None:
            return self._log
        return LogPrinter(view) if view.output in ("table", "wide", "jsonl") else None

    def draft(self, report: RunReport) -> None:
        """Put into the files what holds if this process is killed.

        :raises InvalidInput: a file cannot be written.
        """
        for file, render in self._files:
            if file.is_regular:
                file.write(render(report))

    def tell(self, report: RunReport, *, home: Path | None) -> bool:
        """Tell everybody how the run ended or stands; return whether all could be written.

        :param home: the home; ``None`` where there is none.
        """
        self.end_log()
        problems = []
        for file, render in self._files:
            try:
                file.write(render(report))
            except InvalidInput as exc:
                problems.append(exc.message)
        if self.runner == "github":
            problems += self._tell_github(report, home or working_directory())
        for problem in problems:
            self._session.tell(problem)
        return not problems

    def end_log(self) -> None:
        """End the section of the log that is open; what follows is said on standard error."""
        if self._log is not None:
            self._log.end()

    def _tell_github(self, report: RunReport, home: Path) -> list[str]:
        workspace = self._environment.get("GITHUB_WORKSPACE")
        lines = github.annotation_lines(
            report, home=home, workspace=Path(workspace) if workspace else None
        )
        for line in lines:
            # Beside a document on standard output there is only one other stream to be read from.
            click.echo(line, err=self._log is None)
        problems = []
        output = self._environment.get("GITHUB_OUTPUT")
        if output:
            delimiter = f"rediacc_{secrets.token_hex(16)}"
            problems.append(append_text(output, github.outputs(report, delimiter=delimiter)))
        page = self._environment.get("GITHUB_STEP_SUMMARY")
        if page:
            problems.append(_append_summary(page, summary_markdown(report)))
        return [problem for problem in problems if problem]


def _append_summary(path: str, text: str) -> str:
    try:
        size = Path(path).stat().st_size
    except FileNotFoundError:
        size = 0
    except OSError as exc:
        return f"{path}: cannot append: {exc.strerror}"
    if size + len(text.encode()) > github.LARGEST_SUMMARY:
        return f"{path}: there is no room left for a summary: a step's may have 1 MiB"
    return append_text(path, text)


def _markdown(report: RunReport) -> bytes:
    return summary_markdown(report).encode()


def _print(text: str) -> None:
    # Not by click, which takes escapes out where it sees no terminal: they are GitLab's marks.
    sys.stdout.write(text)
    sys.stdout.flush()
