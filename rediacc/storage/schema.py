"""Bringing a database to this version's schema, by Alembic migrations in the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from rediacc.errors import Conflict
from rediacc.storage.engine import Database

__all__ = ["current_revision", "downgrade", "head_revision", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Bring `database` to the newest schema, in one transaction; does nothing when it is there.

    :raises Conflict: the database was made by a newer rediacc.
    """
    with database.write() as connection:
        current = _current(connection)
        if current == head_revision():
            return
        if current is not None and current not in _known():
            raise Conflict(
                f"the database has schema {current}, which this rediacc does not know",
                hint="upgrade rediacc on this host",
            )
        command.upgrade(_config(connection), "head")


def downgrade(database: Database, revision: str) -> None:
    """Take `database` back to `revision` (``base``: no tables)."""
    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def current_revision(database: Database) -> str | None:
    """Return the schema's revision in `database`; ``None`` without tables."""
    with database.read() as connection:
        return _current(connection)


def head_revision() -> str:
    """Return the newest revision that this version knows."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if head is None:
        raise Conflict("this installation of rediacc holds no migrations", hint="reinstall it")
    return head


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
