"""Tables of workers and runs, of the audit, and of what people are to be told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = [
    "AuditEntry",
    "Chore",
    "Outbox",
    "Run",
    "RunMember",
    "Worker",
]


class Run(SQLModel, table=True):
    """One Ansible process started through ansible-runner, under its own supervisor."""

    __tablename__ = "run"
    __table_args__ = (
        Index(
            "ix_run_open",
            "host",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    worker_id: str
    host: str
    boot_id: str
    pid: int | None = None
    directory: str
    started_at: int = time_column(nullable=False)
    fence_at: int | None = time_column()
    ended_at: int | None = time_column()


class RunMember(SQLModel, table=True):
    """Which attempts a run carries."""

    __tablename__ = "run_member"

    run_id: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    epoch: int


class Worker(SQLModel, table=True):
    """A worker process; the id is random for each process start."""

    __tablename__ = "worker"

    id: str = Field(primary_key=True)
    host: str
    boot_id: str
    pid: int
    version: str
    state: str
    slots: int
    urgent_slots: int
    started_at: int = time_column(nullable=False)
    beat_at: int = time_column(nullable=False)
    stopped_at: int | None = time_column()


class AuditEntry(SQLModel, table=True):
    """One entry of the hash chain: ``hash`` covers the entry and ``previous``."""

    __tablename__ = "audit"

    seq: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    at: int = time_column(nullable=False)
    actor: str
    channel: str
    operation: str
    object: str
    outcome: str
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    previous: str
    hash: str


class Outbox(SQLModel, table=True):
    """Something to tell people, recorded exactly once; delivery may repeat, with the same key."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_open",
            "kind",
            "id",
            sqlite_where=text("delivered_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    key: str = Field(unique=True)
    kind: str
    task_id: int | None = Field(default=None, sa_column=Column(BIG_ID, nullable=True))
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: int = time_column(nullable=False)
    delivered_at: int | None = time_column()


class Chore(SQLModel, table=True):
    """When something that workers do by the clock is due next; one of them does it."""

    __tablename__ = "chore"

    name: str = Field(primary_key=True)
    worker_id: str
    next_at: int = time_column(nullable=False)
