"""One cheap look at the queue: bounded reads in index order, however long the queue is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, text

from rediacc.queue.reading import views_of
from rediacc.times import moment
from rediacc.values import LEVEL_NAMES, Reason, State
from rediacc.views import LevelDepth, TaskView, WaitingTask

__all__ = [
    "Glance",
    "depth_by_level",
    "ended_tasks",
    "running_on",
    "running_tasks",
    "waiting_tasks",
]

_MOST_LATER = 20
# The conditions stand in words, not parameters, so that the partial indexes serve.
_FITS = (
    "team IN :teams AND (:text = '' OR CAST(id AS TEXT) = :text "
    "OR LOWER(title) LIKE :like ESCAPE '\\' OR LOWER(team) LIKE :like ESCAPE '\\' "
    "OR LOWER(created_by) LIKE :like ESCAPE '\\' OR EXISTS (SELECT 1 FROM task_machine m "
    "WHERE m.task_id = task.id AND LOWER(m.machine) LIKE :like ESCAPE '\\'))"
)


def _select(condition: str, order: str) -> TextClause:
    query = f"SELECT * FROM task WHERE {condition} AND {_FITS} ORDER BY {order} LIMIT :limit"
    return text(query).bindparams(bindparam("teams", expanding=True))


_PLACE = "level, pass_value, id"
_WORKING = _select("state IN (5, 6, 7)", "started_at, id")
_STOPPING = _select("state = 9", "started_at, id")
_READY = _select("state = 3", _PLACE)
# The index holds all that the order needs, so only the rows that are shown are looked up.
_PARKED_IDS = text(
    "SELECT level, pass_value, id FROM task WHERE state = 4 AND parked_on >= :low "
    "AND parked_on < :high ORDER BY level, pass_value, id LIMIT :limit"
)
_THESE = text("SELECT * FROM task WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
_PARKED = _select("state = 4", _PLACE)
_SCHEDULED = _select("state = 1", "eligible_at, id")
# No index names held tasks; the counters tell how many there are to be found, newest first.
_HELD = _select("state = 8", "id DESC")
# Among the newest, so that a team or a text that none of them has does not cost a look at all.
_ENDED = _select(
    "id IN (SELECT id FROM task WHERE state >= 20 ORDER BY finished_at DESC LIMIT 5000)",
    "finished_at DESC",
)
_DEPTH = text(
    "SELECT level, state, SUM(number) AS number FROM counter WHERE team IN :teams "
    "GROUP BY level, state"
).bindparams(bindparam("teams", expanding=True))
# Where runnable tasks stand, up to the last one that is shown.
_PLACES = text(
    "SELECT id, ROW_NUMBER() OVER (ORDER BY level, pass_value, id) AS place FROM task "
    "WHERE state = 3 AND (level, pass_value, id) <= (:level, :value, :id)"
)
_HOLDERS = text(
    "SELECT resource, task_id FROM hold WHERE resource IN :keys ORDER BY resource, at"
).bindparams(bindparam("keys", expanding=True))
_HOLDS = text("SELECT resource, task_id FROM hold ORDER BY resource, task_id")


@dataclass(frozen=True, kw_only=True)
class Glance:
    """Which tasks are looked at.

    :param text: what must occur in a task's number, title, team, creator or machines.
    :param has_worker: whether a worker is alive.
    """

    teams: tuple[str, ...]
    text: str
    limit: int
    has_worker: bool

    def parameters(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return the parameters of the queries here."""
        lowered = self.text.strip().lower()
        escaped = lowered.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "teams": list(self.teams) or [""],
            "text": lowered,
            "like": f"%{escaped}%",
            "limit": self.limit if limit is None else limit,
        }


def depth_by_level(connection: Connection, teams: Sequence[str]) -> tuple[LevelDepth, ...]:
    """Return how many tasks of each level wait and run, from the counters."""
    counts: dict[tuple[int, int], int] = {}
    for row in connection.execute(_DEPTH, {"teams": list(teams) or [""]}):
        counts[row.level, row.state] = int(row.number)

    def total(level: int, *states: State) -> int:
        return sum(counts.get((level, int(state)), 0) for state in states)

    return tuple(
        LevelDepth(
            level=level,
            waiting=total(level, State.READY, State.PARKED, State.CLAIMED),
            later=total(level, State.SCHEDULED, State.WAITING, State.HELD),
            running=total(level, State.STARTED, State.DETACHED, State.STOPPING),
        )
        for level in LEVEL_NAMES
    )


def running_tasks(connection: Connection, glance: Glance) -> tuple[TaskView, ...]:
    """Return the tasks that run, longest first."""
    parameters = glance.parameters(limit=1000)
    rows = [row for query in (_WORKING, _STOPPING) for row in connection.execute(query, parameters)]
    rows.sort(key=lambda row: (row.started_at or 0, row.id))
    return views_of(connection, [row for row in rows if row.state != int(State.CLAIMED)])


def ended_tasks(connection: Connection, glance: Glance, *, most: int) -> tuple[TaskView, ...]:
    """Return the tasks that ended last, newest first."""
    return views_of(connection, connection.execute(_ENDED, glance.parameters(limit=most)).all())


