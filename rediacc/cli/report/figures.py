"""What the page's charts and tables show, counted from the report: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rediacc.values import LEVEL_NAMES
from rediacc.views import HealthPoint, MachineFailures, Report

__all__ = [
    "DepthFigure",
    "FailureRow",
    "HealthRow",
    "LevelRow",
    "depth_figure",
    "failure_rows",
    "health_rows",
    "level_rows",
    "success_ratio",
]

_MOST_STEPS = 240


@dataclass(frozen=True, kw_only=True)
class DepthFigure:
    """The queue's depth over time.

    :param steps: start, end, and the most pending tasks of each level in between, 1 first; teams
        and levels are added up, though their highest moments need not have coincided.
    :param gaps: from when to when nobody recorded anything.
    """

    steps: tuple[tuple[datetime, datetime, tuple[float, ...]], ...]
    gaps: tuple[tuple[datetime, datetime], ...]

    @property
    def highest(self) -> float:
        return max((sum(values) for _rest, _rest, values in self.steps), default=0.0)


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """One level in the period; depth and moves from the recorded spans, ends from the tasks."""

    level: int
    name: str
    highest: int | None
    arrivals: int
    starts: int
    succeeded: int
    failed: int
    cancelled: int

    @property
    def ratio(self) -> float | None:
        return success_ratio(self.succeeded, self.failed)


@dataclass(frozen=True, kw_only=True)
class FailureRow:
    """A machine's failures by the hour of the day (UTC)."""

    team: str
    machine: str
    hours: tuple[int, ...]
    failed: int
    unreachable: int
    timed_out: int

    @property
    def total(self) -> int:
        return self.failed + self.unreachable + self.timed_out


@dataclass(frozen=True, kw_only=True)
class HealthRow:
    """A machine's health in the period; ``None`` where nothing was measured."""

    team: str
    machine: str
    looks: int
    unreachable: int
    cpu: float | None
    cpu_highest: float | None
    memory: float | None
    memory_highest: float | None
    disk_highest: float | None
    points: tuple[HealthPoint, ...]


def success_ratio(succeeded: int, failed: int) -> float | None:
    """Return the share of tasks that succeeded among those that ran to an end; cancelled: no."""
    return succeeded / (succeeded + failed) if succeeded + failed else None


def depth_figure(report: Report) -> DepthFigure:
    """Return the depth by level over time, in steps few enough to draw, and what is unknown."""
    history = report.history
    span = timedelta(seconds=history.resolution_seconds)
    pending: dict[datetime, list[float]] = {at: [0.0] * 5 for at in history.recorded}
    for point in history.queue:
        if point.at in pending:
            pending[point.at][point.level - 1] += point.pending_max
    spans = [(at, at + span, tuple(values)) for at, values in sorted(pending.items())]
    size = -(-len(spans) // _MOST_STEPS) or 1
    steps = []
    for start in range(0, len(spans), size):
        group = spans[start : start + size]
        # A step over a gap would draw what nobody saw.
        for run in _runs(group):
            peaks = max(run, key=lambda one: sum(one[2]))[2]
            steps.append((run[0][0], run[-1][1], peaks))
    return DepthFigure(steps=tuple(steps), gaps=_gaps(report, spans))


def _runs(
    group: Sequence[tuple[datetime, datetime, tuple[float, ...]]],
) -> list[list[tuple[datetime, datetime, tuple[float, ...]]]]:
    runs: list[list[tuple[datetime, datetime, tuple[float, ...]]]] = []
    for one in group:
        if runs and runs[-1][-1][1] == one[0]:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _gaps(
    report: Report, spans: Sequence[tuple[datetime, datetime, tuple[float, ...]]]
) -> tuple[tuple[datetime, datetime], ...]:
    gaps = []
    known_until = report.history.since
    for start, end, _rest in spans:
        if start > known_until:
            gaps.append((known_until, start))
        known_until = max(known_until, end)
    if known_until < report.history.until:
        gaps.append((known_until, report.history.until))
    return tuple(gaps)


def level_rows(report: Report) -> tuple[LevelRow, ...]:
    """Return one row for each level."""
    spans = len(report.history.recorded)
    rows = []
    for level, name in LEVEL_NAMES.items():
        points = [point for point in report.history.queue if point.level == level]
        ended = [one for one in report.ended if one.level == level]
        by_span: dict[datetime, int] = {}
        for point in points:
            by_span[point.at] = by_span.get(point.at, 0) + point.pending_max
        rows.append(
            LevelRow(
                level=level,
                name=name,
                highest=max(by_span.values(), default=0) if spans else None,
                arrivals=sum(point.arrivals for point in points),
                starts=sum(point.starts for point in points),
                succeeded=sum(one.succeeded for one in ended),
                failed=sum(one.failed for one in ended),
                cancelled=sum(one.cancelled for one in ended),
            )
        )
    return tuple(rows)


def failure_rows(failures: Sequence[MachineFailures]) -> tuple[FailureRow, ...]:
    """Return the machines with failures, those with most first."""
    by_machine: dict[tuple[str, str], list[MachineFailures]] = {}
    for one in failures:
        by_machine.setdefault((one.team, one.machine), []).append(one)
    rows = []
    for (team, machine), found in by_machine.items():
        hours = [0] * 24
        for one in found:
            hours[one.hour.hour] += one.failed + one.unreachable + one.timed_out
        rows.append(
            FailureRow(
                team=team,
                machine=machine,
                hours=tuple(hours),
                failed=sum(one.failed for one in found),
                unreachable=sum(one.unreachable for one in found),
                timed_out=sum(one.timed_out for one in found),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.total, row.team, row.machine)))


def health_rows(points: Sequence[HealthPoint]) -> tuple[HealthRow, ...]:
    """Return the machines that were looked at, those with the highest CPU first."""
    by_machine: dict[tuple[str, str], list[HealthPoint]] = {}
    for point in points:
        by_machine.setdefault((point.team, point.machine), []).append(point)
    rows = [
        HealthRow(
            team=team,
            machine=machine,
            looks=sum(point.looks for point in found),
            unreachable=sum(point.unreachable for point in found),
            cpu=_mean([(point.cpu_percent, point) for point in found]),
            cpu_highest=_highest([point.cpu_percent_max for point in found]),
            memory=_mean([(point.memory_percent, point) for point in found]),
            memory_highest=_highest([point.memory_percent_max for point in found]),
            disk_highest=_highest([point.disk_percent_max for point in found]),
            points=tuple(found),
        )
        for (team, machine), found in by_machine.items()
    ]
    rows.sort(key=lambda row: (-(row.cpu_highest or 0.0), row.team, row.machine))
    return tuple(rows)


def _mean(values: Sequence[tuple[float | None, HealthPoint]]) -> float | None:
    """Return the mean over single looks, not over spans that hold more or fewer of them."""
    known = [
        (value, max(1, point.looks - point.unreachable))
        for value, point in values
        if value is not None
    ]
    weight = sum(number for _rest, number in known)
    return sum(value * number for value, number in known) / weight if weight else None


def _highest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
