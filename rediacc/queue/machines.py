"""What the queue knows of machines: whether they take work, and what they have."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from rediacc.values import MachineState, State

__all__ = ["MachineWork", "machine_states", "work_on"]

_STATES = text("SELECT name, state FROM machine WHERE team = :team")
_WORK = text(
    "SELECT m.machine, task.id, task.state FROM task JOIN task_machine m ON m.task_id = task.id "
    "WHERE task.team = :team AND task.state < 20 ORDER BY task.id"
)


@dataclass(frozen=True, kw_only=True)
class MachineWork:
    """The tasks of a machine that are not final."""

    running: tuple[int, ...] = ()
    pending: int = 0


def machine_states(connection: Connection, team: str) -> dict[str, MachineState]:
    """Return the machines of `team` whose state somebody set."""
    rows = connection.execute(_STATES, {"team": team}).all()
    return {row.name: MachineState(row.state) for row in rows}


def work_on(connection: Connection, team: str) -> dict[str, MachineWork]:
    """Return the work of each machine of `team` that has any."""
    running: dict[str, list[int]] = {}
    pending: dict[str, int] = {}
    for row in connection.execute(_WORK, {"team": team}):
        if row.state in (int(State.STARTED), int(State.DETACHED), int(State.STOPPING)):
            running.setdefault(row.machine, []).append(row.id)
        else:
            pending[row.machine] = pending.get(row.machine, 0) + 1
    return {
        name: MachineWork(running=tuple(running.get(name, ())), pending=pending.get(name, 0))
        for name in {*running, *pending}
    }