def waiting_tasks(connection: Connection, glance: Glance) -> tuple[WaitingTask, ...]:
    """Return what waits in the order of its start: claimed, runnable, later, held."""
    parameters = glance.parameters()
    working = connection.execute(_WORKING, glance.parameters(limit=1000)).all()
    claimed = [row for row in working if row.state == int(State.CLAIMED)]
    runnable = [*connection.execute(_READY, parameters), *_parked_rows(connection, glance)]
    runnable.sort(key=lambda row: (row.level, row.pass_value, row.id))
    few = glance.parameters(limit=_MOST_LATER)
    later = list(connection.execute(_SCHEDULED, few))
    held = _held(connection, glance)
    rows = [*claimed, *runnable][: glance.limit] + later + held
    views = views_of(connection, rows)
    reasons = _reasons(connection, rows, glance)
    return tuple(
        WaitingTask(task=view, why=why, is_held=row.state == int(State.HELD))
        for row, view, why in zip(rows, views, reasons, strict=True)
    )


def running_on(connection: Connection) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return the tasks that occupy each machine, by its team and name."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in connection.execute(_HOLDS):
        sort, _separator, name = row.resource.partition(":")
        team, _separator, machine = name.partition("/")
        if sort == "machine":
            found.setdefault((team, machine), []).append(row.task_id)
    return {key: tuple(dict.fromkeys(ids)) for key, ids in found.items()}


def _parked_rows(connection: Connection, glance: Glance) -> list[Row[Any]]:
    """Return the parked tasks that start first; without a text by the index alone."""
    if glance.text.strip():
        return list(connection.execute(_PARKED, glance.parameters()))
    places: list[tuple[int, int, int]] = []
    for team in glance.teams:
        # What tasks wait for is named after their team: `machine:TEAM/NAME`, `team:TEAM`.
        for low, high in ((f"machine:{team}/", f"machine:{team}0"), (f"team:{team}",) * 2):
            bounds = {"low": low, "high": high if high != low else f"{low}\x00"}
            rows = connection.execute(_PARKED_IDS, bounds | {"limit": glance.limit})
            places += [(row.level, row.pass_value, row.id) for row in rows]
    ids = [place[2] for place in sorted(places)[: glance.limit]]
    return list(connection.execute(_THESE, {"ids": ids})) if ids else []


def _held(connection: Connection, glance: Glance) -> list[Row[Any]]:
    counts = connection.execute(_DEPTH, {"teams": list(glance.teams) or [""]})
    number = sum(int(row.number) for row in counts if row.state == int(State.HELD))
    if not number:
        return []
    wanted = glance.parameters(limit=min(number, _MOST_LATER))
    return list(connection.execute(_HELD, wanted))


def _reasons(connection: Connection, rows: Sequence[Row[Any]], glance: Glance) -> list[str]:
    """Return why each row waits, in few words; ``task.inspect`` says it at length."""
    places = _places(connection, rows) if glance.has_worker else {}
    holders = _holders(connection, rows)
    reasons: list[str] = []
    for row in rows:
        state = State(row.state)
        if state is State.PARKED:
            reasons.append(_parked(row, holders.get(row.parked_on, ())))
        elif state is not State.READY:
            reasons.append(_other(row, state))
        elif not glance.has_worker:
            reasons.append("no worker is running")
        else:
            before = places.get(row.id, 1) - 1
            reasons.append(f"{before} runnable before it" if before else "next for a free slot")
    return reasons


def _parked(row: Row[Any], holders: Sequence[int]) -> str:
    sort, _separator, name = row.parked_on.partition(":")
    what = f"team {name}" if sort == "team" else name.partition("/")[2]
    if row.reason in (Reason.MAINTENANCE, Reason.OFFLINE):
        return f"{what}: {str(row.reason).removeprefix('machine ').removeprefix('in ')}"
    if not holders:
        return f"{what} was just released"
    more = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
    return f"{what} busy with {holders[0]}{more}"


def _other(row: Row[Any], state: State) -> str:
    if state is State.CLAIMED:
        return "starting"
    if state is State.HELD:
        return f"held: {row.message or 'its end is unknown'}"
    when = f"{moment(row.eligible_at):%Y-%m-%d %H:%M:%S} UTC"
    if row.reason == Reason.RETRY:
        return f"retry at {when}"
    return f"not before {when}" if state is State.SCHEDULED else str(row.reason)


def _holders(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[int, ...]]:
    """Return the tasks that hold what parked rows wait for."""
    keys = {row.parked_on for row in rows if row.state == int(State.PARKED)}
    found: dict[str, tuple[int, ...]] = {}
    if keys:
        for row in connection.execute(_HOLDERS, {"keys": sorted(keys)}):
            found[row.resource] = (*found.get(row.resource, ()), row.task_id)
    return found


def _places(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, int]:
    """Return where the runnable ones among `rows` stand in the whole queue, 1 for the first."""
    runnable = [row for row in rows if row.state == int(State.READY)]
    if not runnable:
        return {}
    last = max(runnable, key=lambda row: (row.level, row.pass_value, row.id))
    parameters = {"level": last.level, "value": last.pass_value, "id": last.id}
    return {row.id: row.place for row in connection.execute(_PLACES, parameters)}
