"""A task's output on the terminal: what machines printed, and nothing else, on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.render.document import document, to_json
from rediacc.cli.session import View
from rediacc.views import LogEntry, LogPage

__all__ = ["LogPrinter"]


class LogPrinter:
    """Prints entries as they come.

    With several machines each line begins with its machine's name. What a machine wrote to its
    standard error goes to standard error; so do lines about the task itself.

    :param is_raw: bytes as they are, without names: what they do to a terminal is the caller's.
    """

    def __init__(self, view: View, *, is_raw: bool = False) -> None:
        self._view = view
        self._is_raw = is_raw

    def __call__(self, page: LogPage, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            if self._view.output == "jsonl":
                click.echo(to_json(document(entry), is_line=True))
            elif self._is_raw:
                self._write_raw(entry)
            else:
                self._write(entry, has_name=len(page.task.machines) > 1)
        sys.stdout.flush()

    def _write(self, entry: LogEntry, *, has_name: bool) -> None:
        is_status = entry.stream == "status"
        if is_status and self._view.is_quiet:
            return
        prefix = f"{one_line(entry.machine)} | " if entry.machine and has_name else ""
        if is_status and entry.machine:
            prefix = f"{one_line(entry.machine)}: "
        text = neutral(entry.text)
        if prefix:
            text = "\n".join(prefix + line for line in text.removesuffix("\n").split("\n"))
        # Ansible's own output comes in pieces of no particular length, the rest as wholes.
        is_whole = entry.stream != "ansible" and not text.endswith("\n")
        if text:
            click.echo(text, nl=is_whole, err=is_status or entry.stream == "stderr")

    def _write_raw(self, entry: LogEntry) -> None:
        if entry.stream == "status":
            return
        stream = sys.stderr if entry.stream == "stderr" else sys.stdout
        stream.flush()
        stream.buffer.write(entry.text.encode("utf-8", "surrogateescape"))
        stream.buffer.flush()
