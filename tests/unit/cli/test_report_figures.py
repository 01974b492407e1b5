"""The report's figures and scales: gaps stay gaps, sums are sums, ticks are round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rediacc.cli.report.figures import depth_figure, failure_rows, health_rows, success_ratio
from rediacc.cli.report.scales import ceiling, day_and_time, log_place, time_ticks, value_ticks
from rediacc.views import HealthPoint, History, MachineFailures, QueuePoint, Report

START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def point(hour: int, level: int, pending: int, team: str = "prod") -> QueuePoint:
    return QueuePoint(
        at=START + hour * HOUR,
        team=team,
        level=level,
        pending=0,
        pending_max=pending,
        running=0,
        arrivals=0,
        starts=0,
        completions=0,
        failures=0,
        cancellations=0,
        p50_seconds=None,
        p95_seconds=None,
    )


def report(recorded: list[int], queue: list[QueuePoint], hours: int) -> Report:
    return Report(
        at=START + hours * HOUR,
        teams=("prod",),
        history=History(
            since=START,
            until=START + hours * HOUR,
            resolution_seconds=3600,
            recorded=tuple(START + hour * HOUR for hour in recorded),
            queue=tuple(queue),
            waits=(),
            health=(),
            failures=(),
            slowest=(),
        ),
        span_seconds=3600,
        ended=(),
        slowest=(),
        failures=(),
        busiest=(),
        alerts=(),
        alert_count=0,
        archived=0,
        notes=(),
    )


def test_what_nobody_recorded_is_a_gap_and_never_an_empty_queue() -> None:
    figure = depth_figure(
        report([1, 2, 5], [point(1, 1, 4), point(1, 3, 2), point(5, 3, 1, "staging")], hours=8)
    )
    at = [START + hour * HOUR for hour in range(9)]
    assert figure.gaps == ((at[0], at[1]), (at[3], at[5]), (at[6], at[8]))
    assert [(start, end) for start, end, _rest in figure.steps] == [
        (at[1], at[2]),
        (at[2], at[3]),
        (at[5], at[6]),
    ]
    # A recorded span without a point had nothing.
    assert [sum(values) for _rest, _rest, values in figure.steps] == [6, 0, 1]
    assert figure.highest == 6


def test_many_spans_become_fewer_steps_that_keep_the_peaks_and_the_gaps() -> None:
    recorded = [hour for hour in range(2000) if hour not in range(1000, 1100)]
    figure = depth_figure(report(recorded, [point(777, 2, 9)], hours=2000))
    assert len(figure.steps) <= 241
    assert figure.highest == 9
    assert figure.gaps == ((START + 1000 * HOUR, START + 1100 * HOUR),)
    assert all(
        end <= START + 1000 * HOUR or start >= START + 1100 * HOUR
        for start, end, _rest in figure.steps
    )


def test_failures_are_added_up_by_hour_of_the_day() -> None:
    def failed(hour: int, machine: str, **numbers: int) -> MachineFailures:
        values = {"failed": 0, "unreachable": 0, "timed_out": 0} | numbers
        return MachineFailures(hour=START + hour * HOUR, team="prod", machine=machine, **values)

    rows = failure_rows(
        [failed(2, "a", failed=1), failed(26, "a", unreachable=2), failed(3, "b", timed_out=5)]
    )
    assert [(row.machine, row.total) for row in rows] == [("b", 5), ("a", 3)]
    assert rows[1].hours[2] == 3
    assert sum(rows[1].hours) == 3


def test_mean_health_is_over_looks_not_over_spans() -> None:
    def look(hour: int, looks: int, cpu: float | None, unreachable: int = 0) -> HealthPoint:
        return HealthPoint(
            at=START + hour * HOUR,
            team="prod",
            machine="a",
            looks=looks,
            unreachable=unreachable,
            cpu_percent=cpu,
            cpu_percent_max=cpu,
            load1=None,
            memory_percent=None,
            memory_percent_max=None,
            disk_percent_max=None,
        )

    (row,) = health_rows([look(0, 9, 10.0), look(1, 1, 60.0), look(2, 4, None, unreachable=4)])
    assert row.cpu == pytest.approx(15.0)
    assert (row.cpu_highest, row.looks, row.unreachable, row.memory) == (60.0, 14, 4, None)


def test_rate_leaves_out_what_did_not_run_to_an_end() -> None:
    assert success_ratio(3, 1) == 0.75
    assert success_ratio(0, 0) is None


@pytest.mark.parametrize(
    ("value", "wanted"), [(0, 1), (1, 1), (1.2, 2), (4, 5), (13, 20), (50, 50), (51, 100)]
)
def test_axis_ends_at_a_round_number(value: float, wanted: float) -> None:
    assert ceiling(value) == wanted
    assert value_ticks(wanted)[0] == 0
    assert value_ticks(wanted)[-1] == wanted


@pytest.mark.parametrize(
    "length", [timedelta(minutes=7), 5 * HOUR, timedelta(days=7), timedelta(days=900)]
)
def test_times_to_mark_are_round_and_few(length: timedelta) -> None:
    since = START + timedelta(minutes=13, seconds=7)
    ticks = time_ticks(since, since + length, most=10)
    assert 2 <= len(ticks) <= 11
    assert all(since <= tick <= since + length and tick.second == 0 for tick in ticks)
    assert len({day_and_time(tick, ticks) for tick in ticks}) == len(ticks)


def test_logarithmic_places_stay_on_the_scale() -> None:
    assert log_place(0, 0.1, 1000) == 0
    assert log_place(10, 0.1, 1000) == pytest.approx(0.5)
    assert log_place(1e9, 0.1, 1000) == 1
