"""Claiming: in order, bounded by every limit, and nothing is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from queue_checks import broken
from queue_lab import START, Lab, result

from rediacc.queue import changes
from rediacc.queue.claim import next_due_at
from rediacc.queue.outlook import obstacles
from rediacc.queue.reading import view_task, waits_of
from rediacc.queue.remaining import remaining_work, stuck_tasks, stuck_words
from rediacc.queue.resources import set_machine_state
from rediacc.queue.sweep import find_violations, sweep
from rediacc.queue.workers import WorkerIdentity, register
from rediacc.values import MachineOutcome, MachineState, RetryPolicy, State


def _set(lab: Lab, machine: str, state: MachineState) -> None:
    with lab.database.write() as connection:
        set_machine_state(connection, "prod", machine, state=state, now=lab.now)


def _sound(lab: Lab) -> None:
    with lab.database.read() as connection:
        assert broken(connection, lab.rules) == []


def _waits(lab: Lab, task_id: int) -> str:
    with lab.database.read() as connection:
        return "; ".join(waits_of(connection, view_task(connection, task_id), live_since=0))


def test_order_is_level_then_arrival(lab: Lab) -> None:
    ids = {level: [lab.submit(f"m{level}{n}", level=level) for n in "ab"] for level in (5, 1, 3)}
    assert lab.claim_ids(6) == [*ids[1], *ids[3], *ids[5]]


def test_claim_gives_no_more_than_the_workers_slots(lab: Lab) -> None:
    ids = [lab.submit(f"m{n}") for n in range(5)]
    assert lab.claim_ids(2) == ids[:2]
    assert lab.claim_ids(0, 5) == []
    assert lab.states(ids) == ["claimed", "claimed", "ready", "ready", "ready"]


def test_level_1_starts_on_a_saturated_fleet(lab: Lab) -> None:
    for number in range(10):
        lab.submit(f"m{number}")
    assert len(lab.claim(10)) == 10
    urgent = [lab.submit(f"m{number}", level=1) for number in range(10)]
    assert lab.claim_ids(0, 10) == urgent
    _sound(lab)


def test_machine_runs_one_at_a_time_in_order(lab: Lab) -> None:
    ids = [lab.submit("a") for _turn in range(3)]
    for task_id in ids:
        assert lab.claim_ids() == [task_id]
        _sound(lab)
        lab.run(task_id)
    assert lab.states(ids) == ["succeeded"] * 3


def test_parked_task_says_who_holds_its_machine(lab: Lab) -> None:
    first, second = lab.submit("a", title="uptime"), lab.submit("a")
    lab.claim()
    assert lab.state(second) is State.PARKED
    assert f"machine a is busy with task {first}" in _waits(lab, second)
    assert "uptime" in _waits(lab, second)


def test_stop_copy_start_keep_their_order_over_machines(lab: Lab) -> None:
    busy = lab.submit("a")
    assert lab.claim_ids() == [busy]
    copy, start, other = lab.submit("a", "b"), lab.submit("b"), lab.submit("c")
    assert lab.claim_ids() == [other]
    assert f"task {copy} waits for machine b before it" in _waits(lab, start)
    _sound(lab)
    lab.run(busy)
    assert lab.claim_ids() == [copy]
    _sound(lab)
    lab.run(copy)
    assert lab.claim_ids() == [start]


def test_cancelled_waiter_gives_its_places_up(lab: Lab) -> None:
    lab.submit("a")
    lab.claim()
    both, after = lab.submit("a", "b"), lab.submit("b")
    assert lab.claim_ids() == []
    with lab.database.write() as connection:
        changes.cancel(connection, both, actor="bob", now=lab.now)
    assert lab.claim_ids() == [after]
    _sound(lab)


def test_waiting_exclusive_task_is_not_passed_for_ever(lab: Lab) -> None:
    """On a machine with two slots a stream of newcomers would keep it from ever being empty."""
    lab.rules = replace(lab.rules, machine_slots=2)
    first = lab.submit("a")
    assert lab.claim_ids() == [first]
    alone = lab.submit("a", is_exclusive=True)
    assert lab.claim_ids() == []
    newcomer = lab.submit("a")
    assert lab.claim_ids() == []
    lab.run(first)
    assert lab.claim_ids() == [alone]
    lab.run(alone)
    assert lab.claim_ids() == [newcomer]
    _sound(lab)


def test_who_waited_behind_a_kept_place_takes_the_slot_beside_it(lab: Lab) -> None:
    lab.rules = replace(lab.rules, team_machine_slots={"prod": 2})
    busy = [lab.submit("a") for _turn in range(2)]
    assert lab.claim_ids() == busy
    both, beside = lab.submit("a", "b"), lab.submit("b")
    assert lab.claim_ids() == []
    lab.run(busy[0])
    assert lab.claim_ids() == [both, beside]
    _sound(lab)


def test_team_slot_that_a_task_cannot_use_goes_to_the_next(lab: Lab) -> None:
    """The lost wake-up of two limits: woken for the team's slot, parked on a machine instead."""
    lab.rules = replace(lab.rules, team_slots={"prod": 1})
    runs = lab.submit("a")
    assert lab.claim_ids() == [runs]
    blocked, free = lab.submit("b"), lab.submit("c")
    assert lab.claim_ids() == []
    _set(lab, "b", MachineState.MAINTENANCE)
    lab.run(runs)
    assert lab.claim_ids() == [free]
    assert lab.state(blocked) is State.PARKED
    _sound(lab)


