"""Tables of alerts: what is wrong, what was sent about it, and what is to be kept quiet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = ["Alert", "Condition", "Delivery", "Silence"]


class Alert(SQLModel, table=True):
    """One cause that people are told of; while it is open, more of the same only count.

    `state` is ``open``, ``acknowledged`` or ``resolved``.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "ix_alert_open",
            "key",
            unique=True,
            sqlite_where=text("state <> 'resolved'"),
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index("ix_alert_key", "key", "id"),
        Index("ix_alert_last", "last_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    key: str
    rule: str
    team: str
    severity: str
    state: str
    title: str = Field(sa_column=Column(Text, nullable=False))
    number: int
    first_at: int = time_column(nullable=False)
    last_at: int = time_column(nullable=False)
    resolved_at: int | None = time_column()
    acknowledged_at: int | None = time_column()
    acknowledged_by: str | None = None
    task_id: int | None = Field(default=None, sa_column=Column(BIG_ID, nullable=True))
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Condition(SQLModel, table=True):
    """Since when a condition holds, for rules that wait before they speak."""

    __tablename__ = "alert_condition"

    key: str = Field(primary_key=True)
    since_at: int = time_column(nullable=False)
    seen_at: int = time_column(nullable=False)
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Delivery(SQLModel, table=True):
    """One message to one channel, recorded exactly once; sending may repeat, with the same key.

    `event` is ``trigger``, ``update`` or ``resolve``; `state` is ``pending``, ``delivered`` or
    ``given up``.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index(
            "ix_delivery_due",
            "next_at",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_delivery_alert", "alert_id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    key: str = Field(unique=True)
    alert_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
    team: str
    channel: str
    event: str
    state: str
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    tries: int = 0
    error: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_at: int = time_column(nullable=False)
    next_at: int = time_column(nullable=False)
    delivered_at: int | None = time_column()


class Silence(SQLModel, table=True):
    """Alerts that are recorded but not sent until `until_at`; empty fields fit everything."""

    __tablename__ = "silence"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    team: str = ""
    rule: str = ""
    machine: str = ""
    why: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_by: str
    created_at: int = time_column(nullable=False)
    until_at: int = time_column(nullable=False)
