"""Tables of tasks: what was asked for, tries, results, Ansible's steps, what happened when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, Text, text
from sqlmodel import Field, SQLModel

from rediacc.storage.tables._columns import BIG_ID, time_column

__all__ = [
    "Attempt",
    "Counter",
    "Event",
    "Label",
    "Output",
    "Result",
    "Step",
    "Task",
    "TaskMachine",
    "TaskPayload",
]

# Columns that came after rows were there.
_ZERO: dict[str, Any] = {"nullable": False, "server_default": "0"}
_ORIGIN: dict[str, Any] = {"nullable": False, "server_default": "queue"}


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
            "ix_task_expires",
            "expires_at",
            sqlite_where=text("state <= 4 AND expires_at IS NOT NULL"),
            postgresql_where=text("state <= 4 AND expires_at IS NOT NULL"),
        ),
        Index(
            "ix_task_waiting",
            "team",
            "level",
            "eligible_at",
            sqlite_where=text("state IN (3, 4)"),
            postgresql_where=text("state IN (3, 4)"),
        ),
        Index(
            "ix_task_working",
            "worker_id",
            sqlite_where=text("state IN (5, 6, 7)"),
            postgresql_where=text("state IN (5, 6, 7)"),
        ),
        Index(
            "ix_task_stopping",
            "id",
            sqlite_where=text("state = 9"),
            postgresql_where=text("state = 9"),
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

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
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
    created_at: int = time_column(nullable=False)
    eligible_at: int = time_column(nullable=False)
    start_by_at: int | None = time_column()
    expires_at: int | None = time_column()
    queued_from_at: int | None = time_column()
    started_at: int | None = time_column()
    finished_at: int | None = time_column()
    cancel_at: int | None = time_column()
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
    origin: str = Field(default="queue", sa_column=Column(String, **_ORIGIN))


class TaskPayload(SQLModel, table=True):
    """What was asked for, written once; the policy alone may change while the task is pending."""

    __tablename__ = "task_payload"

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    policy: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    timeout_seconds: float | None = None
    revision: str | None = None


class TaskMachine(SQLModel, table=True):
    """A machine that a task was shown to target, and how it fared last."""

    __tablename__ = "task_machine"
    __table_args__ = (Index("ix_task_machine_name", "machine", "task_id"),)

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    machine: str = Field(primary_key=True)
    position: int
    outcome: str = "pending"


class Label(SQLModel, table=True):
    """A label of a task."""

    __tablename__ = "label"
    __table_args__ = (Index("ix_label_value", "name", "value", "task_id"),)

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    name: str = Field(primary_key=True)
    value: str


class Attempt(SQLModel, table=True):
    """One try at a task, named by the task's epoch.

    ``left_on`` names the machines where something of it may still be running; NULL when it is
    known that nothing is. ``may_have_become`` tells whether that may run as another user than the
    one who logs in, though the task did not ask for it; NULL when nobody knows.
    ``steps_read`` is the number of the last step that was dealt with, ``steps_left_out`` how many
    of them were too many to keep.
    """

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_run", "run_id"),)

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    epoch: int = Field(primary_key=True)
    number: int
    worker_id: str
    run_id: str | None = None
    machines: list[str] = Field(sa_column=Column(JSON, nullable=False))
    left_on: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    may_have_become: bool | None = None
    claimed_at: int = time_column(nullable=False)
    started_at: int | None = time_column()
    ended_at: int | None = time_column()
    outcome: str = ""
    reason: str = ""
    message: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    steps_read: int = Field(default=0, sa_column=Column(Integer, **_ZERO))
    steps_left_out: int = Field(default=0, sa_column=Column(Integer, **_ZERO))


class Result(SQLModel, table=True):
    """What one machine did in one attempt, masked; output as bytes, for it need not be text."""

    __tablename__ = "result"
    __table_args__ = (Index("ix_result_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    task_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
    epoch: int
    machine: str
    at: int = time_column(nullable=False)
    outcome: str
    failure: str | None = None
    rc: int | None = None
    message: str = Field(sa_column=Column(Text, nullable=False))
    stdout: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stderr: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Step(SQLModel, table=True):
    """What one Ansible task of a playbook did on one machine, masked.

    ``number`` orders the steps of an attempt; it is the record's, so that none is stored twice.
    """

    __tablename__ = "step"

    task_id: int = Field(sa_column=Column(BIG_ID, primary_key=True, autoincrement=False))
    epoch: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    machine: str
    status: str
    play: str
    name: str
    action: str
    path: str
    started_at: int | None = time_column()
    ended_at: int | None = time_column()
    rc: int | None = None
    message: str = Field(sa_column=Column(Text, nullable=False))
    is_cut: bool
    delegated_to: list[str] = Field(sa_column=Column(JSON, nullable=False))
    diff: str = Field(default="", sa_column=Column(Text, server_default="", nullable=False))


class Output(SQLModel, table=True):
    """A piece of Ansible's own output of a playbook, masked."""

    __tablename__ = "output"
    __table_args__ = (Index("ix_output_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    task_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
    epoch: int
    at: int = time_column(nullable=False)
    text: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Event(SQLModel, table=True):
    """One step in a task's life, written in the transaction of the step."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_task", "task_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True))
    task_id: int = Field(sa_column=Column(BIG_ID, nullable=False))
    epoch: int
    at: int = time_column(nullable=False)
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
