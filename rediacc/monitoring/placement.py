"""``--any``: which machines take a task, by their work and their newest health.

Machines that are offline, in maintenance, unreachable or overloaded are skipped. A look that is
too old is no health at all: such a machine counts as neither better nor worse than the others.
Among equals the one that was given no task for longest comes first, so tasks spread evenly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from rediacc.errors import Conflict
from rediacc.monitoring.samples import newest_health
from rediacc.queue.machines import machine_states
from rediacc.queue.rules import machine_key
from rediacc.settings import Settings
from rediacc.values import MachineState
from rediacc.views import MachineHealth, Placement

__all__ = ["Candidate", "Outlook", "choose", "place", "read_outlook"]

_MOST_TIED = 300
_MOST_SHOWN = 20
_MOST_PARKED = 20_000
_STEP = 0.25
_BUSIEST = 0.75
# CROSS JOIN keeps SQLite from reading all machines of all tasks in the order of the groups.
_WORKING = text(
    "SELECT m.machine, COUNT(*) AS number FROM task CROSS JOIN task_machine m "
    "WHERE m.task_id = task.id AND task.state IN (5, 6, 7) AND task.team = :team GROUP BY m.machine"
)
_PARKED = text(
    "SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE state = 4 AND parked_on = :resource "
    "LIMIT :limit) parked"
)
# The first in line and the newest: all of them up to a thousand, and never a long read.
_WAITING = text(
    "SELECT m.machine, COUNT(*) AS number FROM ("
    "SELECT id FROM (SELECT id, team FROM task WHERE state = 3 "
    "ORDER BY level, pass_value, id LIMIT 1000) first WHERE team = :team UNION "
    "SELECT id FROM task WHERE id > (SELECT MAX(id) FROM task) - 2000 "
    "AND state IN (1, 3) AND team = :team"
    ") waiting CROSS JOIN task_machine m WHERE m.task_id = waiting.id GROUP BY m.machine"
)
_LAST = text("SELECT MAX(task_id) FROM task_machine WHERE machine = :machine")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A machine that a task could be placed on.

    :param work: its tasks that run or wait.
    :param health: the newest look at it, if there was any.
    """

    machine: str
    state: MachineState = MachineState.ONLINE
    work: int = 0
    health: MachineHealth | None = None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Which machines of a team take work, and how they are, by name."""

    states: Mapping[str, MachineState] = field(default_factory=dict)
    health: Mapping[str, MachineHealth] = field(default_factory=dict)


def read_outlook(connection: Connection, settings: Settings, team: str, *, now: int) -> Outlook:
    """Return how the machines of `team` are; no submission changes that."""
    return Outlook(
        states=machine_states(connection, team),
        health=newest_health(connection, settings, team, now=now),
    )


def place(
    connection: Connection, outlook: Outlook, team: str, machines: Sequence[str], *, number: int
) -> tuple[Placement, ...]:
    """Choose `number` of `machines` of `team` by the work that they have in this transaction.

    :return: the chosen ones, the skipped ones, and some of the others, each with the reason.
    :raises Conflict: fewer than `number` of them can take work; the message says why.
    """

    def last_given(names: Iterable[str]) -> dict[str, int]:
        found = {name: connection.execute(_LAST, {"machine": name}).scalar() for name in names}
        return {name: task_id or 0 for name, task_id in found.items()}

    candidates = _read(connection, outlook, team, machines)
    return choose(candidates, number, last_given=last_given)


def choose(
    candidates: Sequence[Candidate],
    number: int,
    *,
    last_given: Callable[[Iterable[str]], Mapping[str, int]],
) -> tuple[Placement, ...]:
    """Choose `number` of `candidates`: least work, then least busy, then longest without a task.

    :param last_given: tells each machine's newest task.
    :raises Conflict: fewer than `number` of them can take work.
    """
    skipped = [_skipped(one, why) for one in candidates if (why := _why_not(one))]
    able = [one for one in candidates if not _why_not(one)]
    if len(able) < number:
        reasons = "; ".join(f"{one.machine} {one.reason}" for one in skipped[:_MOST_SHOWN])
        raise Conflict(
            f"--any {number}: {len(able)} of {len(candidates)} machines can take work"
            + (f": {reasons}" if reasons else ""),
            hint="rediacc list machines --health",
        )
    usual = _usual_busyness(able)
    scores = {one.machine: one.work + _busyness(one, usual) for one in able}
    limit = sorted(scores.values())[number - 1]
    better = [one for one in able if scores[one.machine] < limit]
    equal = [one for one in able if scores[one.machine] == limit]
    if len(equal) > _MOST_TIED:
        equal = random.sample(equal, max(_MOST_TIED, number))
    last = last_given(one.machine for one in equal)
    equal.sort(key=lambda one: last[one.machine])
    chosen = [*better, *equal[: number - len(better)]]
    names = {one.machine for one in chosen}
    others = [one for one in able if one.machine not in names]
    return (
        *(_seen(one, is_chosen=True) for one in chosen),
        *skipped,
        *(_seen(one, is_chosen=False) for one in others[:_MOST_SHOWN]),
    )


def _read(
    connection: Connection, outlook: Outlook, team: str, machines: Sequence[str]
) -> list[Candidate]:
    work: dict[str, int] = {}
    for query in (_WORKING, _WAITING):
        for row in connection.execute(query, {"team": team}):
            work[row.machine] = work.get(row.machine, 0) + row.number
    limit = max(20, _MOST_PARKED // max(1, len(machines)))
    return [
        Candidate(
            machine=name,
            state=outlook.states.get(name, MachineState.ONLINE),
            work=work.get(name, 0) + _parked(connection, team, name, limit),
            health=outlook.health.get(name),
        )
        for name in machines
    ]


def _parked(connection: Connection, team: str, machine: str, limit: int) -> int:
    values: dict[str, Any] = {"resource": machine_key(team, machine), "limit": limit}
    return int(connection.execute(_PARKED, values).scalar_one())


def _why_not(one: Candidate) -> str:
    """Return why a machine takes no work; empty when it does."""
    if one.state is MachineState.MAINTENANCE:
        return "is in maintenance"
    if one.state is MachineState.OFFLINE:
        return "is set offline"
    if one.health is not None and one.health.state in ("unreachable", "overloaded"):
        return f"is {one.health.state} ({_health_words(one.health)})"
    return ""


def _usual_busyness(candidates: Iterable[Candidate]) -> float:
    """Return how busy the machines are whose health is known, for those of which it is not."""
    known = [busy for one in candidates if (busy := _known_busyness(one)) is not None]
    return round(sum(known) / len(known) / _STEP) * _STEP if known else 0.0


def _busyness(one: Candidate, usual: float) -> float:
    """Return less than one task's worth: how busy a machine is only decides between equal work."""
    known = _known_busyness(one)
    return usual if known is None else known


