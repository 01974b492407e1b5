"""Reading tasks: filters before the limit, queue order, one task whole."""

from __future__ import annotations

from typing import Any

import pytest
from queue_lab import START, Lab, result

from rediacc.errors import NotFound
from rediacc.queue import reading
from rediacc.queue.outcome import Ending
from rediacc.queue.remaining import remaining_work
from rediacc.queue.workers import (
    WorkerIdentity,
    adopt,
    beat,
    count_live,
    list_workers,
    open_runs,
    orders,
    register,
    stop,
)
from rediacc.requests import TaskFilter
from rediacc.values import MachineOutcome, PublicState, RetryPolicy


def _ids(lab: Lab, **wanted: Any) -> list[int]:
    with lab.database.read() as connection:
        return [view.id for view in reading.list_tasks(connection, TaskFilter(**wanted))]


def test_filters_hold_before_the_limit(lab: Lab) -> None:
    wanted = [lab.submit("a", labels={"app": "shop"}) for _turn in range(2)]
    for _turn in range(60):
        lab.submit("b", team="dev", level=5, labels={"app": "mail"})
    assert _ids(lab, team="prod", limit=2) == wanted[::-1]
    assert _ids(lab, machine="a") == wanted[::-1]
    assert _ids(lab, priority=3) == wanted[::-1]
    assert _ids(lab, labels={"app": "shop"}) == wanted[::-1]
    assert _ids(lab, labels={"app": "shop"}, team="dev") == []
    assert len(_ids(lab)) == 50


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"states": (PublicState.RUNNING,)}, 1),
        ({"states": (PublicState.PENDING, PublicState.SUCCEEDED)}, 2),
        ({"states": (PublicState.CANCELLED,)}, 0),
        ({"created_by": "alice"}, 3),
        ({"created_by": "bob"}, 0),
        ({"named": "deploy"}, 1),
    ],
)
def test_each_filter(lab: Lab, wanted: dict[str, Any], number: int) -> None:
    done, runs, _waits = lab.submit("a"), lab.submit("b"), lab.submit("c", named="deploy")
    lab.claim(2)
    lab.run(done)
    lab.start(runs)
    assert len(_ids(lab, **wanted)) == number


def test_queue_order_is_running_then_the_order_of_starts_then_what_is_not_due(lab: Lab) -> None:
    runs = lab.submit("a", level=5)
    lab.claim()
    lab.start(runs)
    later = lab.submit("b", level=1, eligible_at=START + 60_000_000)
    sooner = lab.submit("b", level=5, eligible_at=START + 30_000_000)
    low, high, other = lab.submit("c", level=4), lab.submit("c", level=2), lab.submit("d", level=2)
    done = lab.submit("e")
    with lab.database.write() as connection:
        from rediacc.queue.changes import cancel

        cancel(connection, done, actor="bob", now=lab.now)
    assert _ids(lab, queue_order=True) == [runs, high, other, low, sooner, later]


def test_ahead_counts_who_starts_before(lab: Lab) -> None:
    first, urgent, last = lab.submit("a"), lab.submit("a", level=1), lab.submit("a", level=4)
    with lab.database.read() as connection:
        assert [reading.ahead_of(connection, n) for n in (urgent, first, last)] == [0, 1, 2]
        assert reading.ahead_of_level(connection, 3) == 2


def test_a_task_has_two_names(lab: Lab) -> None:
    uid = "0f1c0d5e-5f4f-4a4e-9a53-00000000000a"
    task_id = lab.submit("a", uid=uid)
    with lab.database.read() as connection:
        for name in (str(task_id), f"task/{task_id}", uid, uid.upper()):
            assert reading.find_id(connection, name) == task_id
        for name in ("", "0", "99", "9" * 40, "-1", "1 OR 1=1", "task/"):
            with pytest.raises(NotFound):
                reading.find_id(connection, name)


