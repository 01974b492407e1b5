"""Bringing a database to this version's schema, by Alembic migrations in the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from rediacc.errors import Conflict
from rediacc.storage.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["current_revision", "downgrade", "head_revision", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = text("SELECT version_num FROM alembic_version")


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
        from alembic import command  # costs as much as all the rest: only for migrating

        command.upgrade(_config(connection), "head")


def downgrade(database: Database, revision: str) -> None:
    """Take `database` back to `revision` (``base``: no tables)."""
    from alembic import command

    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def current_revision(database: Database) -> str | None:
    """Return the schema's revision in `database`; ``None`` without tables."""
    with database.read() as connection:
        return _current(connection)


def head_revision() -> str:
    """Return the newest revision that this version knows.

    Migration files begin with their revision, and later ones sort after earlier ones.
    """
    return max(_known())


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(_VERSION).scalar_one_or_none()
    return revision


def _known() -> set[str]:
    return {path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