def test_team_limit_counts_no_level_1(lab: Lab) -> None:
    lab.rules = replace(lab.rules, team_slots={"prod": 1})
    ordinary = [lab.submit("a"), lab.submit("b")]
    urgent = lab.submit("c", level=1)
    assert lab.claim_ids() == [urgent, ordinary[0]]
    assert "team prod is busy" in _waits(lab, ordinary[1])
    lab.submit("d", team="dev")
    assert len(lab.claim()) == 1


@pytest.mark.parametrize("state", [MachineState.MAINTENANCE, MachineState.OFFLINE])
def test_closed_machine_starts_nothing_until_it_is_back(lab: Lab, state: MachineState) -> None:
    runs, first, second = (lab.submit("a") for _turn in range(3))
    assert lab.claim_ids() == [runs]
    _set(lab, "a", state)
    lab.run(runs)
    assert lab.claim_ids() == []
    for task_id in (first, second):
        assert str(state) in _waits(lab, task_id)
    with lab.database.read() as connection:
        assert find_violations(connection) == []
        assert remaining_work(connection) == 0
    _set(lab, "a", MachineState.ONLINE)
    assert lab.claim_ids() == [first]
    assert f"busy with task {first}" in _waits(lab, second)
    with lab.database.read() as connection:
        assert remaining_work(connection) == 2


def test_what_waits_behind_a_closed_machine_is_not_left_to_do(lab: Lab) -> None:
    _set(lab, "b", MachineState.MAINTENANCE)
    both = lab.submit("a", "b")
    behind, free = lab.submit("a"), lab.submit("c")
    chained = lab.submit("a", "c")
    assert lab.claim_ids() == [free]
    with lab.database.read() as connection:
        assert remaining_work(connection) == 1
    lab.run(free)
    assert lab.claim_ids() == []
    with lab.database.read() as connection:
        assert remaining_work(connection) == 0
        words = {task.id: stuck_words(task) for task in stuck_tasks(connection)}
    assert words == {
        both: "machine b is in maintenance",
        behind: f"task {both} waits for machine a before it",
        chained: f"task {both} waits for machine a before it",
    }
    _set(lab, "b", MachineState.ONLINE)
    assert lab.claim_ids() == [both]
    with lab.database.read() as connection:
        assert remaining_work(connection) == 3
        assert stuck_tasks(connection) == ()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MachineState.MAINTENANCE, "machine c is in maintenance"),
        (MachineState.OFFLINE, "machine c is set offline"),
        (None, "machine c is busy with task {busy}"),
    ],
)
def test_a_wait_is_followed_to_what_it_is_in_the_end_for(
    lab: Lab, state: MachineState | None, words: str
) -> None:
    busy = lab.submit("c")
    assert lab.claim_ids() == [busy]
    if state is not None:
        lab.run(busy)
        _set(lab, "c", state)
    first, second = lab.submit("b", "c"), lab.submit("a", "b")
    third = lab.submit("a")
    assert lab.claim_ids() == []
    cause = words.format(busy=busy)
    assert cause in _waits(lab, first)
    own = f"task {first} waits for machine b before it, and itself because {cause}"
    assert own in _waits(lab, second)
    own = f"task {second} waits for machine a before it, and itself because {cause}"
    assert own in _waits(lab, third)


def test_ready_task_of_a_limited_team_explains_who_waits_behind_it(lab: Lab) -> None:
    lab.rules = replace(lab.rules, team_slots={"prod": 1})
    runs = lab.submit("a")
    lab.claim()
    lab.submit("b")
    lab.submit("c")
    lab.claim()
    lab.run(runs)
    assert lab.claim_ids(0, 1) == []
    _sound(lab)


def test_overdue_head_takes_every_fifth_start(lab: Lab) -> None:
    old = [lab.submit(f"old{n}", level=5) for n in range(4)]
    lab.pass_time(28_801)
    fresh = [lab.submit(f"new{n}", level=2) for n in range(20)]
    started = lab.claim_ids(10)
    assert [started.index(task_id) for task_id in old[:2]] == [4, 9]
    assert [task_id for task_id in started if task_id in fresh] == fresh[:8]


def test_overdue_turn_also_comes_with_one_slot(lab: Lab) -> None:
    old = lab.submit("old", level=5)
    lab.pass_time(28_801)
    for number in range(9):
        lab.submit(f"new{number}", level=2)
    assert [lab.claim_ids(1)[0] == old for _turn in range(6)] == [False] * 4 + [True, False]


