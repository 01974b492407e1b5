"""Migrations: up, down, up again; the same tables as the models say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from queue_lab import Lab, result
from sqlalchemy import inspect

from rediacc.audit.chain import find_break
from rediacc.errors import Conflict
from rediacc.queue.sweep import find_violations
from rediacc.storage.engine import Database, open_database
from rediacc.storage.schema import current_revision, downgrade, head_revision, upgrade
from rediacc.storage.tables import schema as schema_tables
from rediacc.storage.tables.schema import METADATA


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'rediacc.db'}")
    yield opened
    opened.close()


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_upgrade_from_nothing_makes_every_table(database: Database) -> None:
    assert current_revision(database) is None
    upgrade(database)
    assert current_revision(database) == head_revision()
    assert _tables(database) == set(METADATA.tables)
    assert {"task", "audit", "outbox"} <= _tables(database)


def test_second_upgrade_changes_nothing(database: Database) -> None:
    upgrade(database)
    mark = database.change_mark()
    upgrade(database)
    assert database.change_mark() == mark


def test_migrations_make_what_the_models_say(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        found = {
            index["name"]
            for table in METADATA.tables
            for index in inspect(connection).get_indexes(table)
        }
    named = {index.name for table in METADATA.tables.values() for index in table.indexes}
    assert found == named


def test_partial_indexes_keep_their_conditions(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type='index'")
        made = {row.name: row.sql for row in rows}
    for table in METADATA.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            if condition is not None:
                assert made[index.name].endswith(f"WHERE {condition.text}")


def test_claims_queries_use_the_partial_indexes(database: Database) -> None:
    from rediacc.queue import claim

    upgrade(database)
    expected = {
        "_READY": "ix_task_ready",
        "_PARKED": "ix_task_parked",
        "_DUE": "ix_task_due",
        "_OVERDUE": "ix_task_overdue",
        "_FORGET_WAKES": "ix_task_parked",
    }
    values = {"level": 5, "limit": 9, "now": 1, "resource": "r"}
    with database.read() as connection:
        for name, index in expected.items():
            statement = getattr(claim, name)
            compiled = statement.compile(dialect=connection.dialect)
            given = tuple(values[parameter] for parameter in compiled.positiontup or ())
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", given).all()
            assert any(index in step.detail for step in steps), (name, steps)


def test_down_to_nothing_and_up_again_with_rows_in_the_tables(database: Database) -> None:
    upgrade(database)
    lab = Lab(database)
    _fill(lab)
    downgrade(database, "base")
    assert _tables(database) == set()
    upgrade(database)
    _fill(lab)
    with database.read() as connection:
        assert find_violations(connection) == []
        assert find_break(connection) is None


def _fill(lab: Lab) -> None:
    first, second = lab.submit("a", labels={"x": "y"}), lab.submit("a")
    lab.claim()
    lab.run(first, result("a"))
    assert lab.claim_ids() == [second]


def test_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    upgrade(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    mark = database.change_mark()
    with pytest.raises(Conflict, match="9999"):
        upgrade(database)
    assert database.change_mark() == mark


def test_failed_upgrade_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    def fail(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(op, "create_index", fail)
    with pytest.raises(RuntimeError, match="no"):
        upgrade(database)
    assert _tables(database) == set()
    assert current_revision(database) is None


def test_the_schema_knows_every_module_of_tables() -> None:
    folder = Path(schema_tables.__file__).parent
    modules = {path.stem for path in folder.glob("[a-z]*.py")} - {"schema"}
    assert modules <= set(dir(schema_tables))
