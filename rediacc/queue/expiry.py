"""Tasks that did not start in time (``--expires-in``): they fail, and nothing of them ever runs.

Every claim and every sweep ends them first, and a claimed task is refused its start once its time
has passed: what expired was never started.
"""

from __future__ import annotations

from sqlalchemy import JSON, Connection, text

from rediacc.audit.chain import append_entry
from rediacc.queue.changes import leave_queue
from rediacc.queue.outcome import conclude_failed
from rediacc.queue.policies import policy_from_json
from rediacc.queue.telling import tell
from rediacc.queue.transitions import key_of, move
from rediacc.times import moment
from rediacc.values import Reason

__all__ = ["expire", "has_expired", "next_expiry_at"]

_MOST = 25
# As the partial index says it; a task that began in time may take its retries later.
_EXPIRED = text(
    "SELECT task.id, epoch, team, level, state, title, expires_at, policy FROM task "
    "JOIN task_payload ON task_payload.task_id = task.id "
    "WHERE state <= 4 AND expires_at IS NOT NULL AND expires_at <= :now AND started_at IS NULL "
    "ORDER BY expires_at, task.id LIMIT :limit"
).columns(policy=JSON)
_NEXT = text(
    "SELECT MIN(expires_at) FROM task WHERE state <= 4 AND expires_at IS NOT NULL "
    "AND started_at IS NULL"
)
_ONE = text(
    "SELECT 1 FROM task WHERE id = :id AND state <= 4 AND expires_at <= :now AND started_at IS NULL"
)


def expire(connection: Connection, *, now: int, limit: int = _MOST) -> tuple[int, ...]:
    """End pending tasks whose time has passed before they started; return their numbers.

    :param limit: how many at most in one transaction.
    """
    ended = []
    for row in connection.execute(_EXPIRED, {"now": now, "limit": limit}).all():
        key = key_of(row)
        conclusion = conclude_failed(
            Reason.EXPIRED, None, (), policy=policy_from_json(row.policy), level=row.level
        )
        message = f"not started before {moment(row.expires_at):%Y-%m-%d %H:%M:%S} UTC"
        leave_queue(connection, key)
        move(
            connection,
            key,
            conclusion.state,
            reason=conclusion.reason,
            name="expired",
            actor="queue",
            now=now,
            detail={"message": message},
            parked_on=None,
            worker_id=None,
            finished_at=now,
            message=message,
        )
        append_entry(
            connection,
            actor="queue",
            channel="queue",
            operation="task.outcome",
            object_name=f"task {row.id}",
            outcome=conclusion.state.name.lower(),
            detail={"reason": str(conclusion.reason), "epoch": row.epoch},
            now=now,
        )
        tell(connection, row, conclusion, message=message, now=now)
        ended.append(int(row.id))
    return tuple(ended)


def has_expired(connection: Connection, task_id: int, *, now: int) -> bool:
    """Return whether a pending task's time has passed and nobody has ended it yet."""
    return connection.execute(_ONE, {"id": task_id, "now": now}).first() is not None


def next_expiry_at(connection: Connection) -> int | None:
    """Return when the next pending task expires, in microseconds."""
    value = connection.execute(_NEXT).scalar_one_or_none()
    return None if value is None else int(value)