def _known_busyness(one: Candidate) -> float | None:
    health = one.health
    if health is None or not health.is_fresh or health.cpu_percent is None:
        return None
    return min(_BUSIEST, health.cpu_percent / 100 // _STEP * _STEP)


def _skipped(one: Candidate, why: str) -> Placement:
    return Placement(machine=one.machine, is_chosen=False, work=one.work, reason=f"skipped: {why}")


def _seen(one: Candidate, *, is_chosen: bool) -> Placement:
    tasks = "1 task" if one.work == 1 else f"{one.work} tasks"
    words = f"{tasks}, {_health_words(one.health)}"
    return Placement(
        machine=one.machine,
        is_chosen=is_chosen,
        work=one.work,
        reason=words if is_chosen else f"not needed: {words}",
    )


def _health_words(health: MachineHealth | None) -> str:
    if health is None:
        return "health unknown"
    age = f"{health.age_seconds:.0f}s ago"
    if not health.is_fresh:
        return f"health unknown: last looked at {age}"
    values = (
        ("cpu", health.cpu_percent),
        ("memory", health.memory_percent),
        ("disk", health.disk_percent),
    )
    shown = [f"{name} {value:.0f}%" for name, value in values if value is not None]
    return f"{' '.join(shown) or health.state} {age}"
