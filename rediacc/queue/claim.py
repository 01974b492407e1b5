"""Claiming: the one place where tasks are chosen. Claims are serialised by the write lock.

The steps of a claim, in one transaction: tasks that are too late fail; tasks whose time has come
become ready; what is parked on released resources is promoted; a bounded window of ready tasks is
read in index order; the pure :func:`rediacc.queue.plan.plan` decides; the decision is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from rediacc.queue import plan as planning
from rediacc.queue.expiry import expire, next_expiry_at
from rediacc.queue.resources import closed_machines, read_resources
from rediacc.queue.rules import QueueRules, machine_key, team_key
from rediacc.queue.submit import next_pass, start_by
from rediacc.queue.transitions import key_of, move, wake
from rediacc.storage.tables.resources import Hold
from rediacc.storage.tables.tasks import Attempt
from rediacc.values import MachineState, Reason, State

__all__ = ["Claimed", "claim", "next_due_at"]

_WINDOW = 64
_BATCH = 256
_ROUNDS = 32
_COLUMNS = "id, epoch, team, level, state, reason, pass_value, exclusive, attempt"
_DUE = text(
    f"SELECT {_COLUMNS} FROM task WHERE state = 1 AND eligible_at <= :now "
    "ORDER BY eligible_at, id LIMIT :limit"
)
_NEXT_DUE = text("SELECT MIN(eligible_at) FROM task WHERE state = 1")
_WOKEN = text("SELECT resource FROM wake ORDER BY resource LIMIT :limit")
_UNWAKE = text("DELETE FROM wake WHERE resource = :resource")
_FORGET_WAKES = text(
    "DELETE FROM wake WHERE NOT EXISTS "
    "(SELECT 1 FROM task WHERE task.state = 4 AND task.parked_on = wake.resource)"
)
_REWORD = text(
    "UPDATE task SET reason = :reason WHERE state = 4 AND parked_on = :resource "
    "AND reason <> :reason"
)
_CLOSED_REASON = {
    MachineState.MAINTENANCE: Reason.MAINTENANCE,
    MachineState.OFFLINE: Reason.OFFLINE,
}
_PARKED = text(
    f"SELECT {_COLUMNS} FROM task WHERE state = 4 AND parked_on = :resource "
    "ORDER BY level, pass_value, id LIMIT :limit"
)
_USED = text("SELECT COUNT(*) FROM hold WHERE resource = :resource AND slot >= 0")
_PARKED_OVERDUE = text(
    f"SELECT {_COLUMNS} FROM task WHERE state = 4 AND parked_on = :resource "
    "AND start_by_at <= :now ORDER BY start_by_at, level, pass_value, id LIMIT 1"
)
# What a claim had no time to end is not started either.
_IN_TIME = "(expires_at IS NULL OR expires_at > :now OR started_at IS NOT NULL)"
_READY = text(
    f"SELECT {_COLUMNS} FROM task WHERE state = 3 AND level <= :level AND {_IN_TIME} "
    "ORDER BY level, pass_value, id LIMIT :limit"
)
# The plus keeps SQLite from serving this by level, which would sort the whole queue.
_OVERDUE = text(
    f"SELECT {_COLUMNS} FROM task WHERE state = 3 AND start_by_at <= :now AND +level <= :level "
    f"AND {_IN_TIME} ORDER BY start_by_at, level, pass_value, id LIMIT 1"
)
_MACHINES = text(
    "SELECT task_id, machine FROM task_machine WHERE task_id IN :ids "
    "AND outcome NOT IN ('ok', 'changed', 'skipped', 'given up') ORDER BY task_id, position"
).bindparams(bindparam("ids", expanding=True))
_STARTS = text(
    "INSERT INTO counter (team, level, state, number) VALUES ('', 0, 0, :step) "
    "ON CONFLICT (team, level, state) DO UPDATE SET number = counter.number + :step"
)
_STARTED = text("SELECT number FROM counter WHERE team = '' AND level = 0 AND state = 0")
_BASE = text(
    "INSERT INTO fair (level, team, pass_value) VALUES (:level, '', :value) "
    "ON CONFLICT (level, team) DO UPDATE SET pass_value = :value "
    "WHERE fair.pass_value < :value"
)
_UNRESERVE = text("DELETE FROM reserve WHERE task_id = :id RETURNING resource")
_RESERVE = text(
    "INSERT INTO reserve (resource, task_id, level, pass_value) "
    "VALUES (:resource, :task_id, :level, :pass_value) "
    "ON CONFLICT (resource, task_id) DO UPDATE SET level = :level, pass_value = :pass_value"
)
_HOLD = Hold.__table__.insert()  # type: ignore[attr-defined]
_ATTEMPT = Attempt.__table__.insert()  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A task that a worker may start, under the epoch of this claim."""

    id: int
    epoch: int
    team: str
    level: int
    attempt: int
    machines: tuple[str, ...]
    uses_urgent_slot: bool


