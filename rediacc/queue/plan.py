"""The decision of a claim: which candidates start, which are parked, and on what.

A pure function: no I/O, no clock. Property tests and simulation drive it as it is.

The rules, in order of strength:

* A machine that is in maintenance or offline, or held exclusively, starts nothing.
* A task that waits for one of several resources keeps its place in the order of all of them: a
  later one does not pass it there (else a queued stop, copy, start could change places). Only
  the overdue head passes waiters of other levels than the first, so that nothing starves.
* Level 1 is not bound by a machine's or a team's limit, only by an earlier level 1 task on the
  same machine, and may use a worker's urgent slots.
* Other tasks need a free slot of each of their machines, of their team, and of the worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rediacc.values import MachineState, Reason

__all__ = ["URGENT_SLOT", "Candidate", "Hold", "Park", "Plan", "ResourceState", "Start", "plan"]

URGENT_SLOT = -1

Rank = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A task that could start.

    :param machines: resource keys of the machines that it needs.
    :param team: resource key of its team's limit; ``None`` when the team has none.
    :param is_overdue: whether it is served before its turn because it waited too long.
    """

    id: int
    level: int
    pass_value: int
    machines: tuple[str, ...]
    team: str | None = None
    is_exclusive: bool = False
    is_overdue: bool = False

    @property
    def rank(self) -> Rank:
        return (self.level, self.pass_value, self.id)

    @property
    def is_urgent(self) -> bool:
        return self.level == 1


@dataclass(frozen=True, kw_only=True)
class ResourceState:
    """A resource as the claim found it.

    :param slots: how many ordinary tasks it takes at once.
    :param used: the ordinary slots that are held.
    :param reserves: ranks of parked tasks that keep a place in its order, by task.
    """

    slots: int = 1
    used: frozenset[int] = frozenset()
    is_exclusive: bool = False
    is_urgent_held: bool = False
    machine_state: MachineState = MachineState.ONLINE
    reserves: Mapping[int, Rank] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A slot that a started task takes."""

    resource: str
    slot: int
    is_exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class Start:
    """A task that starts now, and what it holds."""

    id: int
    holds: tuple[Hold, ...]
    uses_urgent_slot: bool


@dataclass(frozen=True, kw_only=True)
class Park:
    """A task that waits for a resource; `reserves` are the places that it keeps meanwhile."""

    id: int
    resource: str
    reason: Reason
    reserves: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a claim does."""

    starts: tuple[Start, ...]
    parks: tuple[Park, ...]


def plan(
    candidates: Iterable[Candidate],
    resources: Mapping[str, ResourceState],
    *,
    free_slots: int,
    free_urgent_slots: int,
) -> Plan:
    """Decide over `candidates`, which come in the order in which they are to be served.

    :param resources: the state of every resource that a candidate needs; missing ones are free.
    :param free_slots: the worker's free ordinary slots.
    :param free_urgent_slots: the worker's free slots that only level 1 may use.
    """
    ledger = _Ledger(resources)
    starts: list[Start] = []
    parks: list[Park] = []
    for candidate in candidates:
        blocked = ledger.blocked(candidate)
        if blocked is not None:
            resource, reason = blocked
            reserves = candidate.machines if ledger.could_be_passed(candidate) else ()
            parks.append(Park(id=candidate.id, resource=resource, reason=reason, reserves=reserves))
            ledger.reserve(candidate)
            continue
        if ledger.is_behind(candidate):
            ledger.queue(candidate)
            continue
        if free_slots > 0:
            free_slots -= 1
            urgent = False
        elif candidate.is_urgent and free_urgent_slots > 0:
            free_urgent_slots -= 1
            urgent = True
        else:
            ledger.queue(candidate)
            continue
        starts.append(Start(id=candidate.id, holds=ledger.take(candidate), uses_urgent_slot=urgent))
    return Plan(starts=tuple(starts), parks=tuple(parks))


