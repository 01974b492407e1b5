"""The tables: the truth for tasks, attempts, runs, workers, audit.

Times are whole microseconds since 1970 UTC (``_at``); both databases order and index them alike.
State numbers are those of :class:`rediacc.values.State`, and stand as constants in the conditions
of partial indexes so that generic plans can prove them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

__all__ = [
    "Attempt",
    "AuditEntry",
    "Counter",
    "Event",
    "Fair",
    "Hold",
    "Label",
    "Machine",
    "Outbox",
    "Output",
    "Reserve",
    "Resource",
    "Result",
    "Run",
    "RunMember",
    "Task",
    "TaskMachine",
    "TaskPayload",
    "Wake",
    "Worker",
]

# SQLite makes an alias of the row id only from INTEGER; PostgreSQL wants 64 bits.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _time(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable))


class Task(SQLModel, table=True):
    """The narrow, hot row of a task; what was asked for lies in :class:`TaskPayload`."""

    __tablename__ = "task"
    __table_args__ = (
        Index(
            "ix_task_ready",
            "level",
            "pass_value",
            "id",
            sqlite_where=text("state = 3"),
            postgresql_where=text("state = 3"),
        ),
        Index(
            "ix_task_overdue",
            "start_by_at",
            "id",
            sqlite_where=text("state = 3"),
            postgresql_where=text("state = 3"),
        ),
        Index(
            "ix_task_parked",
            "parked_on",
            "level",
            "pass_value",
            "id",
            sqlite_where=text("state = 4"),
            postgresql_where=text("state = 4"),
        ),
        Index(
            "ix_task_due",
            "eligible_at",
            sqlite_where=text("state = 1"),
            postgresql_where=text("state = 1"),
        ),
        Index(
            "ix_task_working",
            "worker_id",
            sqlite_where=text("state IN (5, 6, 7)"),
            postgresql_where=text("state IN (5, 6, 7)"),
        ),
        Index(
            "ix_task_finished",
            "finished_at",
            sqlite_where=text("state >= 20"),
            postgresql_where=text("state >= 20"),
        ),
        Index(
            "ix_task_key",
            "team",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(_Id, primary_key=True))
    uid: str = Field(unique=True)
    team: str
    kind: str
    title: str = Field(sa_column=Column(Text, nullable=False))
    named: str | None = None
    level: int
    pass_value: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: int
    reason: str
    message: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    parked_on: str | None = None
    created_at: int = _time(nullable=False)
    eligible_at: int = _time(nullable=False)
    start_by_at: int | None = _time()
    started_at: int | None = _time()
    finished_at: int | None = _time()
    cancel_at: int | None = _time()
    created_by: str
    attempt: int = 0
    losses: int = 0
    retries_left: int = 0
    epoch: int = 0
    worker_id: str | None = None
    exclusive: bool = False
    rc: int | None = None
    idempotency_key: str | None = None
    digest: str = ""


class TaskPayload(SQLModel, table=True):
    """What was asked for, written once; the policy alone may change while the task is pending."""

    __tablename__ = "task_payload"

    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    policy: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    timeout_seconds: float | None = None
    revision: str | None = None


class TaskMachine(SQLModel, table=True):
    """A machine that a task was shown to target, and how it fared last."""

    __tablename__ = "task_machine"
    __table_args__ = (Index("ix_task_machine_name", "machine", "task_id"),)

    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    machine: str = Field(primary_key=True)
    position: int
    outcome: str = "pending"


class Label(SQLModel, table=True):
    """A label of a task."""

    __tablename__ = "label"
    __table_args__ = (Index("ix_label_value", "name", "value", "task_id"),)

    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    name: str = Field(primary_key=True)
    value: str


class Attempt(SQLModel, table=True):
    """One try at a task, named by the task's epoch."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_run", "run_id"),)

    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    epoch: int = Field(primary_key=True)
    number: int
    worker_id: str
    run_id: str | None = None
    machines: list[str] = Field(sa_column=Column(JSON, nullable=False))
    claimed_at: int = _time(nullable=False)
    started_at: int | None = _time()
    ended_at: int | None = _time()
    outcome: str = ""
    reason: str = ""
    message: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))


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
    started_at: int = _time(nullable=False)
    fence_at: int | None = _time()
    ended_at: int | None = _time()


class RunMember(SQLModel, table=True):
    """Which attempts a run carries."""

    __tablename__ = "run_member"

    run_id: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    epoch: int


class Result(SQLModel, table=True):
    """What one machine did in one attempt, masked; output as bytes, for it need not be text."""

    __tablename__ = "result"
    __table_args__ = (Index("ix_result_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(_Id, primary_key=True))
    task_id: int = Field(sa_column=Column(_Id, nullable=False))
    epoch: int
    machine: str
    at: int = _time(nullable=False)
    outcome: str
    failure: str | None = None
    rc: int | None = None
    message: str = Field(sa_column=Column(Text, nullable=False))
    stdout: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stderr: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Output(SQLModel, table=True):
    """A piece of Ansible's own output of a playbook, masked."""

    __tablename__ = "output"
    __table_args__ = (Index("ix_output_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(_Id, primary_key=True))
    task_id: int = Field(sa_column=Column(_Id, nullable=False))
    epoch: int
    at: int = _time(nullable=False)
    text: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Event(SQLModel, table=True):
    """One step in a task's life, written in the transaction of the step."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(_Id, primary_key=True))
    task_id: int = Field(sa_column=Column(_Id, nullable=False))
    epoch: int
    at: int = _time(nullable=False)
    name: str
    state: int
    reason: str
    actor: str
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Counter(SQLModel, table=True):
    """How many tasks are in a state, kept by every transition; a recount must agree."""

    __tablename__ = "counter"

    team: str = Field(primary_key=True)
    level: int = Field(primary_key=True)
    state: int = Field(primary_key=True)
    number: int


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
    task_id: int = Field(sa_column=Column(_Id, nullable=False))
    epoch: int
    is_exclusive: bool = False
    at: int = _time(nullable=False)


class Reserve(SQLModel, table=True):
    """A place in a resource's order that a parked task keeps while it waits for another one."""

    __tablename__ = "reserve"
    __table_args__ = (Index("ix_reserve_task", "task_id"),)

    resource: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
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
    changed_at: int = _time(nullable=False)


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
    started_at: int = _time(nullable=False)
    beat_at: int = _time(nullable=False)
    stopped_at: int | None = _time()


class AuditEntry(SQLModel, table=True):
    """One entry of the hash chain: ``hash`` covers the entry and ``previous``."""

    __tablename__ = "audit"

    seq: int = Field(sa_column=Column(_Id, primary_key=True, autoincrement=False))
    at: int = _time(nullable=False)
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
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(_Id, primary_key=True))
    key: str = Field(unique=True)
    kind: str
    task_id: int | None = Field(default=None, sa_column=Column(_Id, nullable=True))
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: int = _time(nullable=False)
    delivered_at: int | None = _time()
