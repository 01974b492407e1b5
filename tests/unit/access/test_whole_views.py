"""What shows everything at once shows a member no more than their teams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from world import World

from rediacc import requests
from rediacc.errors import AccessDenied


def test_live_view_and_report_show_a_member_only_their_teams(world: World) -> None:
    task = int(world.task())
    door = world.member(teams={"staging": "viewer"})
    now = datetime.now(UTC)
    seen = door.perform("overview.read", requests.OverviewRequest(output_of=task))
    assert seen.teams == ("staging",)
    shown = [*(one.task for one in seen.queue), *seen.running, *seen.ended]
    assert {one.team for one in shown} <= {"staging"}
    assert {machine.team for machine in seen.machines} <= {"staging"}
    assert {alert.team for alert in seen.alerts} <= {"staging", ""}
    assert seen.output == ()
    everything = world.owner("overview.read", requests.OverviewRequest())
    assert task in [one.task.id for one in everything.queue]
    period = {"since": now - timedelta(hours=1), "until": now}
    assert door.perform("report.read", requests.ReportRequest(**period)).teams == ("staging",)
    for operation, request in (
        ("overview.read", requests.OverviewRequest(team="prod")),
        ("overview.read", requests.OverviewRequest(team="prod", is_refresh=True)),
        ("report.read", requests.ReportRequest(**period, team="prod")),
    ):
        before = len(world.entries(operation))
        with pytest.raises(AccessDenied):
            door.perform(operation, request)
        # Denied looks are noted, also those that would not be when allowed.
        assert len(world.entries(operation)) == before + 1