class _Ledger:
    """The resources as they stand after the decisions taken so far."""

    def __init__(self, resources: Mapping[str, ResourceState]) -> None:
        self._states = resources
        self._used = {key: set(state.used) for key, state in resources.items()}
        self._urgent = {key for key, state in resources.items() if state.is_urgent_held}
        self._exclusive = {key for key, state in resources.items() if state.is_exclusive}
        self._reserves = {key: dict(state.reserves) for key, state in resources.items()}
        self._queued: dict[str, Rank] = {}

    def blocked(self, candidate: Candidate) -> tuple[str, Reason] | None:
        """Return the first resource that keeps `candidate` from starting, and why."""
        for key in candidate.machines:
            reason = self._machine_block(candidate, key)
            if reason is not None:
                return key, reason
        team = candidate.team
        if team is not None and not candidate.is_urgent and not self._has_room(team):
            return team, Reason.TEAM_LIMIT
        return None

    def _machine_block(self, candidate: Candidate, key: str) -> Reason | None:
        state = self._states.get(key, ResourceState())
        if state.machine_state is MachineState.MAINTENANCE:
            return Reason.MAINTENANCE
        if state.machine_state is MachineState.OFFLINE:
            return Reason.OFFLINE
        if key in self._exclusive or self._has_earlier_waiter(candidate, key):
            return Reason.BUSY_MACHINE
        busy = bool(self._used.get(key)) or key in self._urgent
        if candidate.is_exclusive:
            return Reason.BUSY_MACHINE if busy else None
        if candidate.is_urgent:
            return Reason.BUSY_MACHINE if key in self._urgent else None
        return None if self._has_room(key) else Reason.BUSY_MACHINE

    def _has_room(self, key: str) -> bool:
        slots = self._states.get(key, ResourceState()).slots
        return len(self._used.get(key, ())) + (key in self._urgent) < slots

    def _has_earlier_waiter(self, candidate: Candidate, key: str) -> bool:
        levels = (1, candidate.level) if candidate.is_overdue else range(1, 6)
        return any(
            rank < candidate.rank and rank[0] in levels
            for task_id, rank in self._reserves.get(key, {}).items()
            if task_id != candidate.id
        )

    def could_be_passed(self, candidate: Candidate) -> bool:
        """Whether a later task could find room where `candidate` waits.

        What blocks an ordinary task of one machine blocks every later one there, too.
        """
        if candidate.is_exclusive or len(candidate.machines) + (candidate.team is not None) > 1:
            return True
        states = (self._states.get(key, ResourceState()) for key in candidate.machines)
        return candidate.is_urgent and any(state.slots > 1 for state in states)

    def is_behind(self, candidate: Candidate) -> bool:
        """Whether a runnable task that only lacks a worker's slot goes first on a machine."""
        return any(
            key in self._queued and self._queued[key] < candidate.rank for key in candidate.machines
        )

    def queue(self, candidate: Candidate) -> None:
        """Note that `candidate` stays ready: what is ranked after it stays behind it."""
        for key in candidate.machines:
            self._queued[key] = min(candidate.rank, self._queued.get(key, candidate.rank))

    def reserve(self, candidate: Candidate) -> None:
        for key in candidate.machines:
            self._reserves.setdefault(key, {})[candidate.id] = candidate.rank

    def take(self, candidate: Candidate) -> tuple[Hold, ...]:
        holds = [self._take_machine(candidate, key) for key in candidate.machines]
        if candidate.team is not None and not candidate.is_urgent:
            holds.append(Hold(resource=candidate.team, slot=self._take_slot(candidate.team)))
        for key in candidate.machines:
            self._reserves.get(key, {}).pop(candidate.id, None)
        return tuple(holds)

    def _take_machine(self, candidate: Candidate, key: str) -> Hold:
        if candidate.is_exclusive:
            self._exclusive.add(key)
        elif candidate.is_urgent:
            self._urgent.add(key)
            return Hold(resource=key, slot=URGENT_SLOT)
        return Hold(resource=key, slot=self._take_slot(key), is_exclusive=candidate.is_exclusive)

    def _take_slot(self, key: str) -> int:
        used = self._used.setdefault(key, set())
        slot = next(number for number in range(len(used) + 1) if number not in used)
        used.add(slot)
        return slot
