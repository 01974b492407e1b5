"""What one file of the archive is to hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from rediacc.archives.rows import Content, Line
from rediacc.storage.engine import Database

__all__ = ["Gathered", "Sort", "Step"]


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Lines for one file, and what they are.

    :param name: goes into the file's name.
    :param is_last: whether nothing more was due. What becomes due while this is being moved, such
        as the audit's entry about the move itself, waits for the next time.
    """

    lines: Sequence[bytes]
    content: Content
    name: str
    is_last: bool


class Step(Protocol):
    """Is told each step that was done; a test ends the process in one."""

    def __call__(self, name: str, /) -> None: ...


class Sort(Protocol):
    """One sort of rows that moves to archives.

    :param is_at_once: whether its rows leave the database in the transaction that records the file.
    """

    name: str
    is_at_once: bool

    def count(self, connection: Connection, *, before: int) -> int:
        """Return how many rows are due."""

    def gather(self, database: Database, *, before: int) -> Gathered | None:
        """Read what is due, at most one file of it; ``None`` when nothing is."""

    def remove_with(self, connection: Connection, content: Content) -> None:
        """Remove the rows in the transaction that records the file, where that is at once."""

    def remove(self, database: Database, row: Line, lines: Sequence[bytes], step: Step) -> int:
        """Remove the rows of a recorded file in short transactions; return how many were left.

        What changed since the file was written stays in the database, and the database's word
        counts. Doing it again goes on where a crash ended it.
        """
