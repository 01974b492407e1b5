"""The view's way to the home's operations: one at a time, opened again when the database was away.

A connection to a database file that was moved away goes on working, on what nobody reads any more;
and opening a path where no file is would begin an empty queue. So each use looks at the path first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rediacc.cli.session import Office
from rediacc.errors import DatabaseUnavailable

__all__ = ["Source"]


class Source:
    """Performs operations from any thread.

    :param open_office: opens the home; called again when the database has been away.
    """

    def __init__(self, open_office: Callable[[], Office]) -> None:
        self._open = open_office
        self._office: Office | None = None
        self._path: Path | None = None
        self._mark = (0, 0)
        self._lock = threading.Lock()

    def perform(self, operation: str, request: Any) -> Any:
        """Perform one operation and return its answer.

        :raises RediaccError: as the operation says.
        :raises DatabaseUnavailable: the database is not where it was; a later call looks again.
        """
        with self._lock:
            try:
                return self._ready().perform(operation, request)
            except DatabaseUnavailable:
                self._close()
                raise

    def close(self) -> None:
        """Close what is open, after what is being performed."""
        with self._lock:
            self._close()

    def _ready(self) -> Office:
        if self._path is not None and _mark_of(self._path) != self._mark:
            self._close()
        if self._office is None:
            self._office = self._open()
            self._path = _path_of(self._office)
            self._mark = _mark_of(self._path) if self._path is not None else (0, 0)
        return self._office

    def _close(self) -> None:
        office, self._office = self._office, None
        if office is not None:
            office.__exit__(None, None, None)


def _path_of(office: Office) -> Path | None:
    """Return the database's file, where it is one."""
    path = getattr(getattr(office, "database", None), "path", None)
    return path if isinstance(path, Path) else None


def _mark_of(path: Path) -> tuple[int, int]:
    """Return what tells this file from another one at the same path."""
    try:
        found = path.stat()
    except OSError as exc:
        raise DatabaseUnavailable(f"the database is away: {path}: {exc.strerror}") from exc
    return found.st_dev, found.st_ino
