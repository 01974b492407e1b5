"""The queue minute by minute: what is recorded equals what happened, also unwatched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from queue_lab import START, Lab, result

from rediacc.monitoring import flows
from rediacc.monitoring.depth import read_depth
from rediacc.monitoring.flows import MINUTE, first_id_since, read_flows
from rediacc.monitoring.history import choose_resolution, read_history
from rediacc.monitoring.recording import record_queue
from rediacc.monitoring.retention import KEPT, forget_old
from rediacc.times import seconds
from rediacc.values import MachineOutcome
from rediacc.views import History, QueueDepth

TEAMS = ("dev", "prod")


def _record(lab: Lab) -> int:
    return record_queue(lab.database, now=lab.now)


def _depth(lab: Lab, *teams: str) -> QueueDepth:
    with lab.database.read() as connection:
        return read_depth(connection, teams=teams or TEAMS, rules=lab.rules, now=lab.now)


def _history(lab: Lab, resolution: int = 60, **more: Any) -> History:
    with lab.database.read() as connection:
        return read_history(
            connection,
            teams=TEAMS,
            rules=lab.rules,
            since=START,
            until=lab.now,
            resolution=resolution,
            **more,
        )


def _points(lab: Lab, resolution: int = 60) -> Mapping[tuple[int, str, int], Any]:
    history = _history(lab, resolution)
    return {
        (round(point.at.timestamp() - START / 1e6) // resolution, point.team, point.level): point
        for point in history.queue
    }


def _live(lab: Lab) -> None:
    """Let three minutes go by: two tasks wait and run, one fails, one is cancelled."""
    first = lab.submit("web1")
    second = lab.submit("web1")
    lab.submit("web2", team="dev", level=1)
    lab.pass_time(30)
    assert sorted(lab.claim_ids()) == [first, 3]  # the second waits for its machine
    lab.start(first)
    lab.start(3)
    lab.pass_time(40)  # in the second minute
    lab.settle(first, result("web1", MachineOutcome.FAILED))
    lab.settle(3, result("web2"))
    lab.claim_ids()
    lab.start(second)
    lab.pass_time(60)
    lab.submit("web1", level=5)
    lab.settle(second, result("web1"))
    lab.pass_time(60)


def test_each_minute_tells_what_was_in_it(lab: Lab) -> None:
    _live(lab)
    assert _record(lab) == 3
    points = _points(lab)
    first, second, third = (points[(minute, "prod", 3)] for minute in range(3))
    assert (first.arrivals, first.starts, first.completions) == (2, 1, 0)
    assert (first.pending, first.pending_max, first.running) == (1, 2, 1)
    assert (second.starts, second.completions, second.failures) == (1, 1, 1)
    assert (second.pending, second.pending_max, second.running) == (0, 1, 1)
    assert (third.completions, third.failures, third.running) == (1, 0, 0)
    assert points[(2, "prod", 5)].pending == 1
    assert points[(0, "dev", 1)].starts == 1
    assert (0, "prod", 5) not in points  # nothing was there and nothing happened
    assert first.p50_seconds is not None
    assert 20 < first.p50_seconds <= 30
    waits = {one.level: one for one in _history(lab).waits}
    assert (waits[3].starts, waits[3].kept_ratio) == (2, 1.0)
    assert waits[3].promise_seconds == 1800


def test_what_was_recorded_late_equals_what_was_recorded_in_time(lab: Lab) -> None:
    """A worker that comes back makes up for the minutes in which none lived."""
    _live(lab)
    assert _record(lab) == 3
    in_time = _points(lab)
    lab.query_write("DELETE FROM queue_sample")
    lab.pass_time(600)
    lab.submit("web9", team="dev")
    lab.pass_time(60)
    assert _record(lab) == 14
    late = _points(lab)
    assert {key: point for key, point in late.items() if key in in_time} == in_time
    assert len(_history(lab).recorded) == 14


def test_recording_again_adds_nothing(lab: Lab) -> None:
    _live(lab)
    _record(lab)
    before = lab.query("SELECT COUNT(*) AS n, SUM(arrivals) AS a FROM queue_sample")
    assert _record(lab) == 0
    assert lab.query("SELECT COUNT(*) AS n, SUM(arrivals) AS a FROM queue_sample") == before


def test_of_two_workers_one_records(lab: Lab) -> None:
    _live(lab)

    class Racing:
        """A database in which another worker is faster between reading and writing."""

        read = staticmethod(lab.database.read)
        has_raced = False

        @contextlib.contextmanager
        def write(self) -> Iterator[Any]:
            if not self.has_raced:
                self.has_raced = True
                assert _record(lab) == 3
            with lab.database.write() as connection:
                yield connection

    racing: Any = Racing()
    assert record_queue(racing, now=lab.now) == 0
    assert lab.query("SELECT SUM(arrivals) AS a FROM queue_sample WHERE resolution = 0")[0].a == 4


def test_after_a_long_outage_all_is_counted_once_and_a_day_by_the_minute(lab: Lab) -> None:
    _live(lab)
    lab.pass_time(30 * 3600)
    lab.submit("web1")
    lab.pass_time(70)
    assert _record(lab) == 24 * 60
    query = "SELECT SUM(arrivals) AS a, SUM(starts) AS s FROM queue_sample WHERE resolution = "
    assert tuple(lab.query(f"{query}0")[0]) == (5, 3)
    assert tuple(lab.query(f"{query}60")[0]) == (1, 0)


def test_totals_since_the_beginning_only_grow(lab: Lab) -> None:
    _live(lab)
    _record(lab)
    query = "SELECT SUM(arrivals) AS a, SUM(completions) AS c FROM queue_sample WHERE resolution=0"
    assert tuple(lab.query(query)[0]) == (4, 3)
    lab.submit("web3")
    lab.pass_time(120)
    _record(lab)
    assert tuple(lab.query(query)[0]) == (5, 3)


def test_rollups_hold_what_their_minutes_hold(lab: Lab) -> None:
    _live(lab)
    lab.pass_time(4000)
    _record(lab)
    minutes, spans = _points(lab).values(), _points(lab, 300)
    for name in ("arrivals", "starts", "completions", "failures", "cancellations"):
        assert sum(getattr(point, name) for point in spans.values()) == sum(
            getattr(point, name) for point in minutes
        )
    first = spans[(0, "prod", 3)]
    assert first.pending_max == 2
    assert first.p95_seconds is not None
    assert 60 < first.p95_seconds <= 90  # the longer of two waits, of 70 seconds
    hours = _history(lab, 3600)
    assert len(hours.recorded) == 1
    assert sum(point.arrivals for point in hours.queue) == 4


def test_old_rows_are_forgotten_and_coarser_ones_stay(lab: Lab) -> None:
    _live(lab)
    lab.pass_time(7200)
    _record(lab)
    lab.now += KEPT[60]
    assert forget_old(lab.database, now=lab.now) > 100
    kept = lab.query("SELECT DISTINCT resolution AS r FROM queue_sample ORDER BY r")
    assert [row.r for row in kept] == [0, 300, 3600]
    assert forget_old(lab.database, now=lab.now) == 0


def test_first_event_since_is_found_by_halving(lab: Lab) -> None:
    for _turn in range(50):
        lab.submit("web1")
        lab.pass_time(1)
    lab.query_write("DELETE FROM event WHERE id % 3 = 0")  # numbers with holes
    rows = lab.query("SELECT id, at FROM event ORDER BY id")
    with lab.database.read() as connection:
        for at in range(START - seconds(2), START + seconds(55), 500_000):
            late = [row.id for row in rows if row.at >= at]
            found = first_id_since(connection, "event", at)
            assert (found is not None) == bool(late)
            assert [row.id for row in rows if found is not None and row.id >= found] == late


def test_depth_counts_by_team_level_and_machine(lab: Lab) -> None:
    _live(lab)
    lab.submit("web1", level=5)
    lab.submit("web7", team="dev", eligible_at=lab.now + seconds(500))
    depth = _depth(lab)
    assert (depth.total.pending, depth.total.running, depth.total.scheduled) == (3, 0, 1)
    level = depth.levels[4]
    assert (level.level, level.pending, level.runnable) == (5, 2, 2)
    assert (level.oldest_seconds, level.oldest_task) == (60, 4)
    assert depth.total.arrivals_hour == 6
    assert depth.total.arrivals_minute == 3
    assert (depth.total.completions_hour, depth.total.failures_hour) == (3, 1)
    assert [(one.machine, one.waiting) for one in depth.machines] == [("web1", 2)]
    only = _depth(lab, "dev")
    assert (only.total.pending, only.total.arrivals_hour) == (1, 2)
    assert {one.level: one.starts for one in depth.waits}[3] == 2


def test_depth_is_the_same_before_and_after_recording(lab: Lab) -> None:
    _live(lab)
    before = _depth(lab)
    _record(lab)
    assert _depth(lab) == before
    lab.query_write("DELETE FROM event WHERE task_id IN (1, 3)")
    assert _depth(lab).total == before.total  # what is archived was counted in time


def test_busy_machines_show_what_waits_for_them(lab: Lab) -> None:
    ids = [lab.submit("web1") for _turn in range(4)]
    lab.claim()
    lab.start(ids[0])
    depth = _depth(lab)
    assert (depth.total.blocked, depth.total.runnable, depth.total.running) == (3, 0, 1)
    machine = depth.machines[0]
    assert (machine.machine, machine.running, machine.waiting) == ("web1", 1, 3)


def test_failures_and_slow_tasks_of_a_period(lab: Lab) -> None:
    _live(lab)
    history = _history(lab)
    failures = [(one.machine, one.failed, one.unreachable) for one in history.failures]
    assert failures == [("web1", 1, 0)]
    assert [task.id for task in history.slowest] == [2, 1, 3]
    assert history.slowest[0].elapsed_seconds == 60
    assert history.slowest[0].machines == ("web1",)


def test_flows_count_a_retry_as_pending_again(lab: Lab) -> None:
    from rediacc.values import RetryPolicy

    task = lab.submit("web1", policy=RetryPolicy(retry_count=1, retry_delay_seconds=5))
    lab.claim()
    lab.start(task)
    lab.settle(task, result("web1", MachineOutcome.FAILED))
    with lab.database.read() as connection:
        found = read_flows(connection, since=START, until=lab.now + MINUTE)
    (flow,) = (place[("prod", 3)] for place in found.values())
    assert (flow.arrivals, flow.starts, flow.completions) == (1, 1, 0)
    assert (flow.pending_step, flow.running_step) == (1, 0)


def test_very_many_events_are_counted_alike(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _live(lab)
    with lab.database.read() as connection:
        few = read_flows(connection, since=START, until=lab.now)
        monkeypatch.setattr(flows, "_MANY", 0)
        many = read_flows(connection, since=START, until=lab.now)
    assert {at: set(place) for at, place in few.items()} == {
        at: set(place) for at, place in many.items()
    }
    for at, place in few.items():
        for key, flow in place.items():
            assert replace(many[at][key], pending_high=0) == replace(flow, pending_high=0)
            assert many[at][key].pending_high >= flow.pending_high


def test_resolution_fits_the_period() -> None:
    hour = 3_600_000_000
    now = 1000 * 24 * hour
    assert choose_resolution(now - 2 * hour, now, now=now) == 60
    assert choose_resolution(now - 24 * hour, now, now=now) == 300
    assert choose_resolution(now - 30 * 24 * hour, now, now=now) == 3600
    assert choose_resolution(now - 40 * hour, now - 39 * hour, now=now) == 300
