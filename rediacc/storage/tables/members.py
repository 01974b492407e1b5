"""Tables of people: who may do what, and who set which secret when."""

from __future__ import annotations

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import time_column

__all__ = ["Member", "SecretNote"]


class Member(SQLModel, table=True):
    """A person's account or a token; `teams` maps team names to roles.

    A token is kept as its SHA-256 only. `home_role` is ``""``, ``auditor`` or ``owner``.
    """

    __tablename__ = "member"

    name: str = Field(primary_key=True)
    kind: str
    token_hash: str | None = Field(default=None, unique=True)
    home_role: str = ""
    teams: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: int = time_column(nullable=False)
    created_by: str
    expires_at: int | None = time_column()
    used_at: int | None = time_column()


class SecretNote(SQLModel, table=True):
    """When a secret of a team's vault was set, and by whom: never its value."""

    __tablename__ = "secret_note"

    team: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    set_at: int = time_column(nullable=False)
    set_by: str
