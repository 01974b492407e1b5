"""Members in the database: who has which role where."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from rediacc.storage.tables.members import Member

__all__ = ["find_member", "find_token"]

_M = Member.__table__  # type: ignore[attr-defined]


def find_member(connection: Connection, name: str) -> Row[Any] | None:
    """Return the row of member `name`."""
    return connection.execute(select(_M).where(_M.c.name == name)).one_or_none()


def find_token(connection: Connection, token_hash: str) -> Row[Any] | None:
    """Return the row of the member whose token has this hash."""
    return connection.execute(select(_M).where(_M.c.token_hash == token_hash)).one_or_none()
