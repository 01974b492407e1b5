"""What is left to do: what a worker that is to empty the queue still waits for, and what it cannot.

A machine that is in maintenance or offline keeps its tasks. A task of several machines that waits
for such a one keeps its place on the others, and so keeps what is behind it there, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

__all__ = ["StuckTask", "remaining_work", "stuck_tasks", "stuck_words"]

_WORKABLE = text(
    "SELECT COUNT(*) FROM task WHERE state IN (3, 5, 6, 9) OR (state = 1 AND reason = 'retry')"
)
_PARKED_NUMBER = text("SELECT COUNT(*) FROM task WHERE state = 4")
_PARKED = text(
    "SELECT id, reason, parked_on, level, pass_value FROM task WHERE state = 4 "
    "ORDER BY level, pass_value, id"
)
_CLOSED = ("machine in maintenance", "machine offline")
_HELD = text("SELECT DISTINCT resource FROM hold")
_RESERVED = text("SELECT resource, task_id, level, pass_value FROM reserve")
_WOKEN = text("SELECT resource FROM wake")


@dataclass(frozen=True, kw_only=True)
class StuckTask:
    """A task that cannot start before somebody opens a machine again.

    :param behind: the task that keeps its place before it; ``None`` where it waits itself for the
        closed machine.
    """

    id: int
    resource: str
    reason: str
    behind: int | None = None


def remaining_work(connection: Connection) -> int:
    """Return how many tasks could still run without anybody's doing."""
    workable = int(connection.execute(_WORKABLE).scalar_one())
    parked = int(connection.execute(_PARKED_NUMBER).scalar_one())
    return workable + (parked - len(stuck_tasks(connection)) if parked else 0)


def stuck_words(task: StuckTask) -> str:
    """Return why a task cannot start, in words."""
    machine = task.resource.partition("/")[2]
    if task.behind is None:
        return task.reason.replace("machine ", f"machine {machine} is ", 1)
    return f"task {task.behind} waits for machine {machine} before it"


def stuck_tasks(connection: Connection) -> tuple[StuckTask, ...]:
    """Return the tasks that wait for a closed machine, or behind one that does, in queue order."""
    busy = set(connection.execute(_HELD).scalars()) | set(connection.execute(_WOKEN).scalars())
    reserved: dict[str, list[tuple[tuple[int, int, int], int]]] = {}
    for row in connection.execute(_RESERVED):
        rank = (row.level, row.pass_value, row.task_id)
        reserved.setdefault(row.resource, []).append((rank, row.task_id))
    found: dict[int, StuckTask] = {}
    # In queue order: whoever keeps a place before a task was looked at before it.
    for row in connection.execute(_PARKED):
        stuck = StuckTask(id=row.id, resource=row.parked_on, reason=row.reason)
        if row.reason in _CLOSED:
            found[row.id] = stuck
        elif row.parked_on not in busy:
            rank = (row.level, row.pass_value, row.id)
            before = sorted(place for place in reserved.get(row.parked_on, ()) if place[0] < rank)
            ahead = next((task_id for _rank, task_id in before if task_id in found), None)
            if ahead is not None:
                found[row.id] = StuckTask(
                    id=row.id, resource=row.parked_on, reason=row.reason, behind=ahead
                )
    return tuple(found.values())
