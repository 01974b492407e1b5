"""The database's doors: durable, private, patient, and clear when they cannot open."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rediacc.errors import DatabaseUnavailable, InvalidInput
from rediacc.storage import engine
from rediacc.storage.engine import SAFE_SQLITE, Database, open_database, sqlite_driver


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rediacc.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{path}")
    with opened.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    yield opened
    opened.close()


def _number(database: Database, pragma: str) -> object:
    with database.write() as connection:
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()


def test_what_is_accepted_survives_a_power_cut(database: Database) -> None:
    assert _number(database, "journal_mode") == "wal"
    assert _number(database, "synchronous") == 2  # FULL


def test_every_connection_of_the_writer_is_durable(database: Database) -> None:
    opened = [database.writer.raw_connection() for _turn in range(3)]
    for connection in opened:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (2,)
        cursor.close()
    for connection in opened:
        connection.close()


def test_driver_has_no_wal_race() -> None:
    assert sqlite_driver().sqlite_version_info >= SAFE_SQLITE


def test_reader_refuses_to_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="read-only"), database.read() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as reading:
        assert reading.exec_driver_sql("SELECT COUNT(*) FROM t").scalar_one() == 0
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert reading.exec_driver_sql("SELECT COUNT(*) FROM t").scalar_one() == 0
    with database.read() as reading:
        assert reading.exec_driver_sql("SELECT COUNT(*) FROM t").scalar_one() == 1


def test_failed_block_leaves_nothing(database: Database) -> None:
    def fail_after_the_insert() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail_after_the_insert()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM t").scalar_one() == 0


def test_files_are_private(database: Database, path: Path) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        for name in path.parent.iterdir():
            assert stat.S_IMODE(name.stat().st_mode) == 0o600, name
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_change_mark_moves_when_something_is_committed(database: Database) -> None:
    before = database.change_mark()
    assert database.change_mark() == before
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert database.change_mark() != before


_HOLDER = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("BEGIN IMMEDIATE")
c.execute("INSERT INTO t VALUES (1)")
print("held", flush=True)
sys.stdin.readline()
c.execute("COMMIT")
"""


def test_writer_waits_for_another_process(database: Database, path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        seen = []
        patiently = engine._patiently

        def tell_holder(action: object) -> None:
            seen.append(action)
            assert holder.stdin is not None
            holder.stdin.write("go\n")
            holder.stdin.flush()
            patiently(action)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_patiently", tell_holder)
            with database.write() as connection:
                connection.exec_driver_sql("INSERT INTO t VALUES (2)")
        assert seen
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT SUM(n) FROM t").scalar_one() == 3


def test_lock_that_does_not_end_is_unavailable(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_BUDGET_SECONDS", 0.05)
    # The same library: locks of two SQLite libraries in one process do not see each other.
    holder = sqlite_driver().connect(str(path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"), database.write():
        pass
    holder.close()


def test_full_disk_is_unavailable_and_nothing_is_half_written(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 4")
    with pytest.raises(DatabaseUnavailable, match="full"), database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(100000) AS b")
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_missing_tables_say_what_to_do(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="rediacc init"), database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM task")


def test_file_of_another_sort_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rediacc.db"
    path.write_bytes(b"this is no database, but a text of some length" * 100)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable, match="no SQLite database"), database.write():
        pass
    database.close()


def test_text_that_is_no_text_is_refused_clearly(database: Database) -> None:
    with pytest.raises(InvalidInput, match="UTF-8"), database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM t WHERE n = ?", ("\udcff",))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@host/db",
        "mysql://host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:////tmp/x.db",
        "/var/lib/rediacc.db",
        "",
    ],
)
def test_other_databases_are_refused_in_words(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_database(url)
    assert "sqlite:///" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_path_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "rediacc.db", tmp_path):
        with pytest.raises(DatabaseUnavailable, match="cannot open"):
            open_database(f"sqlite:///{path}")


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "rediacc.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatabaseUnavailable):
        open_database(f"sqlite:///{tmp_path}/rediacc.db")
    assert not (tmp_path / "elsewhere").exists()


def test_interrupted_closing_prints_no_traceback(tmp_path: Path) -> None:
    program = f"""
import sys
from sqlalchemy import event
from rediacc.storage.engine import open_database
database = open_database("sqlite:///{tmp_path}/queue.db")
@event.listens_for(database.writer, "close")
def interrupt(*_):
    raise KeyboardInterrupt
with database.write():
    pass
try:
    database.close()
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_a_database_of_another_account_says_whose_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    owner = pwd.getpwuid(path.parent.stat().st_uid).pw_name
    assert engine._whose(path) == f"look at the permissions of {path.parent}"
    monkeypatch.setattr(os, "getuid", lambda: path.parent.stat().st_uid + 1)
    assert f"belongs to the account {owner}" in engine._whose(path)
