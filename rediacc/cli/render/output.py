"""Printing an answer in the form that was asked for; the answer goes to standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.render.document import document, envelope, to_json, to_yaml
from rediacc.cli.render.table import Column, choose, sort_items, table_lines
from rediacc.cli.session import View

__all__ = ["print_document", "print_item", "print_items", "print_lines"]

_STATE_COLOURS = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "pass": "green",
    "warn": "yellow",
    "fail": "red",
}


def print_items(
    view: View,
    items: Iterable[Any],
    *,
    kind: str,
    columns: Sequence[Column],
    name: Callable[[Any], str],
    empty: str = "",
    is_whole: bool = False,
) -> None:
    """Print a list.

    :param columns: of tables; ``--columns`` and ``--sort`` name them in every output.
    :param name: what identifies an item, for ``-o name`` and ``--quiet``.
    :param empty: what to tell the person when there is nothing.
    :param is_whole: no line is cut at the terminal's edge, for people compare what it ends with.
    """
    chosen = choose(columns, view)
    ordered = sort_items(items, columns, view.sort)
    if view.output in ("json", "yaml", "jsonl"):
        fields = [column.name for column in chosen] if view.columns else []
        documents = [_item_document(item, fields, chosen) for item in ordered]
        if view.output == "jsonl":
            for one in documents:
                click.echo(to_json(one, is_line=True))
        else:
            print_document(view, envelope(kind, items=documents))
    elif view.output == "name" or (view.is_quiet and not view.columns):
        for item in ordered:
            click.echo(one_line(name(item)))
    elif ordered:
        _print_table(view, ordered, chosen, is_whole=is_whole)
    elif empty:
        click.echo(empty, err=True)


def print_item(
    view: View, item: Any, *, kind: str, name: str, lines: Callable[[], Iterable[str]]
) -> None:
    """Print one thing: `lines` for people, else a document."""
    if view.output == "name" or (view.is_for_people and view.is_quiet):
        click.echo(one_line(name))
    elif view.is_for_people:
        print_lines(lines())
    elif view.output == "jsonl":
        click.echo(to_json(document(item), is_line=True))
    else:
        print_document(view, envelope(kind, item=document(item)))


def print_document(view: View, value: Any) -> None:
    """Print a whole document as JSON or YAML."""
    if view.output == "yaml":
        click.echo(to_yaml(value))
    else:
        click.echo(to_json(value, is_line=view.output == "jsonl"))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines for people, harmless for their terminal."""
    for line in lines:
        click.echo(neutral(line))


def _print_table(
    view: View, items: Sequence[Any], columns: Sequence[Column], *, is_whole: bool
) -> None:
    rows = [[column.cell(item) for column in columns] for item in items]
    headers = [column.name.upper().replace("_", "-") for column in columns]
    terminal = sys.stdout.isatty()
    is_cut = terminal and view.output == "table" and not is_whole
    width = shutil.get_terminal_size().columns if is_cut else None
    lines = table_lines(rows, headers if view.has_headers else (), width=width)
    states = next((n for n, column in enumerate(columns) if column.name in _COLOURED), None)
    for number, line in enumerate(lines, start=-1 if view.has_headers else 0):
        if number >= 0 and states is not None and terminal:
            line = _coloured(line, rows[number][states])
        click.echo(line)


_COLOURED = ("state", "status")


def _coloured(line: str, word: str) -> str:
    colour = _STATE_COLOURS.get(word)
    if colour is None:
        return line
    return line.replace(word, click.style(word, fg=colour), 1)


def _item_document(item: Any, fields: Sequence[str], columns: Sequence[Column]) -> Any:
    if not fields:
        return document(item)
    known = {column.name: column for column in columns}
    return {
        name: document(getattr(item, name)) if hasattr(item, name) else known[name].cell(item)
        for name in fields
    }
