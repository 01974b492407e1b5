"""Operations that tell how the queue and the machines are and were."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import rediacc
from rediacc.errors import InvalidInput
from rediacc.monitoring.depth import read_depth
from rediacc.monitoring.exposition import exposition
from rediacc.monitoring.history import choose_resolution, read_history
from rediacc.monitoring.measures import read_measures
from rediacc.monitoring.retention import KEPT
from rediacc.requests import DepthRequest, HistoryRequest, MetricsRequest
from rediacc.times import micros
from rediacc.views import History, MetricsText, QueueDepth

__all__ = ["depth", "history", "metrics"]

_MOST_MACHINES = 10_000
_MOST_SLOWEST = 1000


def depth(call: Any, request: DepthRequest) -> QueueDepth:
    """``queue.depth``: how deep the queue is, how fast it moves, how long starts waited."""
    if not 0 <= request.most_machines <= _MOST_MACHINES:
        raise InvalidInput(f"{request.most_machines} machines: must be from 0 to {_MOST_MACHINES}")
    teams = _teams(call, request.team)
    with call.database.read() as connection:
        return read_depth(
            connection, teams=teams, rules=call.rules, now=call.now, machines=request.most_machines
        )


def history(call: Any, request: HistoryRequest) -> History:
    """``health.history``: the queue and the machines in a period."""
    since, until = micros(request.since), micros(request.until)
    if since >= until:
        raise InvalidInput("the period ends before it begins")
    if request.resolution_seconds not in (None, *KEPT):
        raise InvalidInput(f"resolution {request.resolution_seconds}: must be 60, 300 or 3600")
    if not 0 <= request.slowest <= _MOST_SLOWEST:
        raise InvalidInput(f"{request.slowest} tasks: must be from 0 to {_MOST_SLOWEST}")
    teams = _teams(call, request.team)
    chosen = request.resolution_seconds
    with call.database.read() as connection:
        return read_history(
            connection,
            teams=teams,
            rules=call.rules,
            since=since,
            until=until,
            resolution=chosen or choose_resolution(since, until, now=call.now),
            machine=request.machine,
            slowest=request.slowest,
        )


def metrics(call: Any, _request: MetricsRequest) -> MetricsText:
    """``metrics.read``: all metrics of the home, of all its teams."""
    with call.database.read() as connection:
        measures = read_measures(
            connection,
            call.settings,
            rules=call.rules,
            version=rediacc.__version__,
            now=call.now,
        )
    return MetricsText(text=exposition(measures))


def _teams(call: Any, team: str | None) -> Collection[str]:
    """Return the names of the teams that are asked about and that the caller may see."""
    if team is not None:
        return (call.for_team(team).name,)
    return tuple(one.name for one in call.visible_teams())