def claim(
    connection: Connection,
    worker_id: str,
    *,
    free_slots: int,
    free_urgent_slots: int,
    rules: QueueRules,
    now: int,
) -> tuple[Claimed, ...]:
    """Give `worker_id` the tasks that it starts next, in the order of their starts."""
    expire(connection, now=now)
    _make_due_ready(connection, rules=rules, now=now)
    claimed: list[Claimed] = []
    for number in range(1, _ROUNDS + 1):
        # A round ends where the next overdue turn begins.
        until_turn = _starts_until_turn(connection, rules)
        most = until_turn or rules.overdue_turn
        ordinary = min(free_slots, most)
        _promote(connection, rules=rules, now=now, overdue_turn=until_turn == 0)
        candidates, head = _read_candidates(
            connection, free_slots=free_slots, now=now, overdue_turn=until_turn == 0
        )
        if not candidates:
            break
        wanted, needs = _with_needs(connection, candidates, rules, head=head)
        decision = planning.plan(
            wanted,
            read_resources(connection, wanted, rules=rules),
            free_slots=ordinary,
            free_urgent_slots=min(free_urgent_slots, most - ordinary),
        )
        rows = {row.id: row for row in candidates}
        for park in decision.parks:
            _write_park(connection, rows[park.id], park, worker_id=worker_id, now=now)
        if _hand_on(connection, rows, decision.parks, rules) and number < _ROUNDS:
            continue  # who takes the team's place may come before those that start now
        frees_place = False
        for start in decision.starts:
            row = rows[start.id]
            frees_place = _give_up_places(connection, row.id, rules)
            claimed.append(
                _write_start(connection, row, start, needs[row.id], worker_id=worker_id, now=now)
            )
            free_urgent_slots -= start.uses_urgent_slot
            free_slots -= not start.uses_urgent_slot
            if frees_place:
                break
        may_find_more = decision.parks or len(decision.starts) == most or frees_place
        if not may_find_more or not (free_slots or free_urgent_slots):
            break
    return tuple(claimed)


def next_due_at(connection: Connection) -> int | None:
    """Return when the next task becomes ready or expires, in microseconds."""
    times = (connection.execute(_NEXT_DUE).scalar_one_or_none(), next_expiry_at(connection))
    return min((int(value) for value in times if value is not None), default=None)


def _make_due_ready(connection: Connection, *, rules: QueueRules, now: int) -> None:
    for row in connection.execute(_DUE, {"now": now, "limit": _BATCH}).all():
        move(
            connection,
            key_of(row),
            State.READY,
            reason=Reason.RETRY if row.attempt else Reason.QUEUED,
            name="due",
            actor="queue",
            now=now,
            pass_value=next_pass(connection, row.team, row.level, rules),
            start_by_at=start_by(row.level, now, rules),
        )


def _promote(connection: Connection, *, rules: QueueRules, now: int, overdue_turn: bool) -> None:
    """Make the first of those ready that wait for released resources.

    All of them, while the bound holds: what is still parked could be passed by a later task.
    """
    connection.execute(_FORGET_WAKES)
    for _turn in range(_ROUNDS):
        woken = connection.execute(_WOKEN, {"limit": _BATCH}).scalars().all()
        if not woken:
            return
        closed = closed_machines(connection)
        for resource in woken:
            _promote_parked_on(
                connection,
                resource,
                rules=rules,
                now=now,
                overdue_turn=overdue_turn,
                machine_state=closed.get(resource, MachineState.ONLINE),
            )


def _promote_parked_on(
    connection: Connection,
    resource: str,
    *,
    rules: QueueRules,
    now: int,
    overdue_turn: bool,
    machine_state: MachineState,
) -> None:
    connection.execute(_UNWAKE, {"resource": resource})
    is_machine = resource.startswith("machine:")
    if is_machine:
        # Everybody who waits here waits for what the machine is in now.
        why = _CLOSED_REASON.get(machine_state, Reason.BUSY_MACHINE)
        connection.execute(_REWORD, {"resource": resource, "reason": str(why)})
    if machine_state is not MachineState.ONLINE:
        return
    used = connection.execute(_USED, {"resource": resource}).scalar_one()
    # A full machine may still take a level 1 task; a full team's tasks wait for a release.
    free = max(1 if is_machine else 0, rules.slots_of(resource) - int(used))
    parameters = {"resource": resource, "limit": min(free, _BATCH), "now": now}
    best = {row.id: row for row in connection.execute(_PARKED, parameters).all()}
    if overdue_turn and free:
        head = connection.execute(_PARKED_OVERDUE, parameters).one_or_none()
        if head is not None:
            best[head.id] = head
    for row in best.values():
        move(
            connection,
            key_of(row),
            State.READY,
            reason=Reason.QUEUED,
            name="unparked",
            actor="queue",
            now=now,
            detail={"resource": resource},
            parked_on=None,
        )
    if free > _BATCH and len(best) >= _BATCH:
        wake(connection, {resource})