def test_overdue_task_on_a_busy_machine_gets_its_turn(lab: Lab) -> None:
    old = lab.submit("a", level=5)
    lab.pass_time(28_801)
    order = []
    for _turn in range(8):
        lab.submit("a", level=2)
    while lab.state(old) is not State.SUCCEEDED:
        (task_id,) = lab.claim_ids()
        order.append(task_id)
        lab.run(task_id)
    assert order.index(old) == 4


def test_scheduled_task_becomes_ready_at_its_time(lab: Lab) -> None:
    task_id = lab.submit("a", eligible_at=START + 5_000_000)
    with lab.database.read() as connection:
        assert next_due_at(connection) == START + 5_000_000
    lab.pass_time(4.9)
    assert lab.claim_ids() == []
    assert "not before" in _waits(lab, task_id)
    lab.pass_time(0.1)
    assert lab.claim_ids() == [task_id]
    with lab.database.read() as connection:
        assert next_due_at(connection) is None


def test_retry_waits_for_its_pause_and_lets_others_by(lab: Lab) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(retry_count=1, retry_delay_seconds=60))
    other = lab.submit("a")
    lab.claim()
    lab.run(task_id, result("a", MachineOutcome.FAILED))
    assert lab.claim_ids() == [other]
    assert "waits for its retry" in _waits(lab, task_id)
    lab.run(other)
    lab.pass_time(60)
    assert lab.claim_ids() == [task_id]


def test_epoch_rises_with_each_claim(lab: Lab) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(retry_count=2, retry_delay_seconds=0))
    epochs = []
    for _turn in range(3):
        (claimed,) = lab.claim()
        epochs.append((claimed.epoch, claimed.attempt))
        lab.run(task_id, result("a", MachineOutcome.FAILED))
    assert epochs == [(1, 1), (2, 2), (3, 3)]


def test_a_long_queue_on_one_machine_does_not_hide_the_others(lab: Lab) -> None:
    for _turn in range(300):
        lab.submit("a")
    last = lab.submit("z", level=5)
    assert last in lab.claim_ids(4)
    _sound(lab)


def test_many_released_machines_are_all_looked_at(lab: Lab) -> None:
    """A newcomer does not pass who waits, on whichever of 600 released machines."""
    names = [f"m{number:03}" for number in range(600)]
    wide = lab.submit(*names)
    assert lab.claim_ids() == [wide]
    waiting = lab.submit(names[-1])
    assert lab.claim_ids() == []
    lab.run(wide)
    lab.submit(names[-1])
    assert lab.claim_ids() == [waiting]


def test_claim_reads_a_bounded_window(lab: Lab) -> None:
    for number in range(200):
        lab.submit(f"m{number}")
    assert len(lab.claim(3)) == 3
    assert lab.query("SELECT COUNT(*) AS n FROM event WHERE name <> 'created'")[0].n == 3


def test_sweep_wakes_what_was_forgotten_and_tells(lab: Lab) -> None:
    runs, waits = lab.submit("a"), lab.submit("a")
    lab.claim()
    lab.run(runs)
    with lab.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM wake")
    assert lab.claim_ids() == []
    with lab.database.write() as connection:
        assert len(sweep(connection, now=lab.now)) == 1
    assert lab.claim_ids() == [waits]


def _obstacles(lab: Lab, task_id: int | None, *machines: str, level: int = 3) -> str:
    with lab.database.read() as connection:
        found = obstacles(
            connection,
            machines,
            team="prod",
            level=level,
            rules=lab.rules,
            now=lab.now,
            task_id=task_id,
        )
    return "; ".join(found)


def test_what_keeps_a_new_task_from_starting_is_told(lab: Lab) -> None:
    lab.rules = replace(lab.rules, team_slots={"prod": 1})
    runs = lab.submit("a")
    assert _obstacles(lab, runs, "a") == ""
    assert lab.claim_ids() == [runs]
    assert f"machine a is busy with task {runs}" in _obstacles(lab, None, "a")
    _set(lab, "b", MachineState.MAINTENANCE)
    behind = lab.submit("b", "c")
    assert _obstacles(lab, behind, "b", "c") == "machine b is in maintenance"
    assert lab.claim_ids() == []
    told = _obstacles(lab, None, "c")
    assert told.startswith(f"task {behind} waits for machine c before it")
    assert told.endswith("and itself because machine b is in maintenance")
    assert f"team prod is busy with task {runs}" in _obstacles(lab, None, "d")
    assert _obstacles(lab, None, "d", level=1) == ""


def test_full_workers_keep_a_new_task_from_starting(lab: Lab) -> None:
    identity = WorkerIdentity(
        id="w1", host="h", boot_id="b", pid=1, version="1", slots=1, urgent_slots=2
    )
    with lab.database.write() as connection:
        register(connection, identity, now=lab.now)
    assert _obstacles(lab, None, "b") == ""
    lab.submit("a")
    lab.claim()
    assert _obstacles(lab, None, "b") == "all 1 slots of the workers are taken"
    assert _obstacles(lab, None, "b", level=1) == ""
