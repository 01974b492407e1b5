"""Tables of measurements: machines and the queue, newest and rolled up.

A resolution is a number of seconds (60, 300, 3600); a roll-up's `at` is the start of its span.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, Text
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = ["QueueSample", "Sample", "SampleRollup"]


class Sample(SQLModel, table=True):
    """One look at a machine. Percentages are of the whole machine; sizes are bytes."""

    __tablename__ = "sample"
    __table_args__ = (
        Index("ix_sample_machine", "team", "machine", "at"),
        Index("ix_sample_at", "at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    team: str
    machine: str
    at: int = time_column(nullable=False)
    is_reachable: bool
    cpus: int | None = None
    cpu_percent: float | None = None
    load1: float | None = None
    memory_percent: float | None = None
    memory_bytes: int | None = Field(default=None, sa_column=Column(BIG_ID, nullable=True))
    disk_percent: float | None = None
    disk_path: str | None = None
    uptime_seconds: float | None = None
    message: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))


class SampleRollup(SQLModel, table=True):
    """All looks at a machine in one span of time."""

    __tablename__ = "sample_rollup"

    resolution: int = Field(primary_key=True)
    at: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    team: str = Field(primary_key=True)
    machine: str = Field(primary_key=True)
    number: int
    unreachable: int
    cpu_percent: float | None = None
    cpu_percent_max: float | None = None
    load1: float | None = None
    memory_percent: float | None = None
    memory_percent_max: float | None = None
    disk_percent_max: float | None = None


class QueueSample(SQLModel, table=True):
    """The queue of one team and level in one span of time.

    Resolution 0 holds the sums since the beginning. A row of team ``""`` says that the span was
    recorded: a team and level in which nothing was and nothing happened has no row.

    :param pending: at the end of a minute; on average in a longer span.
    :param completions: tasks that became final; `failures` and `cancellations` are part of them.
    :param waits: how many starts waited how long: upper bound of a class in seconds → number;
        ``sum`` is the sum of all waits in seconds.
    """

    __tablename__ = "queue_sample"

    resolution: int = Field(primary_key=True)
    at: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    team: str = Field(primary_key=True)
    level: int = Field(primary_key=True)
    pending: int
    pending_max: int
    running: int
    arrivals: int
    starts: int
    completions: int
    failures: int
    cancellations: int
    waits: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
