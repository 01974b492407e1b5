"""The hash chain: what was written cannot be changed unseen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queue_lab import make_template, open_copy
from sqlalchemy import Connection, text

from rediacc.audit.chain import GENESIS, append_entry, entry_hash, find_break
from rediacc.storage.engine import Database

_COLUMNS = (
    "at",
    "actor",
    "channel",
    "operation",
    "object",
    "outcome",
    "detail",
    "previous",
    "hash",
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Iterator[Database]:
    opened = open_copy(template, tmp_path / "audit.db")
    yield opened
    opened.close()


def _append(connection: Connection, number: int, **fields: Any) -> int:
    values: dict[str, Any] = {
        "actor": "alice",
        "channel": "cli",
        "operation": "task.create",
        "object_name": f"task {number}",
        "outcome": "done",
        "detail": {"task": number, "ü": [1.5, None]},
        "now": 1_800_000_000_000_000 + number,
    } | fields
    return append_entry(connection, **values)


def test_entries_are_numbered_and_chained(database: Database) -> None:
    with database.write() as connection:
        assert [_append(connection, number) for number in range(3)] == [1, 2, 3]
        rows = connection.execute(text("SELECT * FROM audit ORDER BY seq")).all()
        assert find_break(connection) is None
    assert rows[0].previous == GENESIS
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]


def test_empty_chain_is_whole(database: Database) -> None:
    with database.read() as connection:
        assert find_break(connection) is None


@pytest.mark.parametrize(
    "name", ["x\udcff", "\ud800", "a\0b", "ü", "x" * 10_000, "a\nb", "'; DROP TABLE audit; --"]
)
def test_hostile_names_are_entered_and_the_chain_stays_whole(database: Database, name: str) -> None:
    with database.write() as connection:
        _append(connection, 1, object_name=name, actor=name, detail={name: name, "n": float("nan")})
        _append(connection, 2)
    with database.read() as connection:
        assert find_break(connection) is None


def test_hash_covers_every_field() -> None:
    entry = {"seq": 1, **{name: "x" for name in _COLUMNS if name != "hash"}}
    hashes = {entry_hash(entry)} | {entry_hash(entry | {name: "y"}) for name in entry}
    assert len(hashes) == len(entry) + 1


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    length=st.integers(2, 8),
    where=st.integers(1, 8),
    damage=st.sampled_from([*_COLUMNS, "seq", "delete", "swap", "insert", "rehash"]),
)
def test_any_damage_is_found(template: Path, length: int, where: int, damage: str) -> None:
    where = 1 + (where - 1) % length
    with tempfile.TemporaryDirectory() as directory:
        database = open_copy(template, Path(directory) / "audit.db")
        with database.write() as connection:
            for number in range(length):
                _append(connection, number)
            expected = _damage(connection, damage, where, length)
        with database.read() as connection:
            assert find_break(connection) == expected
        database.close()


def _damage(connection: Connection, damage: str, where: int, length: int) -> int | None:
    """Damage the entry and return where the break is; ``None``: cut at the end, unseen."""

    def run(sql: str, **parameters: Any) -> None:
        connection.execute(text(sql), {"n": where} | parameters)

    if damage == "delete":
        run("DELETE FROM audit WHERE seq = :n")
        # Without a remembered checkpoint nobody can tell that the last entries are missing.
        return None if where == length else where + 1
    if damage == "swap":
        other = where + 1 if where < length else where - 1
        run("UPDATE audit SET seq = -1 WHERE seq = :n")
        run("UPDATE audit SET seq = :n WHERE seq = :other", other=other)
        run("UPDATE audit SET seq = :other WHERE seq = -1", other=other)
        return min(where, other)
    if damage == "insert":
        run("UPDATE audit SET seq = seq + 100 WHERE seq > :n")
        run("UPDATE audit SET seq = seq - 99 WHERE seq > 100")
        run(
            "INSERT INTO audit SELECT :n + 1, at, actor, channel, operation, object, outcome, "
            "detail, hash, hash FROM audit WHERE seq = :n"
        )
        return where + 1
    if damage == "rehash":  # an edit with a hash that fits the entry, but not the next one
        row = connection.execute(text("SELECT * FROM audit WHERE seq = :n"), {"n": where}).one()
        import json

        entry = dict(row._mapping) | {"actor": "mallory", "detail": json.loads(row.detail)}
        run(
            "UPDATE audit SET actor = 'mallory', hash = :hash WHERE seq = :n",
            hash=entry_hash(entry),
        )
        return None if where == length else where + 1
    if damage == "seq":
        run("UPDATE audit SET seq = 99 WHERE seq = :n")
        return 99 if where == length else where + 1
    value: Any = {"at": 1, "detail": "{}"}.get(damage, "y")
    run(f"UPDATE audit SET {damage} = :value WHERE seq = :n", value=value)
    return where
