"""Accepting a task: one transaction, after which it cannot be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from rediacc.errors import Conflict
from rediacc.queue.rules import QueueRules
from rediacc.queue.transitions import count, insert_event
from rediacc.storage.tables.tasks import Label, Task, TaskMachine, TaskPayload
from rediacc.times import seconds
from rediacc.values import Kind, Reason, State

__all__ = ["NewTask", "Submitted", "find_existing", "next_pass", "start_by", "submit"]

_STRIDE = 1_000_000
_TASK = Task.__table__.insert().returning(Task.__table__.c.id)  # type: ignore[attr-defined]
_PAYLOAD = TaskPayload.__table__.insert()  # type: ignore[attr-defined]
_MACHINE = TaskMachine.__table__.insert()  # type: ignore[attr-defined]
_LABEL = Label.__table__.insert()  # type: ignore[attr-defined]
_BY_KEY = text(
    "SELECT id, digest, NULL AS archive_id FROM task "
    "WHERE team = :team AND idempotency_key = :key "
    "UNION ALL SELECT task_id, digest, archive_id FROM archived_task "
    "WHERE team = :team AND idempotency_key = :key"
)
_BY_UID = text(
    "SELECT id, digest, NULL AS archive_id FROM task WHERE uid = :uid "
    "UNION ALL SELECT task_id, digest, archive_id FROM archived_task WHERE uid = :uid"
)
_PASSES = text("SELECT team, pass_value FROM fair WHERE level = :level AND team IN ('', :team)")
_SET_PASS = text(
    "INSERT INTO fair (level, team, pass_value) VALUES (:level, :team, :value) "
    "ON CONFLICT (level, team) DO UPDATE SET pass_value = :value"
)


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A task that is ready to be accepted: everything resolved and checked.

    :param digest: names the content; the same key with another digest is a conflict.
    :param eligible_at: microseconds; not before this time.
    :param expires_at: microseconds; not started by then, it fails.
    """

    uid: str
    team: str
    kind: Kind
    title: str
    level: int
    machines: tuple[str, ...]
    request: Mapping[str, Any]
    policy: Mapping[str, Any]
    retries: int
    created_by: str
    digest: str
    eligible_at: int
    named: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    revision: str | None = None
    idempotency_key: str | None = None
    is_exclusive: bool = False
    expires_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """The task's number, and whether this submission made it.

    :param archive_id: the file of the archive that holds it; ``None`` while the database does.
    """

    id: int
    is_new: bool
    archive_id: int | None = None


def submit(connection: Connection, task: NewTask, *, rules: QueueRules, now: int) -> Submitted:
    """Write `task` to the queue, or find the one that the same key or UUID made before.

    Archived tasks count: a key means one task for ever.

    :raises Conflict: the key or UUID names a task with other content.
    """
    existing = find_existing(connection, task)
    if existing is not None:
        return existing
    is_due = task.eligible_at <= now
    state = State.READY if is_due else State.SCHEDULED
    reason = Reason.QUEUED if is_due else Reason.SCHEDULED
    values = {
        "uid": task.uid,
        "team": task.team,
        "kind": str(task.kind),
        "title": task.title,
        "named": task.named,
        "level": task.level,
        "pass_value": next_pass(connection, task.team, task.level, rules) if is_due else 0,
        "state": int(state),
        "reason": str(reason),
        "message": "",
        "created_at": now,
        "eligible_at": max(task.eligible_at, now) if is_due else task.eligible_at,
        "start_by_at": start_by(task.level, now, rules) if is_due else None,
        "expires_at": task.expires_at,
        "created_by": task.created_by,
        "attempt": 0,
        "losses": 0,
        "retries_left": task.retries,
        "epoch": 0,
        "exclusive": task.is_exclusive,
        "idempotency_key": task.idempotency_key,
        "digest": task.digest,
    }
    task_id = int(connection.execute(_TASK, values).scalar_one())
    connection.execute(
        _PAYLOAD,
        {
            "task_id": task_id,
            "request": dict(task.request),
            "policy": dict(task.policy),
            "timeout_seconds": task.timeout_seconds,
            "revision": task.revision,
        },
    )
    if task.machines:  # a playbook's plays may match none
        connection.execute(
            _MACHINE,
            [
                {"task_id": task_id, "machine": name, "position": position, "outcome": "pending"}
                for position, name in enumerate(task.machines)
            ],
        )
    if task.labels:
        labels = [{"task_id": task_id, "name": n, "value": v} for n, v in task.labels.items()]
        connection.execute(_LABEL, labels)
    count(connection, task.team, task.level, state, 1)
    insert_event(
        connection,
        task_id=task_id,
        epoch=0,
        now=now,
        name="created",
        state=state,
        reason=reason,
        actor=task.created_by,
        detail={"priority": task.level, "machines": len(task.machines)},
    )
    return Submitted(id=task_id, is_new=True)


def next_pass(connection: Connection, team: str, level: int, rules: QueueRules) -> int:
    """Stamp the next pass of `team` at `level` (stride scheduling by the team's weight)."""
    rows = connection.execute(_PASSES, {"level": level, "team": team}).all()
    latest = max((row.pass_value for row in rows), default=0)
    value = int(latest) + _STRIDE // rules.weights.get(team, 1)
    connection.execute(_SET_PASS, {"level": level, "team": team, "value": value})
    return value


def start_by(level: int, now: int, rules: QueueRules) -> int | None:
    """Return when a task that queues now becomes overdue; ``None`` for never."""
    limit = rules.level_limits.get(level, 0)
    return now + seconds(limit) if limit else None


def find_existing(connection: Connection, task: NewTask) -> Submitted | None:
    """Return the task that the same UUID or key made before, if there is one.

    :raises Conflict: it names a task with other content.
    """
    row = connection.execute(_BY_UID, {"uid": task.uid}).one_or_none()
    what = f"taskId {task.uid}"
    if row is None and task.idempotency_key is not None:
        parameters = {"team": task.team, "key": task.idempotency_key}
        row = connection.execute(_BY_KEY, parameters).one_or_none()
        what = f"idempotency key {task.idempotency_key!r}"
    if row is None:
        return None
    if row.digest != task.digest:
        raise Conflict(
            f"{what} already names task {row.id}, which asks for something else",
            hint="use another key, or repeat the same request",
        )
    return Submitted(id=int(row.id), is_new=False, archive_id=row.archive_id)
