"""What became of tasks in a period: the same questions to the database and to each archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, text

from rediacc.times import moment
from rediacc.values import State
from rediacc.views import BusyMachine, Ended, MachineFailures, SlowTask

__all__ = ["Period", "TaskFacts"]

_HOUR = 3_600_000_000
# What was started by hand says nothing about the queue.
_ENDED_IN = (
    "state >= 20 AND finished_at >= :since AND finished_at < :until AND team IN :teams "
    "AND origin = 'queue'"
)
_ENDED = text(
    "SELECT (finished_at - :since) / :span AS place, level, state, COUNT(*) AS number FROM task "
    f"WHERE {_ENDED_IN} GROUP BY place, level, state"
).bindparams(bindparam("teams", expanding=True))
_SLOWEST = text(
    "SELECT id, team, level, title, state, finished_at, finished_at - started_at AS took "
    f"FROM task WHERE {_ENDED_IN} AND started_at IS NOT NULL ORDER BY took DESC, id LIMIT :most"
).bindparams(bindparam("teams", expanding=True))
_MACHINES = text("SELECT machine FROM task_machine WHERE task_id = :id ORDER BY position")
_FAILURES = text(
    "SELECT result.at - result.at % 3600000000 AS hour, task.team, result.machine, "
    "SUM(CASE WHEN result.outcome = 'failed' THEN 1 ELSE 0 END) AS failed, "
    "SUM(CASE WHEN result.outcome = 'unreachable' THEN 1 ELSE 0 END) AS unreachable, "
    "SUM(CASE WHEN result.outcome = 'timed out' THEN 1 ELSE 0 END) AS timed_out "
    "FROM result JOIN task ON task.id = result.task_id WHERE result.id >= :first "
    "AND result.at >= :since AND result.at < :until "
    "AND result.outcome IN ('failed', 'unreachable', 'timed out') AND task.team IN :teams "
    "AND task.origin = 'queue' "
    "GROUP BY hour, task.team, result.machine"
).bindparams(bindparam("teams", expanding=True))
_BUSY = text(
    "SELECT task.team, m.machine, COUNT(*) AS tasks, "
    "SUM(CASE WHEN m.outcome IN ('failed', 'unreachable', 'timed out', 'lost') THEN 1 ELSE 0 END) "
    "AS failed, SUM(COALESCE(task.finished_at - task.started_at, 0)) AS took "
    f"FROM task JOIN task_machine m ON m.task_id = task.id WHERE {_ENDED_IN} "
    "GROUP BY task.team, m.machine"
).bindparams(bindparam("teams", expanding=True))


@dataclass(frozen=True, kw_only=True)
class Period:
    """Which tasks are asked about: of `teams`, from `since` to before `until` (microseconds).

    :param span: how long a span is in which ended tasks are counted, in microseconds.
    """

    teams: tuple[str, ...]
    since: int
    until: int
    span: int


@dataclass
class TaskFacts:
    """What became of tasks, added up over every place where they lie."""

    period: Period
    most_slow: int = 20
    _ended: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    _failures: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    _busy: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _slow: list[SlowTask] = field(default_factory=list)

    def add(self, connection: Connection, *, first_result: int = 0) -> None:
        """Add what the tables behind `connection` hold.

        :param first_result: no result with a lower number is of the period.
        """
        asked: dict[str, Any] = {
            "teams": list(self.period.teams) or [""],
            "since": self.period.since,
            "until": self.period.until,
        }
        for row in connection.execute(_ENDED, asked | {"span": self.period.span}):
            self._ended[row.place, row.level, row.state] += row.number
        for row in connection.execute(_FAILURES, asked | {"first": first_result}):
            for sort in ("failed", "unreachable", "timed_out"):
                self._failures[row.hour, row.team, row.machine, sort] += getattr(row, sort)
        for row in connection.execute(_BUSY, asked):
            sums = self._busy.setdefault((row.team, row.machine), [0, 0, 0])
            for place, number in enumerate((row.tasks, row.failed, row.took)):
                sums[place] += int(number)
        self._add_slowest(connection, asked)

    def _add_slowest(self, connection: Connection, asked: dict[str, Any]) -> None:
        for row in connection.execute(_SLOWEST, asked | {"most": self.most_slow}).all():
            machines = connection.execute(_MACHINES, {"id": row.id}).scalars().all()
            self._slow.append(
                SlowTask(
                    id=row.id,
                    team=row.team,
                    level=row.level,
                    title=row.title,
                    state=State(row.state).public.value,
                    machines=tuple(machines),
                    finished_at=moment(row.finished_at),
                    elapsed_seconds=row.took / 1_000_000,
                )
            )

    def ended(self) -> tuple[Ended, ...]:
        """Return the ended tasks by span and level, in order of time."""
        keys = sorted({(place, level) for place, level, _rest in self._ended})

        def number(place: int, level: int, state: State) -> int:
            return self._ended[place, level, int(state)]

        return tuple(
            Ended(
                at=moment(self.period.since + place * self.period.span),
                level=level,
                succeeded=number(place, level, State.SUCCEEDED),
                failed=number(place, level, State.FAILED),
                cancelled=number(place, level, State.CANCELLED),
            )
            for place, level in keys
        )

    def slowest(self) -> tuple[SlowTask, ...]:
        """Return the tasks that took longest."""
        ordered = sorted(self._slow, key=lambda task: (-task.elapsed_seconds, task.id))
        return tuple(ordered[: self.most_slow])

    def failures(self) -> tuple[MachineFailures, ...]:
        """Return what went wrong on each machine in each hour."""
        keys: Sequence[tuple[int, str, str]] = sorted({key[:3] for key in self._failures})
        return tuple(
            MachineFailures(
                hour=moment(hour),
                team=team,
                machine=machine,
                failed=self._failures[hour, team, machine, "failed"],
                unreachable=self._failures[hour, team, machine, "unreachable"],
                timed_out=self._failures[hour, team, machine, "timed_out"],
            )
            for hour, team, machine in keys
        )

    def busiest(self) -> tuple[BusyMachine, ...]:
        """Return the machines with tasks, those that tasks took longest on first."""
        found = [
            BusyMachine(team=team, machine=machine, tasks=tasks, failed=failed, seconds=took / 1e6)
            for (team, machine), (tasks, failed, took) in self._busy.items()
        ]
        found.sort(key=lambda one: (-one.seconds, -one.tasks, one.team, one.machine))
        return tuple(found)
