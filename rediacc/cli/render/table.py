"""Tables without borders: one row a line, headers in capitals, columns that awk can count on."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rediacc.cli.neutral import one_line
from rediacc.cli.session import View
from rediacc.errors import InvalidInput

__all__ = ["Column", "choose", "sort_items", "table_lines"]


class Column(NamedTuple):
    """A column: its name on the command line, its cell's text, and what it sorts by.

    :param field: the answer's field that it shows, where the name is another.
    :param is_wide: shown only with ``-o wide`` or when named.
    """

    name: str
    cell: Callable[[Any], str]
    is_wide: bool = False
    key: Callable[[Any], Any] | None = None

    def sort_key(self, item: Any) -> tuple[bool, Any]:
        """Return what the column sorts an item by; items without a value come last."""
        value = self.key(item) if self.key is not None else self.cell(item)
        return (value is None, 0 if value is None else value)


def choose(columns: Sequence[Column], view: View) -> list[Column]:
    """Return the columns that `view` asks for.

    :raises InvalidInput: one of its names is no column.
    """
    if not view.columns:
        return [column for column in columns if view.output == "wide" or not column.is_wide]
    return [_find(columns, name, option="--columns") for name in view.columns]


def sort_items(items: Iterable[Any], columns: Sequence[Column], sort: str | None) -> list[Any]:
    """Return the items in the order of the column that `sort` names, else as they came.

    :raises InvalidInput: it is no column.
    """
    if not sort:
        return list(items)
    name = sort.lstrip("-+").lower().replace("-", "_")
    column = _find(columns, name, option="--sort")
    return sorted(items, key=column.sort_key, reverse=sort.startswith("-"))


def table_lines(
    rows: Sequence[Sequence[str]], headers: Sequence[str], *, width: int | None = None
) -> list[str]:
    """Return the lines of a table.

    :param width: where the last column is cut; ``None`` for nowhere.
    """
    cells = [[one_line(cell) or "-" for cell in row] for row in rows]
    lines = [list(headers), *cells] if headers else cells
    if not lines:
        return []
    widths = [max(_width(line[index]) for line in lines) for index in range(len(lines[0]))]
    return [_line(line, widths, width) for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    padded = [cell + " " * (size - _width(cell)) for cell, size in zip(cells, widths, strict=True)]
    text = "  ".join([*padded[:-1], cells[-1]])
    return text[: width - 1] + "~" if width is not None and len(text) > width else text


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def _find(columns: Sequence[Column], name: str, *, option: str) -> Column:
    for column in columns:
        if column.name == name:
            return column
    names = ", ".join(column.name for column in columns)
    raise InvalidInput(f"{option}: {name!r} is no column", hint=f"columns: {names}")
