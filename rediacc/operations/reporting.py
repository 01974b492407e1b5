"""``report.read``: what was in a period."""

from __future__ import annotations

from typing import Any

from rediacc.errors import InvalidInput
from rediacc.reporting.report import read_report
from rediacc.requests import ReportRequest
from rediacc.times import micros
from rediacc.views import Report

__all__ = ["read"]

# Ten years: longer is a slip of the hand.
_LONGEST = 3_660 * 86_400_000_000


def read(call: Any, request: ReportRequest) -> Report:
    """``report.read``: queue, tasks, machines and alerts of a period."""
    since, until, now = micros(request.since), micros(request.until), call.now
    if since >= until:
        raise InvalidInput("the period ends before it begins", hint="--since comes first")
    if since >= now:
        raise InvalidInput("the period lies in the future: nothing is known of it yet")
    if until - since > _LONGEST:
        raise InvalidInput("the period is longer than ten years")
    if request.team is not None:
        chosen = (call.for_team(request.team),)
    else:
        chosen = tuple(call.visible_teams())
    return read_report(
        call.database,
        call.settings.state_directory,
        teams=tuple(team.name for team in chosen),
        sampled=tuple(team.name for team in chosen if team.sample_every_seconds is not None),
        rules=call.rules,
        since=since,
        until=until,
        now=now,
        has_home=request.team is None,
    )
