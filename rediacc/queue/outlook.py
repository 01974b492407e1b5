"""Whether a task that is just queued can start at once, and if not, what it waits for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from rediacc.queue import plan as planning
from rediacc.queue.resources import read_resources
from rediacc.queue.rules import QueueRules, machine_key, team_key
from rediacc.queue.why import blocked_words
from rediacc.times import seconds

__all__ = ["obstacles"]

# A rank behind every task's, for one that has no place yet.
_LAST = 1 << 62
_PLACE = text("SELECT pass_value, exclusive FROM task WHERE id = :id")
_SLOTS = text(
    "SELECT COALESCE(SUM(slots), 0) FROM worker WHERE stopped_at IS NULL AND beat_at > :since"
)
_WORKING = text("SELECT COUNT(*) FROM task WHERE state IN (5, 6, 7)")


def obstacles(
    connection: Connection,
    machines: Sequence[str],
    *,
    team: str,
    level: int,
    rules: QueueRules,
    now: int,
    task_id: int | None = None,
) -> tuple[str, ...]:
    """Return what keeps a task from starting now, in the words of ``inspect``; empty for nothing.

    The plan of a claim decides, for this task alone: who stands before it is not looked at.

    :param task_id: ``None`` for a task that is not queued.
    """
    place = None
    if task_id is not None:
        place = connection.execute(_PLACE, {"id": task_id}).one()
    candidate = planning.Candidate(
        id=_LAST if task_id is None else task_id,
        level=level,
        pass_value=_LAST if place is None else place.pass_value,
        machines=tuple(machine_key(team, name) for name in machines),
        team=team_key(team) if team in rules.team_slots else None,
        is_exclusive=bool(place is not None and place.exclusive),
    )
    resources = read_resources(connection, [candidate], rules=rules)
    plan = planning.plan([candidate], resources, free_slots=1, free_urgent_slots=0)
    for park in plan.parks:
        return blocked_words(connection, park.resource, str(park.reason), task_id=candidate.id)
    return () if candidate.is_urgent else _full_workers(connection, rules, now=now)


def _full_workers(connection: Connection, rules: QueueRules, *, now: int) -> tuple[str, ...]:
    since = now - seconds(rules.lease_seconds)
    slots = int(connection.execute(_SLOTS, {"since": since}).scalar_one())
    working = int(connection.execute(_WORKING).scalar_one())
    if not slots or working < slots:
        return ()
    return (f"all {slots} slots of the workers are taken",)
