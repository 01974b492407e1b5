"""Engines: one that writes (serialised transactions) and one that only reads.

SQLite: WAL, ``synchronous=FULL`` so that what was accepted survives a power cut, ``BEGIN
IMMEDIATE`` for each write, and a busy loop of our own with jitter, because SQLite's built-in one
starves processes. SQLite before 3.51.3 can corrupt a WAL database with several writers
(sqlite.org/wal.html, the WAL-reset bug), so the wheel ``pysqlite3`` is the driver where the
standard library's is older.
"""

from __future__ import annotations

import logging
import os
import pwd
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from rediacc.errors import AccessDenied, DatabaseUnavailable, InvalidInput

__all__ = ["COMMITTED", "SAFE_SQLITE", "Database", "open_database", "sqlite_driver"]

SAFE_SQLITE = (3, 51, 3)
# Under this name a transaction leaves word in ``connection.info`` for `Database.after_commit`.
COMMITTED = "rediacc.committed"
_BUSY_BUDGET_SECONDS = 10.0
_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs"}


class Database:
    """A home's database.

    :param url: SQLAlchemy URL.
    :param path: the SQLite file, or ``None``.

    `after_commit` is called with the word that a transaction left, once it is committed.
    """

    def __init__(self, *, url: str, path: Path | None, writer: Engine, reader: Engine) -> None:
        self.url = url
        self.path = path
        self._writer = writer
        self._reader = reader
        self._mark: PoolProxiedConnection | None = None
        self.after_commit: Callable[[Any], None] | None = None

    @property
    def writer(self) -> Engine:
        """The engine whose transactions write; for migrations."""
        return self._writer

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One serialised write transaction; committed and synced when the block ends.

        :raises DatabaseUnavailable: locked for too long, read-only, full, gone.
        """
        try:
            with self._writer.begin() as connection:
                connection.info.pop(COMMITTED, None)
                yield connection
                word = connection.info.pop(COMMITTED, None)
        except DBAPIError as exc:
            raise _translate(exc, self) from exc
        except UnicodeEncodeError as exc:
            raise InvalidInput("a text holds bytes or half characters that are no UTF-8") from exc
        if word is not None and self.after_commit is not None:
            self.after_commit(word)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent read; writing through it fails."""
        try:
            with self._reader.connect() as connection:
                yield connection
        except DBAPIError as exc:
            raise _translate(exc, self) from exc
        except UnicodeEncodeError as exc:
            raise InvalidInput("a text holds bytes or half characters that are no UTF-8") from exc

    def change_mark(self) -> int:
        """A number that changes when another process commits; cheap enough to ask often."""
        if self._mark is None:
            self._mark = self._reader.raw_connection()
        cursor = self._mark.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            row = cursor.fetchone()
            return int(row[0]) if row else 0
        finally:
            cursor.close()

    def close(self) -> None:
        """Give back every connection."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None
        self._writer.dispose()
        self._reader.dispose()


def sqlite_driver() -> ModuleType:
    """Return the DB-API module with the newer SQLite: the standard one, or ``pysqlite3``."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return sqlite3
    from pysqlite3 import dbapi2

    module: ModuleType = dbapi2
    return module


