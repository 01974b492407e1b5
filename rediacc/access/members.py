"""Members in the database: who has which role where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from rediacc.storage.tables.members import Member

__all__ = [
    "NewMember",
    "count_accounts",
    "delete_member",
    "find_member",
    "find_token",
    "forget_team",
    "insert_member",
    "is_use_stale",
    "list_members",
    "mark_used",
    "update_member",
]

_M = Member.__table__  # type: ignore[attr-defined]
# How exactly the last use of a token is kept: one write in so many microseconds.
_USED_STEP = 60_000_000


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """A member's row, times in microseconds."""

    name: str
    kind: str
    token_hash: str | None
    home_role: str
    teams: Mapping[str, str]
    created_at: int
    created_by: str
    expires_at: int | None


def find_member(connection: Connection, name: str) -> Row[Any] | None:
    """Return the row of member `name`."""
    return connection.execute(select(_M).where(_M.c.name == name)).one_or_none()


def find_token(connection: Connection, token_hash: str) -> Row[Any] | None:
    """Return the row of the member whose token has this hash."""
    return connection.execute(select(_M).where(_M.c.token_hash == token_hash)).one_or_none()


def list_members(connection: Connection) -> list[Row[Any]]:
    """Return all members by name."""
    return list(connection.execute(select(_M).order_by(_M.c.name)).all())


def count_accounts(connection: Connection) -> int:
    """Return how many members are accounts."""
    query = select(func.count()).select_from(_M).where(_M.c.kind == "account")
    return int(connection.execute(query).scalar_one())


def insert_member(connection: Connection, member: NewMember) -> None:
    """Add a member whose name is new."""
    connection.execute(_M.insert().values(**{**vars(member), "teams": dict(member.teams)}))


def update_member(connection: Connection, name: str, **values: Any) -> None:
    """Set columns of a member."""
    connection.execute(update(_M).where(_M.c.name == name).values(**values))


def delete_member(connection: Connection, name: str) -> None:
    """Remove a member."""
    connection.execute(_M.delete().where(_M.c.name == name))


def mark_used(connection: Connection, row: Row[Any], *, now: int) -> None:
    """Note that a member asked for something, to the minute."""
    connection.execute(update(_M).where(_M.c.name == row.name).values(used_at=now))


def is_use_stale(row: Row[Any], *, now: int) -> bool:
    """Say whether the noted last use of a member is older than it has to be."""
    return row.used_at is None or now - row.used_at > _USED_STEP


def forget_team(connection: Connection, team: str) -> list[str]:
    """Take away every role in `team`; return the names of those who had one."""
    having = [row for row in list_members(connection) if team in row.teams]
    for row in having:
        teams = {name: role for name, role in row.teams.items() if name != team}
        update_member(connection, row.name, teams=teams)
    return [row.name for row in having]