def test_attempts_results_and_timeline_tell_the_story(lab: Lab) -> None:
    task_id = lab.submit("a", "b", policy=RetryPolicy(retry_count=1, retry_delay_seconds=5))
    lab.claim()
    lab.pass_time(1)
    lab.run(task_id, result("a"), result("b", MachineOutcome.FAILED, stdout="no\udcff"))
    lab.pass_time(5)
    lab.claim()
    lab.run(task_id, result("b"))
    with lab.database.read() as connection:
        attempts = reading.attempts_of(connection, task_id)
        results = reading.results_of(connection, task_id)
        names = [event.name for event in reading.timeline_of(connection, task_id)]
        view = reading.view_task(connection, task_id)
    assert [(a.number, a.machines, a.outcome) for a in attempts] == [
        (1, ("a", "b"), "retry"),
        (2, ("b",), "finished"),
    ]
    assert [(r.attempt, r.result.machine, r.result.rc) for r in results] == [
        (1, "a", 0),
        (1, "b", 2),
        (2, "b", 0),
    ]
    assert results[1].result.stdout == "no\udcff"
    assert names == [
        "created", "claimed", "started", "retry", "due", "claimed", "started", "succeeded"
    ]  # fmt: skip
    assert (view.state, view.attempt, view.retries_left) == (PublicState.SUCCEEDED, 2, 0)
    assert view.elapsed_seconds == 5


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.FINISHED])
def test_only_pending_tasks_say_why_they_wait(lab: Lab, ending: Ending) -> None:
    task_id = lab.submit("a")
    waits = []
    with lab.database.read() as connection:
        waits.append(
            reading.waits_of(connection, reading.view_task(connection, task_id), live_since=0)
        )
    lab.claim()
    lab.run(task_id, *([result("a")] if ending is Ending.FINISHED else []), ending=ending)
    with lab.database.read() as connection:
        waits.append(
            reading.waits_of(connection, reading.view_task(connection, task_id), live_since=0)
        )
    assert waits[0] == ("no worker is running: rediacc worker",)
    assert bool(waits[1]) == (ending is Ending.LOST)
    if waits[1]:
        assert f"rediacc release task {task_id}" in waits[1][1]


def test_remaining_work_is_what_goes_on_by_itself(lab: Lab) -> None:
    lab.submit("a")
    lab.submit("a", eligible_at=START + 10_000_000)
    held = lab.submit("b")
    with lab.database.read() as connection:
        assert remaining_work(connection) == 2
    lab.claim()
    lab.run(held, ending=Ending.LOST)
    with lab.database.read() as connection:
        assert remaining_work(connection) == 1
        assert reading.open_tasks_of_team(connection, "prod") == 3


def _identity(name: str) -> WorkerIdentity:
    return WorkerIdentity(
        id=name, host="h", boot_id="b", pid=7, version="1", slots=2, urgent_slots=1
    )


def test_workers_are_shown_until_they_stop_and_alive_while_they_beat(lab: Lab) -> None:
    with lab.database.write() as connection:
        register(connection, _identity("w1"), now=lab.now)
        register(connection, _identity("w2"), now=lab.now)
    task_id = lab.submit("a")
    lab.claim()
    lab.pass_time(31)
    with lab.database.write() as connection:
        beat(connection, "w1", state="draining", now=lab.now)
    with lab.database.read() as connection:
        assert count_live(connection, lease_seconds=30, now=lab.now) == 1
        shown = {w.id: w for w in list_workers(connection, lease_seconds=30, now=lab.now)}
    assert (shown["w1"].state, shown["w1"].is_alive, shown["w1"].tasks) == (
        "draining",
        True,
        (task_id,),
    )
    assert (shown["w2"].state, shown["w2"].is_alive) == ("lost", False)
    with lab.database.write() as connection:
        stop(connection, "w2", now=lab.now)
    with lab.database.read() as connection:
        assert [w.id for w in list_workers(connection, lease_seconds=30, now=lab.now)] == ["w1"]


def test_open_run_can_be_adopted_while_it_is_present(lab: Lab) -> None:
    from rediacc.queue.changes import cancel

    task_id = lab.submit("a")
    lab.claim()
    lab.start(task_id)
    with lab.database.write() as connection:
        (run,) = open_runs(connection)
        assert run.is_present
        assert adopt(connection, run, worker_id="w2")
        cancel(connection, task_id, actor="bob", now=lab.now)
        assert orders(connection, "w1").cancels == ()
        assert orders(connection, "w2").cancels == (task_id,)
    lab.settle(task_id, ending=Ending.CANCELLED)
    with lab.database.write() as connection:
        (over,) = open_runs(connection)
        assert not over.is_present
        assert not adopt(connection, run, worker_id="w3")


def test_time_in_the_queue_ends_with_the_first_start(lab: Lab) -> None:
    task_id = lab.submit("a", policy=RetryPolicy(retry_count=1, retry_delay_seconds=60.0))
    lab.pass_time(7)
    lab.claim()
    lab.run(task_id, result("a", MachineOutcome.FAILED))
    lab.pass_time(61)
    lab.claim()
    lab.run(task_id)
    with lab.database.read() as connection:
        assert reading.view_task(connection, task_id).queue_seconds == 7.0