def open_database(url: str) -> Database:
    """Open the database at `url`; makes an SQLite file's directory, not the schema.

    :raises InvalidInput: the URL is of no supported sort, or on a network file system.
    :raises AccessDenied: the file or its directory is another account's.
    :raises DatabaseUnavailable: the file or its directory cannot be made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise InvalidInput(
            f"database {url[:80]!r} is no database URL", hint="sqlite:////absolute/path/rediacc.db"
        ) from exc
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise InvalidInput(
            f"database {parsed.render_as_string(hide_password=True)!r} is not supported",
            hint="this release keeps its queue in SQLite: sqlite:///PATH",
        )
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidInput("database names no file", hint="sqlite:////absolute/path/rediacc.db")
    path = Path(parsed.database)
    # What goes wrong with a connection is raised; who gives logging no place gets no traceback
    # beside it, for example for Ctrl-C while one is closed.
    logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
    _refuse_network(path)
    _create_private(path)
    driver = sqlite_driver()
    writer = create_engine(
        parsed,
        module=driver,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        connect_args={"timeout": 0, "check_same_thread": False},
    )
    reader = create_engine(
        parsed,
        module=driver,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        connect_args={"timeout": 0, "check_same_thread": False},
    )
    event.listen(writer, "connect", _prepare_writer)
    event.listen(reader, "connect", _prepare_reader)
    event.listen(writer, "begin", _begin_immediate)
    event.listen(reader, "begin", _begin_deferred)
    return Database(url=url, path=path, writer=writer, reader=reader)


def _create_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(path.parent)
        _refuse_emptied(path)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except PermissionError as exc:
        # Trying again, as for a database that is away, would not help.
        raise AccessDenied(
            f"cannot open the database {path}: {exc.strerror}",
            hint=_whose(path),
        ) from exc
    except OSError as exc:
        raise DatabaseUnavailable(f"cannot open the database {path}: {exc.strerror}") from exc
    os.close(descriptor)


def _whose(path: Path) -> str:
    """Return whose the home is that this process may not open, as far as that can be seen."""
    for place in (path, *path.parents):
        with suppress(OSError, KeyError):
            number = place.stat().st_uid
            if number == os.getuid():
                return f"look at the permissions of {place}"
            owner = pwd.getpwuid(number).pw_name
            return f"the home belongs to the account {owner}: sudo -u {owner} rediacc ..."
    return "the home belongs to another account"


def _require_private(directory: Path) -> None:
    """Refuse a directory in which other accounts could put another database in this one's place."""
    if directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InvalidInput(
            f"other accounts can write to {directory}, where the database lies",
            hint=f"chmod 700 {directory}",
        )


def _refuse_emptied(path: Path) -> None:
    """Refuse a database that somebody emptied: taking it for a new one would lose every task.

    Another process may be making it at this moment, so it gets a second to do so.
    """
    deadline = time.monotonic() + 1.0
    while path.exists() and path.stat().st_size == 0:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"the database {path} is empty: it was cut off or its making was interrupted",
                hint="restore it, or remove it to begin with an empty queue",
            )
        time.sleep(0.05)


def _refuse_network(path: Path) -> None:
    best, kind = "", ""
    target = str(path.absolute().parent)
    for line in (
        Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    ):
        fields = line.split()
        mount = fields[1].replace("\\040", " ")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) > len(best):
            best, kind = mount, fields[2]
    if kind in _NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"the database {path} lies on {kind}, where SQLite's locks do not hold",
            hint="put 'database' in rediacc.toml on a local disk",
        )


def _prepare_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours: see _begin_immediate
    # Counts for a new file only: its free pages can then be cut off a few at a time.
    _patiently(lambda: connection.execute("PRAGMA auto_vacuum=INCREMENTAL"))
    _patiently(lambda: connection.execute("PRAGMA journal_mode=WAL"))
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


def _prepare_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


def _begin_immediate(connection: Connection) -> None:
    _patiently(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _begin_deferred(connection: Connection) -> None:
    """Begin and read at once: a first read meets a lock while the last writer closes the file."""

    def begin() -> None:
        connection.exec_driver_sql("BEGIN")
        try:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1")
        except OperationalError:
            # On a full disk SQLite has ended the transaction by itself.
            with suppress(OperationalError):
                connection.exec_driver_sql("ROLLBACK")
            raise

    _patiently(begin)


def _patiently(action: Any) -> None:
    """Repeat `action` while the database is busy, for at most ten seconds.

    An even interval with jitter gives each waiting process its turn; SQLite's own handler lets
    those that wait longest sleep longest.
    """
    deadline = time.monotonic() + _BUSY_BUDGET_SECONDS
    while True:
        try:
            action()
        except (
            OperationalError,
            sqlite3.OperationalError,
            sqlite_driver().OperationalError,
        ) as exc:
            if "locked" not in str(exc) and "busy" not in str(exc):
                raise
            if time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(random.uniform(0.0005, 0.0015))


def _translate(exc: DBAPIError, database: Database) -> Exception:
    text = str(exc.orig)
    known = {
        "locked": "is locked by another process for too long",
        "busy": "is locked by another process for too long",
        "readonly": "is read-only",
        "disk is full": "cannot grow: the disk is full",
        "disk I/O error": "cannot be read or written: disk I/O error",
        "unable to open": "cannot be opened",
        "no such table": "has no tables yet: rediacc init",
        "not a database": "is no SQLite database",
        "malformed": "is damaged: restore it from a backup",
    }
    for mark, words in known.items():
        if mark in text:
            return DatabaseUnavailable(f"the database {database.path} {words}")
    return exc
