"""What a task that keeps its place before others waits for itself, in the end."""

from __future__ import annotations

from sqlalchemy import Connection, text

from rediacc.values import Reason, State

__all__ = ["cause_of"]

_PARKED = text("SELECT parked_on, reason FROM task WHERE id = :id AND state = :parked")
_HOLDER = text("SELECT task_id FROM hold WHERE resource = :resource ORDER BY at LIMIT 1")
_RESERVER = text(
    "SELECT task_id FROM reserve WHERE resource = :resource AND task_id <> :id "
    "ORDER BY level, pass_value, task_id LIMIT 1"
)
_LONGEST = 20


def cause_of(connection: Connection, task_id: int) -> str:
    """Return why task `task_id` waits, through all those that it stands behind; empty: unknown."""
    seen: set[int] = set()
    for _turn in range(_LONGEST):
        row = connection.execute(_PARKED, {"id": task_id, "parked": int(State.PARKED)}).first()
        if row is None or task_id in seen:
            return ""
        seen.add(task_id)
        sort, _separator, name = row.parked_on.partition(":")
        what = f"team {name}" if sort == "team" else f"machine {name.partition('/')[2]}"
        if row.reason == Reason.MAINTENANCE:
            return f"{what} is in maintenance"
        if row.reason == Reason.OFFLINE:
            return f"{what} is set offline"
        holder = connection.execute(_HOLDER, {"resource": row.parked_on}).scalar()
        if holder is not None:
            return f"{what} is busy with task {holder}"
        parameters = {"resource": row.parked_on, "id": task_id}
        ahead = connection.execute(_RESERVER, parameters).scalar()
        if ahead is None:
            return ""
        task_id = int(ahead)
    return ""
