"""Properties of the pure planner, over any candidates and any resources."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rediacc.queue.plan import URGENT_SLOT, Candidate, Plan, ResourceState, plan
from rediacc.values import MachineState, Reason

MACHINES = ("machine:t/a", "machine:t/b", "machine:t/c")
TEAM = "team:t"


@st.composite
def _candidates(draw: st.DrawFn) -> list[Candidate]:
    """Candidates of one team, in the order of their ranks."""
    made = [
        Candidate(
            id=number,
            level=draw(st.integers(1, 5)),
            pass_value=draw(st.integers(0, 3)),
            machines=tuple(
                draw(st.lists(st.sampled_from(MACHINES), unique=True, min_size=1, max_size=3))
            ),
            team=draw(st.sampled_from([TEAM, TEAM, None])),
            is_exclusive=draw(st.sampled_from([False, False, False, True])),
        )
        for number in range(1, draw(st.integers(1, 10)) + 1)
    ]
    return sorted(made, key=lambda candidate: candidate.rank)


@st.composite
def _resources(draw: st.DrawFn) -> dict[str, ResourceState]:
    """Resources as a queue can leave them: exclusive ones are held by nobody else."""
    found = {}
    for key in (*MACHINES, TEAM):
        slots = draw(st.integers(1, 3))
        is_exclusive = key != TEAM and draw(st.sampled_from([False, False, True]))
        used = draw(st.frozensets(st.integers(0, slots - 1)))
        found[key] = ResourceState(
            slots=slots,
            used=frozenset({0}) if is_exclusive else used,
            is_exclusive=is_exclusive,
            is_urgent_held=key != TEAM and not is_exclusive and draw(st.booleans()),
            machine_state=draw(st.sampled_from([MachineState.ONLINE] * 4 + list(MachineState)))
            if key != TEAM
            else MachineState.ONLINE,
            reserves=draw(
                st.dictionaries(
                    st.integers(90, 99),
                    st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(90, 99)),
                    max_size=2,
                )
            )
            if key != TEAM
            else {},
        )
    return found


_slots = st.integers(0, 6)


def _starts(decision: Plan) -> set[int]:
    return {start.id for start in decision.starts}


@given(_candidates(), _resources(), _slots, _slots)
def test_each_candidate_starts_parks_or_stays(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    parked = {park.id for park in decision.parks}
    assert not parked & _starts(decision)
    assert len(parked) == len(decision.parks)
    assert len(_starts(decision)) == len(decision.starts)
    assert parked | _starts(decision) <= {candidate.id for candidate in candidates}


@given(_candidates(), _resources(), _slots, _slots)
def test_worker_slots_are_never_exceeded_and_urgent_ones_are_for_level_1(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    levels = {candidate.id: candidate.level for candidate in candidates}
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    extra = [start for start in decision.starts if start.uses_urgent_slot]
    assert len(decision.starts) - len(extra) <= free
    assert len(extra) <= urgent
    assert all(levels[start.id] == 1 for start in extra)


@given(_candidates(), _resources(), _slots, _slots)
def test_holds_are_the_needs_and_fit_the_resources(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    by_id = {candidate.id: candidate for candidate in candidates}
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    taken: dict[str, list[tuple[int, bool]]] = {}
    for start in decision.starts:
        candidate = by_id[start.id]
        is_limited = candidate.team is not None and candidate.level != 1
        needs = [*candidate.machines, *([TEAM] if is_limited else [])]
        assert [hold.resource for hold in start.holds] == needs
        for hold in start.holds:
            taken.setdefault(hold.resource, []).append((hold.slot, hold.is_exclusive))
    for key, holds in taken.items():
        state = resources[key]
        slots = [slot for slot, _rest in holds]
        assert len(set(slots)) == len(slots)
        assert not set(slots) & state.used
        assert not (URGENT_SLOT in slots and state.is_urgent_held)
        ordinary = [slot for slot in slots if slot != URGENT_SLOT]
        assert len(state.used) + len(ordinary) <= max(state.slots, len(state.used))
        assert all(0 <= slot < state.slots for slot in ordinary)
        assert not state.is_exclusive
        assert state.machine_state is MachineState.ONLINE
        if any(is_exclusive for _rest, is_exclusive in holds):
            assert len(holds) == 1
            assert not state.used
            assert not state.is_urgent_held


@given(_candidates(), _resources(), _slots, _slots)
def test_no_later_task_passes_an_earlier_one_on_a_machine(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    started = _starts(decision)
    for position, later in enumerate(candidates):
        if later.id not in started:
            continue
        for earlier in candidates[:position]:
            shares = set(earlier.machines) & set(later.machines)
            assert earlier.id in started or not shares
        for key in later.machines:
            assert all(rank > later.rank for rank in resources[key].reserves.values())


@given(_candidates(), _resources(), _slots, _slots)
def test_starts_are_in_the_order_of_levels(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    ranks = {candidate.id: candidate.rank for candidate in candidates}
    order = [ranks[start.id] for start in decision.starts]
    assert order == sorted(order)
    kept = {park.id for park in decision.parks} | _starts(decision)
    waiting = [ranks[candidate.id] for candidate in candidates if candidate.id not in kept]
    ordinary = [ranks[s.id] for s in decision.starts if not s.uses_urgent_slot]
    # Who only lacks a worker's slot was not passed by anybody in the order for these slots.
    assert not waiting or not ordinary or min(waiting) > max(ordinary)


@given(_candidates(), _resources(), _slots, _slots)
def test_what_is_parked_waits_on_a_resource_that_explains_it(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    by_id = {candidate.id: candidate for candidate in candidates}
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    started = _starts(decision)
    for park in decision.parks:
        candidate, state = by_id[park.id], resources[park.resource]
        if park.resource == TEAM:
            assert park.reason is Reason.TEAM_LIMIT
            assert candidate.level != 1
            holds = sum(hold.resource == TEAM for start in decision.starts for hold in start.holds)
            assert len(state.used) + holds >= state.slots
            continue
        assert park.resource in candidate.machines
        if park.reason in (Reason.MAINTENANCE, Reason.OFFLINE):
            assert park.reason.value.endswith(str(state.machine_state))
            continue
        assert park.reason is Reason.BUSY_MACHINE
        is_held = state.used or state.is_urgent_held or state.is_exclusive
        is_taken = any(park.resource in by_id[number].machines for number in started)
        waits_behind = any(rank < candidate.rank for rank in state.reserves.values())
        is_behind = any(
            park.resource in other.machines and other.rank < candidate.rank
            for other in candidates
            if other.id in {other_park.id for other_park in decision.parks}
        )
        assert is_held or is_taken or waits_behind or is_behind


@given(_candidates(), _resources(), _slots, _slots)
def test_with_free_slots_nothing_stays_ready(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    decision = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    left = len(candidates) - len(decision.starts) - len(decision.parks)
    used = sum(not start.uses_urgent_slot for start in decision.starts)
    assert left == 0 or used == free


@given(_candidates(), _resources(), _slots, _slots)
def test_a_second_claim_lets_nobody_pass_what_the_first_one_parked(
    candidates: list[Candidate], resources: dict[str, ResourceState], free: int, urgent: int
) -> None:
    """The places that are kept suffice: newcomers do not pass, whoever else is let go."""
    first = plan(candidates, resources, free_slots=free, free_urgent_slots=urgent)
    by_id = {candidate.id: candidate for candidate in candidates}
    after = {key: _after(key, state, first, by_id) for key, state in resources.items()}
    newcomers = [
        Candidate(id=50 + number, level=level, pass_value=9, machines=(key,))
        for number, (level, key) in enumerate((n, key) for n in range(1, 6) for key in MACHINES)
    ]
    second = plan(newcomers, after, free_slots=99, free_urgent_slots=0)
    new_by_id = {candidate.id: candidate for candidate in newcomers}
    for start in second.starts:
        later = new_by_id[start.id]
        for park in first.parks:
            earlier = by_id[park.id]
            if earlier.rank < later.rank:
                assert not set(earlier.machines) & set(later.machines)


def _after(
    key: str, state: ResourceState, decision: Plan, by_id: dict[int, Candidate]
) -> ResourceState:
    holds = [hold for start in decision.starts for hold in start.holds if hold.resource == key]
    kept = {park.id: by_id[park.id].rank for park in decision.parks if key in park.reserves}
    return replace(
        state,
        used=state.used | {hold.slot for hold in holds if hold.slot >= 0},
        is_urgent_held=state.is_urgent_held or any(hold.slot < 0 for hold in holds),
        is_exclusive=state.is_exclusive or any(hold.is_exclusive for hold in holds),
        reserves={**state.reserves, **kept},
    )


def _one(number: int, level: int = 3, **fields: object) -> Candidate:
    values: dict[str, object] = {"pass_value": number, "machines": ("machine:t/a",)} | fields
    return Candidate(id=number, level=level, **values)  # type: ignore[arg-type]


FULL = ResourceState(slots=1, used=frozenset({0}))
CASES = {
    "ordinary waits for a full machine": (_one(1), FULL, 1, 0, "park"),
    "level 1 does not wait for a full machine": (_one(1, 1), FULL, 1, 0, "start"),
    "level 1 takes an urgent slot": (_one(1, 1), FULL, 0, 1, "urgent"),
    "ordinary takes no urgent slot": (_one(1), ResourceState(), 0, 1, "stay"),
    "level 1 waits for an earlier level 1": (
        _one(1, 1),
        ResourceState(is_urgent_held=True),
        1,
        1,
        "park",
    ),
    "level 1 waits for an exclusive task": (
        _one(1, 1),
        replace(FULL, is_exclusive=True),
        1,
        1,
        "park",
    ),
    "exclusive level 1 waits for ordinary work": (
        _one(1, 1, is_exclusive=True),
        FULL,
        1,
        1,
        "park",
    ),
    "level 1 waits for no team limit": (_one(1, 1, team="machine:t/a"), FULL, 1, 0, "start"),
    "maintenance stops level 1": (
        _one(1, 1),
        ResourceState(machine_state=MachineState.MAINTENANCE),
        1,
        1,
        "park",
    ),
    "offline stops everything": (
        _one(1),
        ResourceState(machine_state=MachineState.OFFLINE),
        1,
        1,
        "park",
    ),
    "a kept place comes first": (_one(5), ResourceState(reserves={2: (3, 1, 2)}), 1, 0, "park"),
    "a later one's place does not": (
        _one(5),
        ResourceState(reserves={9: (3, 9, 9)}),
        1,
        0,
        "start",
    ),
    "its own place does not stop it": (
        _one(5),
        ResourceState(reserves={5: (3, 5, 5)}),
        1,
        0,
        "start",
    ),
    "the overdue head passes places of other levels": (
        _one(5, 5, is_overdue=True),
        ResourceState(reserves={2: (3, 1, 2)}),
        1,
        0,
        "start",
    ),
    "the overdue head keeps order in its level": (
        _one(5, 3, is_overdue=True),
        ResourceState(reserves={2: (3, 1, 2)}),
        1,
        0,
        "park",
    ),
    "the overdue head does not pass level 1": (
        _one(5, 5, is_overdue=True),
        ResourceState(reserves={2: (1, 1, 2)}),
        1,
        0,
        "park",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_candidate(case: tuple[Candidate, ResourceState, int, int, str]) -> None:
    candidate, state, free, urgent, expected = case
    decision = plan([candidate], {"machine:t/a": state}, free_slots=free, free_urgent_slots=urgent)
    if expected == "park":
        assert [park.id for park in decision.parks] == [candidate.id]
        assert not decision.starts
    elif expected == "stay":
        assert not decision.parks
        assert not decision.starts
    else:
        assert [start.uses_urgent_slot for start in decision.starts] == [expected == "urgent"]


def test_waiting_task_of_two_machines_keeps_its_place_on_both() -> None:
    """A queued stop, copy, start stay in this order although only `a` is busy."""
    both = ("machine:t/a", "machine:t/b")
    copy, start = _one(1, machines=both), _one(2, machines=("machine:t/b",))
    decision = plan([copy, start], {"machine:t/a": FULL}, free_slots=5, free_urgent_slots=0)
    assert not decision.starts
    assert [(park.id, park.resource) for park in decision.parks] == [(1, both[0]), (2, both[1])]
    assert decision.parks[0].reserves == both
