"""Why a pending task waits, in words, with the holder and since when."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, text

from rediacc.queue.chains import cause_of
from rediacc.queue.stopping import leftovers
from rediacc.times import moment
from rediacc.values import Reason, State
from rediacc.views import TaskView

__all__ = ["NO_WORKER", "blocked_words", "explain", "has_live_worker"]

NO_WORKER = "no worker is running: rediacc worker"
_HOLDERS = text(
    "SELECT hold.task_id, hold.at, task.title FROM hold JOIN task ON task.id = hold.task_id "
    "WHERE hold.resource = :resource ORDER BY hold.at"
)
_RESERVERS = text(
    "SELECT reserve.task_id FROM reserve WHERE reserve.resource = :resource "
    "AND reserve.task_id <> :id ORDER BY level, pass_value, task_id LIMIT 3"
)
_AHEAD = text(
    "SELECT COUNT(*) FROM task WHERE state = 3 AND (level < :level OR (level = :level AND "
    "(pass_value < :value OR (pass_value = :value AND id < :id))))"
)
_WORKERS = text("SELECT MAX(beat_at) FROM worker WHERE stopped_at IS NULL")
_LAST_HELD = text(
    "SELECT detail FROM event WHERE task_id = :id AND name = 'held' ORDER BY id DESC LIMIT 1"
)


def explain(
    connection: Connection, row: Row[Any], view: TaskView, *, live_since: int
) -> tuple[str, ...]:
    """Return the reasons, the strongest first; never empty for a pending task."""
    reasons = _reasons(connection, row, view, live_since=live_since)
    if row.expires_at is None or row.started_at is not None:
        return reasons
    until = f"{moment(row.expires_at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return (*reasons, f"it fails when it has not started by {until}")


def _reasons(
    connection: Connection, row: Row[Any], view: TaskView, *, live_since: int
) -> tuple[str, ...]:
    state = State(row.state)
    if state is State.SCHEDULED:
        when = f"{moment(row.eligible_at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if row.reason == Reason.RETRY:
            return (f"waits for its retry at {when} ({row.retries_left} more after that)",)
        return (f"scheduled: not before {when}",)
    if state is State.PARKED:
        words = blocked_words(connection, row.parked_on, row.reason, task_id=row.id)
        is_served = has_live_worker(connection, live_since=live_since)
        return words if is_served else (*words, NO_WORKER)
    if state is State.HELD:
        return (
            f"held for a person: {row.message or 'its end is unknown'}",
            f"decide: rediacc release task {view.id} --retry (or --fail)",
        )
    if row.reason == Reason.CANCELLING:
        return _stopping(connection, row, live_since=live_since)
    if state is State.CLAIMED:
        return ("a worker has claimed it and prepares its run",)
    return _ready(connection, row, live_since=live_since)


def _stopping(connection: Connection, row: Row[Any], *, live_since: int) -> tuple[str, ...]:
    if not has_live_worker(connection, live_since=live_since):
        return (NO_WORKER,)
    left = leftovers(connection, row.id) if row.state == State.STOPPING else ()
    where = sorted({name for one in left for name in one.machines})
    if not where:
        return ("its run is being ended, here and on its machines",)
    return (f"a worker looks for what earlier attempts left on {', '.join(where[:5])}",)


def has_live_worker(connection: Connection, *, live_since: int) -> bool:
    """Whether a worker has beaten since `live_since` (microseconds)."""
    latest = connection.execute(_WORKERS).scalar_one_or_none()
    return latest is not None and int(latest) > live_since


def blocked_words(
    connection: Connection, resource: str, reason: str, *, task_id: int
) -> tuple[str, ...]:
    """Return why a task cannot have `resource` now; `reason` is what the plan said."""
    sort, _separator, name = resource.partition(":")
    if reason == Reason.MAINTENANCE:
        return (f"machine {name.partition('/')[2]} is in maintenance",)
    if reason == Reason.OFFLINE:
        return (f"machine {name.partition('/')[2]} is set offline",)
    what = f"team {name}" if sort == "team" else f"machine {name.partition('/')[2]}"
    holders = connection.execute(_HOLDERS, {"resource": resource}).all()
    reasons = [
        f"{what} is busy with task {holder.task_id} since {moment(holder.at):%H:%M:%S} UTC "
        f"({holder.title})"
        for holder in holders[:3]
    ]
    parameters = {"resource": resource, "id": task_id}
    reasons += [
        f"task {other} waits for {what} before it{_itself(connection, other)}"
        for other in connection.execute(_RESERVERS, parameters).scalars()
        if not holders
    ]
    return tuple(reasons) or (f"{what} was just released: the next claim looks at it again",)


def _itself(connection: Connection, task_id: int) -> str:
    cause = cause_of(connection, task_id)
    return f", and itself because {cause}" if cause else ""


def _ready(connection: Connection, row: Row[Any], *, live_since: int) -> tuple[str, ...]:
    parameters = {"level": row.level, "value": row.pass_value, "id": row.id}
    ahead = int(connection.execute(_AHEAD, parameters).scalar_one())
    if not has_live_worker(connection, live_since=live_since):
        return (NO_WORKER,)
    if ahead:
        return (f"{ahead} runnable tasks stand before it at level {row.level} or above",)
    return ("first in its level: it starts when a worker has a free slot",)
