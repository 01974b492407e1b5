"""Giving the space of removed rows back to the file system."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from rediacc.storage.engine import Database, sqlite_driver

__all__ = ["Freed", "shrink"]

# Pages that one transaction gives back: it moves as many from the end of the file.
_PAGES_AT_ONCE = 400
_AUTO_VACUUM = text("PRAGMA auto_vacuum")
_FREE = text("PRAGMA freelist_count")
_PAGE = text("PRAGMA page_size")
_PAGES = text("PRAGMA page_count")
_INCREMENTAL = 2


@dataclass(frozen=True, kw_only=True)
class Freed:
    """The database's size in bytes before and after."""

    before: int
    after: int


def shrink(database: Database, *, is_stopping: Callable[[], bool] = lambda: False) -> Freed:
    """Cut free pages off the database's file, a few at a time, so that nobody waits for it long.

    :param is_stopping: asked between the steps; the rest then stays for the next time.
    """
    before = _size(database)
    with database.read() as connection:
        is_incremental = connection.execute(_AUTO_VACUUM).scalar_one() == _INCREMENTAL
        free = int(connection.execute(_FREE).scalar_one())
    while is_incremental and free > 0 and not is_stopping():
        with database.write() as connection:
            # Each step of the statement frees one page, so it is read to its end; SQLAlchemy
            # would close it at once, because it has no columns.
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
            left = int(connection.execute(_FREE).scalar_one())
        if left >= free:
            break
        free = left
    _checkpoint(database)
    return Freed(before=before, after=_size(database))


def _checkpoint(database: Database) -> None:
    """Write the log into the file and cut it; while somebody reads, as far as that goes."""
    connection: Any = database.writer.raw_connection()
    try:
        cursor = connection.cursor()
        with contextlib.suppress(sqlite_driver().Error):
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        cursor.close()
    finally:
        connection.close()


def _size(database: Database) -> int:
    with database.read() as connection:
        page = int(connection.execute(_PAGE).scalar_one())
        return page * int(connection.execute(_PAGES).scalar_one())
