"""What is told to Prometheus, read in one go; :mod:`rediacc.monitoring.exposition` writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import JSON, Connection, text

from rediacc.monitoring.depth import read_oldest
from rediacc.monitoring.flows import MINUTE, Flow, minute_of, read_flows, total_flow
from rediacc.monitoring.recording import recorded_until
from rediacc.monitoring.samples import newest_health
from rediacc.monitoring.waits import merge_waits
from rediacc.queue.rules import QueueRules
from rediacc.queue.workers import list_workers
from rediacc.settings import Settings
from rediacc.values import PublicState, State
from rediacc.views import MachineHealth, WorkerView

__all__ = ["Measures", "read_measures"]

_COUNTERS = text("SELECT team, level, state, number FROM counter WHERE state > 0")
_TOTALS = text(
    "SELECT team, level, arrivals, starts, completions, failures, cancellations, waits "
    "FROM queue_sample WHERE resolution = 0"
).columns(waits=JSON)
_ALERTS = text(
    "SELECT team, severity, COUNT(*) AS number FROM alert WHERE state <> 'resolved' "
    "GROUP BY team, severity"
)

_Key = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """All that Prometheus is told.

    :param tasks: (team, level, state) → how many tasks are in the database.
    :param held: team → how many tasks wait for a person's decision.
    :param oldest: (team, level) → since how many seconds the oldest task waits.
    :param totals: (team, level) → what happened since the home was made.
    :param health: team → machine → the newest look.
    :param alerts: (team, severity) → how many alerts are open.
    """

    version: str
    tasks: Mapping[tuple[str, int, str], int]
    held: Mapping[str, int]
    oldest: Mapping[_Key, float]
    totals: Mapping[_Key, Flow]
    promises: Mapping[int, float]
    workers: Collection[WorkerView]
    health: Mapping[str, Mapping[str, MachineHealth]]
    alerts: Mapping[tuple[str, str], int]


def read_measures(
    connection: Connection, settings: Settings, *, rules: QueueRules, version: str, now: int
) -> Measures:
    """Return what Prometheus is told now, of all teams."""
    tasks: dict[tuple[str, int, str], int] = {}
    held: dict[str, int] = dict.fromkeys(settings.teams, 0)
    for team, level, state, number in connection.execute(_COUNTERS):
        key = (team, level, State(state).public.value)
        tasks[key] = tasks.get(key, 0) + number
        if state == int(State.HELD):
            held[team] = held.get(team, 0) + number
    keys = sorted({(team, level) for team, level, _rest in tasks})
    for team, level in keys:
        for state_shown in PublicState:
            tasks.setdefault((team, level, state_shown.value), 0)
    return Measures(
        version=version,
        tasks=tasks,
        held=held,
        oldest={key: _oldest_seconds(connection, key, now) for key in keys},
        totals=_totals(connection, keys, now=now),
        promises=rules.level_limits,
        workers=list_workers(connection, lease_seconds=rules.lease_seconds, now=now),
        health={
            team: newest_health(connection, settings, team, now=now) for team in settings.teams
        },
        alerts={(row.team, row.severity): row.number for row in connection.execute(_ALERTS)},
    )


def _oldest_seconds(connection: Connection, key: _Key, now: int) -> float:
    found = read_oldest(connection, key)
    return 0.0 if found is None else max(0.0, (now - found.eligible_at) / 1_000_000)


def _totals(connection: Connection, keys: Collection[_Key], *, now: int) -> dict[_Key, Flow]:
    """Return what was recorded and what happened since: it never shrinks, as counters must."""
    totals = {key: Flow() for key in keys}
    for row in connection.execute(_TOTALS):
        if row.team:
            totals[(row.team, row.level)] = Flow(
                arrivals=row.arrivals,
                starts=row.starts,
                completions=row.completions,
                failures=row.failures,
                cancellations=row.cancellations,
                waits=dict(row.waits),
            )
    since = recorded_until(connection)
    fresh = total_flow(read_flows(connection, since=since or 0, until=minute_of(now) + 2 * MINUTE))
    for key, flow in fresh.items():
        totals[key] = _added(totals.get(key, Flow()), flow)
    return totals


def _added(one: Flow, other: Flow) -> Flow:
    return Flow(
        arrivals=one.arrivals + other.arrivals,
        starts=one.starts + other.starts,
        completions=one.completions + other.completions,
        failures=one.failures + other.failures,
        cancellations=one.cancellations + other.cancellations,
        waits=merge_waits((one.waits, other.waits)),
    )
