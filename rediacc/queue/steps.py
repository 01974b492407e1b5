"""What each Ansible task of a playbook did on each machine: stored a few at a time, and read.

A task keeps so many steps; of what comes after them failures alone are kept, and the rest is
counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from rediacc.queue.diffs import DIFF_CUT
from rediacc.queue.results import require_present, storable
from rediacc.storage.tables.tasks import Attempt
from rediacc.storage.tables.tasks import Step as StepRow
from rediacc.times import micros, moment_or_none
from rediacc.values import Step, StepStatus
from rediacc.views import StepView

__all__ = [
    "STEPS_AT_ONCE",
    "StepStanding",
    "chosen",
    "count_left_out",
    "forget_steps",
    "mark_rescued",
    "record_steps",
    "standing_of",
    "steps_of",
    "store_steps",
]

# What one transaction stores or removes: a few milliseconds, for all other writers wait for it.
STEPS_AT_ONCE = 150
_MOST_STEPS = 20_000
_MOST_FAILURES_MORE = 1_000
_MOST_DIFFS = 200_000
_S = StepRow.__table__  # type: ignore[attr-defined]
_A = Attempt.__table__  # type: ignore[attr-defined]
_INSERT = _S.insert()
_KEPT = text(
    "SELECT COUNT(*) AS steps, COALESCE(SUM(LENGTH(diff)), 0) AS diffs "
    "FROM step WHERE task_id = :id"
)
_READ = text(
    "SELECT steps_read, steps_left_out FROM attempt WHERE task_id = :id AND epoch = :epoch"
)
_NOTE = text(
    "UPDATE attempt SET steps_read = :read, steps_left_out = :left_out "
    "WHERE task_id = :id AND epoch = :epoch"
)
_RESCUE = text(
    "UPDATE step SET status = 'rescued' WHERE task_id = :id AND epoch = :epoch "
    "AND status = 'failed' AND number IN :numbers"
).bindparams(bindparam("numbers", expanding=True))
_LEFT_OUT = text("SELECT COALESCE(SUM(steps_left_out), 0) FROM attempt WHERE task_id = :id")
_FIRST = text("SELECT epoch, number FROM step WHERE task_id = :id ORDER BY epoch, number LIMIT :n")
_FORGET = text(
    "DELETE FROM step WHERE task_id = :id "
    "AND (epoch < :epoch OR (epoch = :epoch AND number <= :number))"
)


@dataclass(frozen=True, kw_only=True)
class StepStanding:
    """How far the steps of an attempt are stored.

    :param kept: how many steps the task has, those of earlier attempts included.
    :param read: the number of the last step that was dealt with.
    :param left_out: how many of this attempt were too many.
    :param diffs: how many characters the task's differences have.
    """

    kept: int = 0
    read: int = 0
    left_out: int = 0
    diffs: int = 0


def standing_of(connection: Connection, task_id: int, epoch: int) -> StepStanding:
    """Return how far the steps of an attempt are stored."""
    kept = connection.execute(_KEPT, {"id": task_id}).one()
    row = connection.execute(_READ, {"id": task_id, "epoch": epoch}).one()
    return StepStanding(
        kept=kept.steps, read=row.steps_read, left_out=row.steps_left_out, diffs=int(kept.diffs)
    )


def chosen(steps: Sequence[Step], standing: StepStanding) -> tuple[list[Step], StepStanding]:
    """Return those of the next steps that are kept, and how the attempt stands with them."""
    kept = []
    for step in steps:
        if step.number <= standing.read:
            continue  # an earlier worker of this run stored it
        room = _MOST_STEPS + (_MOST_FAILURES_MORE if step.status.is_failure else 0)
        is_kept = standing.kept < room
        if is_kept and standing.diffs + len(step.diff) > _MOST_DIFFS:
            step = replace(step, diff=DIFF_CUT)
        standing = replace(
            standing,
            kept=standing.kept + is_kept,
            read=step.number,
            left_out=standing.left_out + (not is_kept),
            diffs=standing.diffs + (len(step.diff) if is_kept else 0),
        )
        if is_kept:
            kept.append(step)
    return kept, standing


def record_steps(
    connection: Connection, task_id: int, epoch: int, steps: Sequence[Step], *, now: StepStanding
) -> None:
    """Store steps of a started attempt as they come, as :func:`store_steps` does.

    :raises StaleClaim: the attempt is not the task's present one.
    """
    require_present(connection, task_id, epoch)
    store_steps(connection, task_id, epoch, steps, now=now)


def store_steps(
    connection: Connection, task_id: int, epoch: int, steps: Sequence[Step], *, now: StepStanding
) -> None:
    """Store steps of an attempt, and how it stands with them.

    :param now: from :func:`chosen`, as `steps` are.
    """
    if steps:
        connection.execute(_INSERT, [_row(task_id, epoch, step) for step in steps])
    values = {"id": task_id, "epoch": epoch, "read": now.read, "left_out": now.left_out}
    connection.execute(_NOTE, values)


def mark_rescued(connection: Connection, task_id: int, epoch: int, numbers: Sequence[int]) -> None:
    """Say of failed steps that a rescue took them over."""
    if numbers:
        connection.execute(_RESCUE, {"id": task_id, "epoch": epoch, "numbers": list(numbers)})


def steps_of(
    connection: Connection,
    task_id: int,
    *,
    epochs: dict[int, int],
    machine: str | None,
    statuses: Sequence[StepStatus],
) -> tuple[StepView, ...]:
    """Return a task's steps in their order.

    :param epochs: of the attempts that are asked for: epoch → number.
    :param machine: of this one alone; ``None`` for all.
    :param statuses: with these alone; empty for all.
    """
    query = select(_S).where(_S.c.task_id == task_id, _S.c.epoch.in_(epochs))
    if machine is not None:
        query = query.where(_S.c.machine == machine)
    if statuses:
        query = query.where(_S.c.status.in_([str(status) for status in statuses]))
    rows = connection.execute(query.order_by(_S.c.epoch, _S.c.number)).all()
    return tuple(_view(row, epochs[row.epoch]) for row in rows)


def count_left_out(connection: Connection, task_id: int) -> int:
    """Return how many steps of a task were too many to keep."""
    return int(connection.execute(_LEFT_OUT, {"id": task_id}).scalar_one())


def forget_steps(connection: Connection, task_id: int) -> bool:
    """Remove as many of a task's steps as one transaction may; return whether there were any."""
    first = connection.execute(_FIRST, {"id": task_id, "n": STEPS_AT_ONCE}).all()
    if not first:
        return False
    values = {"id": task_id, "epoch": first[-1].epoch, "number": first[-1].number}
    connection.execute(_FORGET, values)
    return True


def _row(task_id: int, epoch: int, step: Step) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "epoch": epoch,
        "number": step.number,
        "machine": storable(step.machine),
        "status": str(step.status),
        "play": storable(step.play),
        "name": storable(step.task),
        "action": storable(step.action),
        "path": storable(step.path),
        "started_at": _micros(step.started_at),
        "ended_at": _micros(step.ended_at),
        "rc": step.rc,
        "message": storable(step.message),
        "is_cut": step.is_cut,
        "delegated_to": [storable(name) for name in step.delegated_to],
        "diff": storable(step.diff),
    }


def _micros(time: datetime | None) -> int | None:
    return None if time is None else micros(time)


def _view(row: Row[Any], attempt: int) -> StepView:
    is_timed = row.started_at is not None and row.ended_at is not None
    return StepView(
        attempt=attempt,
        number=row.number,
        machine=row.machine,
        status=StepStatus(row.status),
        play=row.play,
        task=row.name,
        action=row.action,
        path=row.path,
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
        elapsed_seconds=max(0, row.ended_at - row.started_at) / 1e6 if is_timed else None,
        rc=row.rc,
        message=row.message,
        is_cut=row.is_cut,
        delegated_to=tuple(row.delegated_to),
        diff=row.diff,
    )
