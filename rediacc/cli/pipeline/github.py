"""GitHub Actions: groups of the log, annotations, outputs of a step, its summary.

After docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.pipeline.model import RunReport, Step

__all__ = ["LARGEST_SUMMARY", "GitHubMarks", "annotation_lines", "outputs"]

# A step's summary may be so large, in bytes; a larger one is dropped with an error.
LARGEST_SUMMARY = 1 << 20
# GitHub shows so many errors, and so many warnings, of one step.
_MOST_SHOWN = 10
_MOST_MESSAGE = 1_000


class GitHubMarks:
    """Groups. Within one the runner is told to obey nothing until it reads the token.

    :param token: nobody who writes to the log can know it.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def begin(self, title: str, _number: int, /) -> str:
        """Return what begins a group; with an empty title only obedience ends."""
        group = f"::group::{_data(one_line(title))}\n" if title else ""
        return f"{group}::stop-commands::{self._token}\n"

    def end(self, title: str, _number: int, /) -> str:
        """Return what ends it."""
        group = "::endgroup::\n" if title else ""
        return f"::{self._token}::\n{group}"


def annotation_lines(report: RunReport, *, home: Path, workspace: Path | None) -> list[str]:
    """Return the commands that mark what went wrong, and on what line of which file.

    :param workspace: where the job's checkout is; files outside it are not named.
    """
    if report.problem:
        return [_command("error", {"title": f"rediacc: {report.title}"}, report.problem)]
    level = "warning" if report.is_drift else "error"
    found = list(_found(report))
    shown = found if len(found) <= _MOST_SHOWN else found[: _MOST_SHOWN - 1]
    lines = []
    for title, message, step in shown:
        properties = {"title": title}
        name = _below(step, home, workspace) if step is not None else ""
        if name and step is not None:
            properties = {"file": name, "line": str(step.line or 1), **properties}
        lines.append(_command(level, properties, message))
    if len(shown) < len(found):
        rest = f"{len(found) - len(shown)} more; see the step's summary"
        lines.append(_command(level, {"title": f"rediacc: {report.title}"}, rest))
    return lines


def _found(report: RunReport) -> Iterator[tuple[str, str, Step | None]]:
    for step in report.steps:
        if step.is_bad or (report.is_drift and step.status == "changed"):
            words = "would change" if report.is_drift else step.status
            yield f"{step.machine}: {step.task}", step.message or words, step
    told = {step.machine for step in report.steps if step.is_bad}
    for one in report.machines:
        if not one.is_good and one.machine not in told:
            words = f"{one.outcome}: {one.message}" if one.message else one.outcome
            yield f"{one.machine}: {report.title}", words, None


def _below(step: Step, home: Path, workspace: Path | None) -> str:
    """Return a step's file as a path from the workspace; empty where it is not in it."""
    if not step.file or workspace is None:
        return ""
    try:
        path, root = (home / step.file).resolve(), workspace.resolve()
    except (OSError, ValueError):
        # A name that no file can have.
        return ""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""


def outputs(report: RunReport, *, delimiter: str) -> str:
    """Return what to append to the file of a step's outputs.

    :param delimiter: ends each value; nobody who had a say in a value can know it.
    """
    values = {
        "task-id": str(report.task_id) if report.task_id else "",
        "task-uuid": report.uid,
        "state": report.state,
        "reason": report.reason,
        "exit-code": str(report.exit_code),
        "changed": str(report.is_changed).lower(),
        "failed-machines": ",".join(report.broken_machines),
    }
    return "".join(
        f"{name}<<{delimiter}\n{one_line(value)}\n{delimiter}\n" for name, value in values.items()
    )


def _command(name: str, properties: dict[str, str], message: str) -> str:
    words = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    text = message if len(message) <= _MOST_MESSAGE else f"{message[:_MOST_MESSAGE]} ..."
    return f"::{name} {words}::{_data(neutral(text))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    shown = one_line(text)[:_MOST_MESSAGE]
    return _data(shown).replace(":", "%3A").replace(",", "%2C")
