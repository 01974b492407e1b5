"""Reading the resources that candidates need, as the planner wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, text

from rediacc.queue.plan import URGENT_SLOT, Candidate, ResourceState
from rediacc.queue.rules import QueueRules, machine_key
from rediacc.queue.transitions import wake
from rediacc.values import MachineState

__all__ = ["closed_machines", "read_resources", "set_machine_state"]

_HOLDS = text("SELECT resource, slot, is_exclusive FROM hold WHERE resource IN :keys").bindparams(
    bindparam("keys", expanding=True)
)
_RESERVES = text(
    "SELECT resource, task_id, level, pass_value FROM reserve WHERE resource IN :keys"
).bindparams(bindparam("keys", expanding=True))
_CLOSED = text("SELECT team, name, state FROM machine WHERE state <> 'online'")
_SET_MACHINE = text(
    "INSERT INTO machine (team, name, state, changed_at) VALUES (:team, :name, :state, :now) "
    "ON CONFLICT (team, name) DO UPDATE SET state = :state, changed_at = :now"
)
_CHUNK = 5000


def read_resources(
    connection: Connection, candidates: Iterable[Candidate], *, rules: QueueRules
) -> dict[str, ResourceState]:
    """Return the state of each resource that `candidates` name."""
    keys = sorted(
        {key for candidate in candidates for key in candidate.machines}
        | {candidate.team for candidate in candidates if candidate.team is not None}
    )
    used: dict[str, set[int]] = {}
    exclusive: set[str] = set()
    reserves: dict[str, dict[int, tuple[int, int, int]]] = {}
    for part in _chunks(keys):
        for key, slot, is_exclusive in connection.execute(_HOLDS, {"keys": part}).all():
            used.setdefault(key, set()).add(slot)
            if is_exclusive:
                exclusive.add(key)
        for key, task_id, level, value in connection.execute(_RESERVES, {"keys": part}).all():
            reserves.setdefault(key, {})[task_id] = (level, value, task_id)
    closed = closed_machines(connection)
    return {
        key: ResourceState(
            slots=rules.slots_of(key),
            used=frozenset(used.get(key, set()) - {URGENT_SLOT}),
            is_exclusive=key in exclusive,
            is_urgent_held=URGENT_SLOT in used.get(key, set()),
            machine_state=closed.get(key, MachineState.ONLINE),
            reserves=reserves.get(key, {}),
        )
        for key in keys
    }


def closed_machines(connection: Connection) -> dict[str, MachineState]:
    """Return the machines that take no work, by their resource keys."""
    return {
        machine_key(team, name): MachineState(state)
        for team, name, state in connection.execute(_CLOSED).all()
    }


def set_machine_state(
    connection: Connection, team: str, name: str, *, state: MachineState, now: int
) -> None:
    """Record whether a machine takes work, and wake what waits for it."""
    parameters = {"team": team, "name": name, "state": str(state), "now": now}
    connection.execute(_SET_MACHINE, parameters)
    wake(connection, {machine_key(team, name)})


def _chunks(keys: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield list(keys[start : start + _CHUNK])
