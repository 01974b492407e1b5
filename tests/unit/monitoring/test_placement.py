"""``--any``: least work first, good health only, and even where all are equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from queue_lab import Lab

from rediacc.errors import Conflict
from rediacc.monitoring.placement import Candidate, Outlook, choose, place
from rediacc.times import moment
from rediacc.values import MachineState
from rediacc.views import MachineHealth


def _health(state: str = "ok", cpu: float | None = 5.0) -> MachineHealth:
    return MachineHealth(
        at=moment(0),
        age_seconds=12.0,
        state=state,
        is_reachable=state != "unreachable",
        cpu_percent=cpu,
    )


def _never(names: Iterable[str]) -> Mapping[str, int]:
    return dict.fromkeys(names, 0)


def _chosen(candidates: list[Candidate], number: int = 1, **more: Any) -> list[str]:
    found = choose(candidates, number, last_given=more.get("last_given", _never))
    return [one.machine for one in found if one.is_chosen]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"work": 1}, {"work": 2}, "one"),
        ({"work": 3}, {"work": 2}, "two"),
        # Busyness decides between equal work, and only there.
        ({"health": _health(cpu=80)}, {"health": _health(cpu=10)}, "two"),
        ({"work": 1, "health": _health(cpu=0)}, {"health": _health(cpu=80)}, "two"),
        ({"health": _health(cpu=12)}, {"health": _health(cpu=3)}, "one"),  # no difference
        # Unknown health is neither better nor worse than what is usual.
        ({"health": _health("stale", cpu=99)}, {"health": _health(cpu=3)}, "one"),
        ({"health": None}, {"health": _health(cpu=60)}, "one"),
        ({"health": _health(cpu=60)}, {"health": None}, "one"),
        # What cannot take work is skipped, however idle it is.
        ({"state": MachineState.OFFLINE}, {"work": 9}, "two"),
        ({"state": MachineState.MAINTENANCE}, {"work": 9}, "two"),
        ({"health": _health("unreachable", cpu=None)}, {"work": 9}, "two"),
        ({"health": _health("overloaded", cpu=97)}, {"work": 9}, "two"),
    ],
)
def test_the_better_machine_is_chosen(
    first: dict[str, Any], second: dict[str, Any], expected: str
) -> None:
    candidates = [Candidate(machine="one", **first), Candidate(machine="two", **second)]
    assert _chosen(candidates) == [expected]


def test_among_equals_the_one_without_a_task_for_longest() -> None:
    candidates = [Candidate(machine=name) for name in ("one", "two", "three")]
    last = {"one": 7, "two": 3, "three": 9}
    assert _chosen(candidates, 2, last_given=lambda _names: last) == ["two", "one"]


def test_too_few_machines_are_refused_with_each_reason() -> None:
    candidates = [
        Candidate(machine="one", state=MachineState.MAINTENANCE),
        Candidate(machine="two", health=_health("unreachable", cpu=None)),
        Candidate(machine="three"),
    ]
    with pytest.raises(Conflict) as caught:
        choose(candidates, 2, last_given=_never)
    assert "--any 2: 1 of 3 machines can take work" in caught.value.message
    assert "one skipped: is in maintenance" in caught.value.message
    assert "two skipped: is unreachable" in caught.value.message


def test_reasons_say_what_was_looked_at() -> None:
    candidates = [
        Candidate(machine="one", health=_health()),
        Candidate(machine="two", work=2, health=_health("stale")),
        Candidate(machine="three", state=MachineState.OFFLINE),
    ]
    told = {one.machine: one.reason for one in choose(candidates, 1, last_given=_never)}
    assert told == {
        "one": "0 tasks, cpu 5% 12s ago",
        "two": "not needed: 2 tasks, health unknown: last looked at 12s ago",
        "three": "skipped: is set offline",
    }


def test_a_hundred_tasks_over_four_machines_land_evenly(lab: Lab) -> None:
    machines = ("web1", "web2", "web3", "web4")
    # One is a little busier and one unknown: neither tips what the work says.
    outlook = Outlook(health={"web1": _health(cpu=40), "web2": _health("stale", cpu=0)})
    given: Counter[str] = Counter()
    for number in range(100):
        with lab.database.write() as connection:
            found = place(connection, outlook, "prod", machines, number=1)
        (chosen,) = (one.machine for one in found if one.is_chosen)
        given[chosen] += 1
        task = lab.submit(chosen)
        if number % 10 == 3:  # some run, and what waits for their machines is parked
            lab.claim()
        if number % 25 == 24 and lab.row(task).state == 5:
            lab.start(task)
    assert set(given) == set(machines)
    assert max(given.values()) - min(given.values()) <= 1


def _place(lab: Lab, *machines: str) -> str:
    with lab.database.write() as connection:
        found = place(connection, Outlook(), "prod", machines, number=1)
    (chosen,) = (one.machine for one in found if one.is_chosen)
    return chosen


def test_what_waits_for_a_busy_machine_counts(lab: Lab) -> None:
    for machine in ("web1", "web1", "web1", "web2"):
        lab.submit(machine)
    lab.claim()  # one runs on each; two are parked on web1
    assert lab.states([1, 2, 3, 4]) == ["claimed", "parked", "parked", "claimed"]
    assert _place(lab, "web1", "web2") == "web2"


def test_newest_tasks_count_behind_a_long_line(lab: Lab) -> None:
    for _turn in range(1001):
        lab.submit("web9")
    for machine in ("web1", "web1", "web2"):
        lab.submit(machine)
    assert _place(lab, "web1", "web2") == "web2"


def test_what_ended_counts_no_more_and_turns_are_taken(lab: Lab) -> None:
    given = []
    for _turn in range(8):
        with lab.database.write() as connection:
            found = place(connection, Outlook(), "prod", ("web1", "web2"), number=1)
        (chosen,) = (one.machine for one in found if one.is_chosen)
        given.append(chosen)
        task = lab.submit(chosen)
        lab.claim()
        lab.run(task)
    assert given == ["web1", "web2"] * 4
