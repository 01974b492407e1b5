"""A task's output in the log of a pipeline: whole lines in order, in sections, obeyed by nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rediacc.cli.neutral import one_line
from rediacc.cli.pipeline.workflow import Lines, harmless
from rediacc.values import Kind
from rediacc.views import LogEntry, LogPage, TaskView

__all__ = ["Marks", "PipelineLog"]


class Marks(Protocol):
    """How a runner's log is divided."""

    def begin(self, title: str, number: int, /) -> str:
        """Return what begins a section."""
        raise NotImplementedError

    def end(self, title: str, number: int, /) -> str:
        """Return what ends it."""
        raise NotImplementedError


class PipelineLog:
    """Prints entries as they come, all to one stream: the order of two is not kept by runners.

    A playbook has one section for each attempt, other tasks one for each machine; the output of a
    task of one machine has none, for nobody should have to open it.

    :param write: prints text at once.
    """

    def __init__(
        self, marks: Marks, write: Callable[[str], None], *, is_quiet: bool = False
    ) -> None:
        self._marks = marks
        self._write = write
        self._is_quiet = is_quiet
        self._lines = Lines()
        self._open: str | None = None
        self._number = 0

    def __call__(self, page: LogPage, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            title = _title(page.task, entry)
            if title != self._open:
                self.end()
                self._begin(title)
            self._write_entry(entry)

    def say(self, text: str) -> None:
        """Print lines of our own."""
        self._flush()
        self._write(harmless(text) + "\n")

    def command(self, line: str) -> None:
        """Print a line that the runner is to obey, outside of any section."""
        self.end()
        self._write(f"{line}\n")

    def end(self) -> None:
        """End the section that is open, if any."""
        self._flush()
        if self._open is not None:
            self._write(self._marks.end(self._open, self._number))
            self._open = None

    def _begin(self, title: str) -> None:
        self._number += 1
        self._open = title
        text = self._marks.begin(title, self._number)
        if text:
            self._write(text)

    def _write_entry(self, entry: LogEntry) -> None:
        if entry.stream == "ansible":
            text = self._lines.add(entry.text)
            if text:
                self._write(text)
            return
        if entry.stream == "status" and self._is_quiet:
            return
        self._flush()
        text = entry.text.removesuffix("\n")
        if entry.stream == "status" and entry.machine:
            text = f"{one_line(entry.machine)}: {text}"
        if text:
            self._write(harmless(text) + "\n")

    def _flush(self) -> None:
        rest = self._lines.end()
        if rest:
            self._write(rest)


def _title(task: TaskView, entry: LogEntry) -> str:
    if task.kind is Kind.PLAYBOOK:
        again = f", attempt {entry.attempt}" if entry.attempt > 1 else ""
        return f"task {task.id}: {task.title}{again}"
    return entry.machine if len(task.machines) > 1 else ""
