"""Reads values of a parsed TOML document, naming file and key in every complaint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput

__all__ = ["Reader"]


class Reader:
    """One document. `where` is a key's full name (``worker.slots``); its last part is looked up.

    Every method raises :class:`InvalidInput` for a value that cannot be meant.
    """

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self._path = path
        self.document = document

    def table(self, name: str) -> dict[str, Any]:
        """Return the top-level table `name`; empty when it is not there."""
        table = self.document.get(name, {})
        if not isinstance(table, dict):
            raise self.bad(name, "is no table")
        return table

    def known(self, where: str, table: dict[str, Any], keys: set[str]) -> None:
        """Refuse keys of `table` that are not among `keys`."""
        for key in table:
            if key not in keys:
                raise self.bad(
                    f"{where}.{key}".lstrip("."), f"is unknown; known: {', '.join(sorted(keys))}"
                )

    def text(self, table: dict[str, Any], where: str, default: str | None) -> str | None:
        """Return a text."""
        value = table.get(where.rpartition(".")[2], default)
        if value is not None and not isinstance(value, str):
            raise self.bad(where, "must be a text")
        return value

    def texts(self, table: dict[str, Any], where: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = table.get(where.rpartition(".")[2], [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.bad(where, "must be a list of texts")
        return tuple(value)

    def flag(self, table: dict[str, Any], where: str) -> bool:
        """Return true or false; false when it is not there."""
        value = table.get(where.rpartition(".")[2], False)
        if not isinstance(value, bool):
            raise self.bad(where, "must be true or false")
        return value

    def number(
        self, table: dict[str, Any], where: str, default: float, *, low: float, high: float = 1e9
    ) -> float:
        """Return a number from `low` to `high`."""
        value = table.get(where.rpartition(".")[2], default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self.bad(where, f"must be a number from {low:g} to {high:g}")
        return value

    def size(self, table: dict[str, Any], where: str) -> int:
        """Return a number of bytes for output."""
        return int(self.number(table, where, 65536, low=256, high=8 << 20))

    def bad(self, where: str, what: str) -> InvalidInput:
        """Return the error for the key `where`."""
        return InvalidInput(f"{self._path}: {where} {what}")
