"""Tables of archives: which files hold what left the database, and how to find it again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = ["Archive", "ArchivedTask"]


class Archive(SQLModel, table=True):
    """One compressed file of JSON Lines below the home's archive directory.

    `sort` is the retention class: ``tasks``, ``samples``, ``audit``. `first` and `last` are the
    lowest and highest id in the file.
    """

    __tablename__ = "archive"
    __table_args__ = (
        Index("ix_archive_sort", "sort", "first"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    sort: str
    path: str = Field(unique=True)
    sha256: str
    rows: int
    bytes: int = Field(sa_column=Column(BIG_ID, nullable=False))
    first: int = Field(sa_column=Column(BIG_ID, nullable=False))
    last: int = Field(sa_column=Column(BIG_ID, nullable=False))
    first_at: int = time_column(nullable=False)
    last_at: int = time_column(nullable=False)
    created_at: int = time_column(nullable=False)
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ArchivedTask(SQLModel, table=True):
    """What must stay known of an archived task: its names, so that none is accepted twice."""

    __tablename__ = "archived_task"
    __table_args__ = (
        Index("ix_archived_task_uid", "uid", unique=True),
        Index(
            "ix_archived_task_key",
            "team",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    uid: str
    team: str
    idempotency_key: str | None = None
    digest: str
    archive_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
