"""Tables of what tasks share: machines, slots, places in an order."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = [
    "Fair",
    "Hold",
    "Machine",
    "Reserve",
    "Resource",
    "Wake",
]


class Resource(SQLModel, table=True):
    """A resource whose slots differ from the default of its sort."""

    __tablename__ = "resource"

    key: str = Field(primary_key=True)
    slots: int | None = None
    is_paused: bool = False


class Hold(SQLModel, table=True):
    """A slot of a resource, held by a task's epoch. The key makes a double hold impossible.

    Ordinary holds take slots from 0 up; the one level 1 hold of a machine takes slot -1.
    """

    __tablename__ = "hold"
    __table_args__ = (Index("ix_hold_task", "task_id", "epoch"),)

    resource: str = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
    epoch: int
    is_exclusive: bool = False
    at: int = time_column(nullable=False)


class Reserve(SQLModel, table=True):
    """A place in a resource's order that a parked task keeps while it waits for another one."""

    __tablename__ = "reserve"
    __table_args__ = (Index("ix_reserve_task", "task_id"),)

    resource: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    level: int
    pass_value: int = Field(sa_column=Column(BigInteger, nullable=False))


class Wake(SQLModel, table=True):
    """A resource that was released: the next claim promotes what is parked on it."""

    __tablename__ = "wake"

    resource: str = Field(primary_key=True)


class Fair(SQLModel, table=True):
    """Stride scheduling: the pass given last to a team at a level; team ``""`` is the base."""

    __tablename__ = "fair"

    level: int = Field(primary_key=True)
    team: str = Field(primary_key=True)
    pass_value: int = Field(sa_column=Column(BigInteger, nullable=False))


class Machine(SQLModel, table=True):
    """What rediacc knows of a machine beside its inventory: whether it takes work."""

    __tablename__ = "machine"

    team: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    state: str = "online"
    changed_at: int = time_column(nullable=False)
