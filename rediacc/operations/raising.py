"""``alert.raise``: how a play ended that rediacc did not start, told to the alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rediacc.alerts.plays import PlayEnd, record_play
from rediacc.errors import Conflict, InvalidInput, RediaccError
from rediacc.neutral import one_line
from rediacc.requests import AlertRaise
from rediacc.teams.inventory import read_inventory
from rediacc.views import AlertRaised

__all__ = ["raise_alert"]

_LONGEST_KEY, _LONGEST_NAME, _LONGEST_LINE = 200, 200, 300
_MOST_MACHINES, _MOST_LINES = 10_000, 20
# Plays on the controller itself say nothing about whose they are.
_LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


def raise_alert(call: Any, request: AlertRaise) -> AlertRaised:
    """``alert.raise``: the next look at alerts tells of it, a worker's or a command's."""
    _check(request)
    names = (*request.machines, *request.fine)
    try:
        named = request.team or _team_of(call, names)
    except (Conflict, InvalidInput):
        if request.machines:
            raise
        return AlertRaised(team="", is_new=False)  # nothing is wrong, nobody is to be told
    team = call.for_team(named).name
    end = PlayEnd(
        key=request.key,
        team=team,
        what=one_line(request.what)[:_LONGEST_NAME],
        machines={
            name: one_line(words)[:_LONGEST_NAME] for name, words in request.machines.items()
        },
        fine=request.fine,
        why=[one_line(line)[:_LONGEST_LINE] for line in request.why],
        who=call.caller.name,
        severity=request.severity,
    )
    detail = {"team": team, "key": end.key, "machines": len(end.machines), "fine": len(end.fine)}
    with call.write(f"playbook {end.what}", detail) as connection:
        is_new = record_play(connection, end, now=call.now)
        detail["is_new"] = is_new
    return AlertRaised(team=team, is_new=is_new)


def _check(request: AlertRaise) -> None:
    if not request.key or len(request.key) > _LONGEST_KEY or not request.key.isprintable():
        raise InvalidInput(f"key: from 1 to {_LONGEST_KEY} printable characters")
    if not request.what.strip():
        raise InvalidInput("what: the name of the playbook is missing")
    if len(request.machines) + len(request.fine) > _MOST_MACHINES:
        raise InvalidInput(f"machines: at most {_MOST_MACHINES}")
    if len(request.why) > _MOST_LINES:
        raise InvalidInput(f"why: at most {_MOST_LINES} lines")
    for name in (*request.machines, *request.fine):
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidInput(f"machine {name[:80]!r} is no name")


def _team_of(call: Any, machines: Iterable[str]) -> str:
    """Return the one team of the caller that has all these machines."""
    teams = [team.name for team in call.visible_teams()]
    if len(teams) == 1:
        return str(teams[0])
    names = set(machines) - _LOCAL_NAMES
    having: list[str] = [team for team in teams if names and names <= _machines_of(call, team)]
    if len(having) == 1:
        return having[0]
    raise _unclear(having, teams)


def _machines_of(call: Any, team: str) -> set[str]:
    try:
        return set(read_inventory(call.settings, team, environment=call.environment).hosts)
    except RediaccError:
        return set()


def _unclear(having: Sequence[str], teams: Sequence[str]) -> RediaccError:
    if having:
        return Conflict(f"the machines are in several teams: {', '.join(having)}", hint="say which")
    return InvalidInput(
        "which team? it does not follow from the machines",
        hint=f"teams: {', '.join(teams)}" if teams else "",
    )