def _hand_on(
    connection: Connection,
    rows: Mapping[int, Row[Any]],
    parks: Sequence[planning.Park],
    rules: QueueRules,
) -> bool:
    """Let another of its team have the place that a task did not take.

    A task that was woken for its team's free slot may be parked on a machine instead: the slot
    is still free, and nobody else would look at it.

    :return: whether somebody waits for such a place.
    """
    teams = set()
    for park in parks:
        team = rows[park.id].team
        if team in rules.team_slots and park.resource != team_key(team):
            teams.add(team_key(team))
    wake(connection, teams)
    return any(_is_waited_for(connection, team) for team in teams)


def _is_waited_for(connection: Connection, resource: str) -> bool:
    return connection.execute(_PARKED, {"resource": resource, "limit": 1}).first() is not None


def _give_up_places(connection: Connection, task_id: int, rules: QueueRules) -> bool:
    """Drop the places that a task kept while it waited, for it starts.

    :return: whether somebody who waited behind it may have room beside it.
    """
    kept = connection.execute(_UNRESERVE, {"id": task_id}).scalars().all()
    resources = {resource for resource in kept if rules.slots_of(resource) > 1}
    wake(connection, resources)
    return any(_is_waited_for(connection, resource) for resource in resources)


def _starts_until_turn(connection: Connection, rules: QueueRules) -> int:
    """Return how many starts go by before the overdue head's turn; 0 when it is now."""
    started = connection.execute(_STARTED).scalar_one_or_none() or 0
    return rules.overdue_turn - 1 - int(started) % rules.overdue_turn


def _read_candidates(
    connection: Connection, *, free_slots: int, now: int, overdue_turn: bool
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return the window of ready tasks in the order of service, and the overdue head's number."""
    level = 5 if free_slots > 0 else 1
    parameters = {"level": level, "limit": max(_WINDOW, 4 * free_slots), "now": now}
    rows = list(connection.execute(_READY, parameters).all())
    if not overdue_turn:
        return rows, None
    head = connection.execute(_OVERDUE, parameters).one_or_none()
    if head is None:
        return rows, None
    return [head, *(row for row in rows if row.id != head.id)], int(head.id)


def _with_needs(
    connection: Connection, rows: Sequence[Row[Any]], rules: QueueRules, *, head: int | None
) -> tuple[list[planning.Candidate], dict[int, tuple[str, ...]]]:
    needs: dict[int, list[str]] = {row.id: [] for row in rows}
    for task_id, machine in connection.execute(_MACHINES, {"ids": list(needs)}).all():
        needs[task_id].append(machine)
    candidates = [
        planning.Candidate(
            id=row.id,
            level=row.level,
            pass_value=row.pass_value,
            machines=tuple(machine_key(row.team, name) for name in needs[row.id]),
            team=team_key(row.team) if row.team in rules.team_slots else None,
            is_exclusive=bool(row.exclusive),
            is_overdue=row.id == head,
        )
        for row in rows
    ]
    return candidates, {task_id: tuple(names) for task_id, names in needs.items()}


def _write_park(
    connection: Connection, row: Row[Any], park: planning.Park, *, worker_id: str, now: int
) -> None:
    move(
        connection,
        key_of(row),
        State.PARKED,
        reason=park.reason,
        name="parked",
        actor=worker_id,
        now=now,
        detail={"resource": park.resource},
        parked_on=park.resource,
    )
    if park.reserves:
        connection.execute(
            _RESERVE,
            [
                {
                    "resource": resource,
                    "task_id": row.id,
                    "level": row.level,
                    "pass_value": row.pass_value,
                }
                for resource in park.reserves
            ],
        )


def _write_start(
    connection: Connection,
    row: Row[Any],
    start: planning.Start,
    machines: tuple[str, ...],
    *,
    worker_id: str,
    now: int,
) -> Claimed:
    key = move(
        connection,
        key_of(row),
        State.CLAIMED,
        reason=Reason.STARTING,
        name="claimed",
        actor=worker_id,
        now=now,
        epoch=row.epoch + 1,
        worker_id=worker_id,
        parked_on=None,
    )
    if start.holds:
        connection.execute(
            _HOLD,
            [
                {
                    "resource": hold.resource,
                    "slot": hold.slot,
                    "task_id": row.id,
                    "epoch": key.epoch,
                    "is_exclusive": hold.is_exclusive,
                    "at": now,
                }
                for hold in start.holds
            ],
        )
    connection.execute(
        _ATTEMPT,
        {
            "task_id": row.id,
            "epoch": key.epoch,
            "number": row.attempt + 1,
            "worker_id": worker_id,
            "machines": list(machines),
            "claimed_at": now,
            "outcome": "",
            "reason": "",
            "message": "",
        },
    )
    connection.execute(_BASE, {"level": row.level, "value": row.pass_value})
    connection.execute(_STARTS, {"step": 1})
    return Claimed(
        id=row.id,
        epoch=key.epoch,
        team=row.team,
        level=row.level,
        attempt=row.attempt + 1,
        machines=machines,
        uses_urgent_slot=start.uses_urgent_slot,
    )
