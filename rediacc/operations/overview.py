"""``overview.read``: one look at queue, machines, workers and alerts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from rediacc.errors import InvalidInput, NotFound, RediaccError
from rediacc.monitoring.samples import newest_health
from rediacc.queue.machines import machine_states
from rediacc.queue.output import last_entries
from rediacc.queue.overview import (
    Glance,
    depth_by_level,
    ended_tasks,
    running_on,
    running_tasks,
    waiting_tasks,
)
from rediacc.queue.reading import view_task
from rediacc.queue.workers import list_workers
from rediacc.reporting.alerts import open_alerts
from rediacc.requests import OverviewRequest
from rediacc.teams.inventory import read_inventory
from rediacc.times import moment
from rediacc.values import MachineState
from rediacc.views import LogEntry, MachineGlance, Overview

__all__ = ["read"]

_MOST = 1000
_MOST_ENDED = 20
_MOST_ALERTS = 50
_MOST_PIECES = 40


def read(call: Any, request: OverviewRequest) -> Overview:
    """``overview.read``: everything that one screen shows, from one consistent read."""
    if not 1 <= request.limit <= _MOST:
        raise InvalidInput(f"limit {request.limit}: must be from 1 to {_MOST}")
    teams = _teams(call, request.team)
    # Inventories are files or programs: read before, not within, the read of the database.
    names, notes = _machine_names(call, teams) if request.with_machines else ({}, ())
    now = call.now
    with call.database.read() as connection:
        workers = list_workers(connection, lease_seconds=call.settings.lease_seconds, now=now)
        glance = Glance(
            teams=teams,
            text=request.text,
            limit=request.limit,
            has_worker=any(worker.is_alive for worker in workers),
        )
        about = teams if request.team is not None else (*teams, "")
        alerts, alert_count = open_alerts(connection, about, most=_MOST_ALERTS)
        machines = None
        if request.with_machines:
            machines = _machines(call, connection, names, request, now=now)
        return Overview(
            at=moment(now),
            teams=teams,
            depth=depth_by_level(connection, teams),
            queue=waiting_tasks(connection, glance),
            running=running_tasks(connection, glance),
            ended=ended_tasks(connection, glance, most=_MOST_ENDED),
            workers=workers,
            alerts=alerts,
            alert_count=alert_count,
            machines=machines,
            machine_count=sum(len(members) for members in names.values()),
            notes=notes,
            output=_output(connection, request.output_of, teams),
        )


def _teams(call: Any, wanted: str | None) -> tuple[str, ...]:
    """Return the teams to look at, each one checked against the caller's role."""
    if wanted is not None:
        return (str(call.for_team(wanted).name),)
    return tuple(team.name for team in call.visible_teams())


def _machine_names(
    call: Any, teams: tuple[str, ...]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    notes = []
    for team in teams:
        try:
            inventory = read_inventory(call.settings, team, environment=call.environment)
            names[team] = tuple(inventory.hosts)
        except RediaccError as exc:
            notes.append(f"team {team}: {exc.message}")
    return names, tuple(notes)


def _machines(
    call: Any,
    connection: Connection,
    names: dict[str, tuple[str, ...]],
    request: OverviewRequest,
    *,
    now: int,
) -> tuple[MachineGlance, ...]:
    running = running_on(connection)
    lowered = request.text.strip().lower()
    found = []
    for team, members in names.items():
        states = machine_states(connection, team)
        health = newest_health(connection, call.settings, team, now=now)
        found += [
            MachineGlance(
                name=name,
                team=team,
                state=states.get(name, MachineState.ONLINE),
                running=running.get((team, name), ()),
                health=health.get(name),
            )
            for name in members
            if lowered in name.lower() or lowered in team
        ]
    # What needs eyes first: unreachable, full, kept out, busy; then by name.
    found.sort(key=_concern)
    return tuple(found[: request.limit])


def _concern(machine: MachineGlance) -> tuple[bool, bool, bool, bool, str, str]:
    state = machine.health.state if machine.health is not None else ""
    is_away, is_high = state == "unreachable", state == "overloaded"
    is_out = machine.state is not MachineState.ONLINE
    return (not is_away, not is_high, not is_out, not machine.running, machine.team, machine.name)


def _output(
    connection: Connection, task_id: int | None, teams: tuple[str, ...]
) -> tuple[LogEntry, ...]:
    if task_id is None:
        return ()
    try:
        task = view_task(connection, task_id)
    except NotFound:
        # It was archived while somebody looked at it.
        return ()
    if task.team not in teams:
        return ()
    return last_entries(connection, task_id, task.kind, most=_MOST_PIECES)
