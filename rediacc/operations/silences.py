"""Operations on silences: alerts are recorded, and nothing of them is sent for a time."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Connection, text

from rediacc.alerts import reading
from rediacc.errors import AccessDenied, InvalidInput, NotFound
from rediacc.operations.alerts import change_each, check_rule
from rediacc.requests import SilenceCreate, SilenceFilter, SilenceIds
from rediacc.storage.tables.alerts import Silence
from rediacc.times import moment, seconds
from rediacc.views import AlertChange, SilenceView

__all__ = ["create", "delete", "list_all"]

_MOST_SECONDS = 366 * 86400.0
_MOST_TEXT = 500
_INSERT = Silence.__table__.insert().returning(Silence.__table__.c.id)  # type: ignore[attr-defined]
_TEAM = text("SELECT id, team FROM silence WHERE id = :id")
_END = text("UPDATE silence SET until_at = :now WHERE id = :id AND until_at > :now")


def create(call: Any, request: SilenceCreate) -> SilenceView:
    """``silence.create``: from now on for a time; the whole home is for who may do all of it."""
    _require_team(call, request.team or "")
    if request.team is not None:
        call.for_team(request.team)
    check_rule(request.rule)
    if not math.isfinite(request.for_seconds) or not 0 < request.for_seconds <= _MOST_SECONDS:
        raise InvalidInput("--for: must be above 0, at most a year")
    for what, words in (("--why", request.why), ("--machine", request.machine or "")):
        if len(words) > _MOST_TEXT or not words.isprintable():
            raise InvalidInput(f"{what}: at most {_MOST_TEXT} printable characters")
    now = call.now
    values = {
        "team": request.team or "",
        "rule": request.rule or "",
        "machine": request.machine or "",
        "why": request.why,
        "created_by": call.caller.name,
        "created_at": now,
        "until_at": now + seconds(request.for_seconds),
    }
    detail = {name: values[name] for name in ("team", "rule", "machine", "why", "until_at")}
    with call.write("silence", detail) as connection:
        number = int(connection.execute(_INSERT, values).scalar_one())
        detail["silence"] = number
    return SilenceView(
        id=number,
        team=request.team or "",
        rule=request.rule or "",
        machine=request.machine or "",
        why=request.why,
        created_by=call.caller.name,
        created_at=moment(now),
        until=moment(now + seconds(request.for_seconds)),
        is_active=True,
    )


def list_all(call: Any, request: SilenceFilter) -> tuple[SilenceView, ...]:
    """``silence.list``: silences of the caller's teams and of the home."""
    teams = call.team_filter()
    if request.team is not None:
        call.for_team(request.team)
    with call.database.read() as connection:
        return reading.list_silences(connection, request, teams=teams, now=call.now)


def delete(call: Any, request: SilenceIds) -> tuple[AlertChange, ...]:
    """``silence.delete``: they end now; what is still wrong is told of."""

    def change(connection: Connection, name: str) -> tuple[str, bool, str]:
        word = name.removeprefix("silence/")
        is_number = word.isdecimal() and len(word) < 19
        row = connection.execute(_TEAM, {"id": int(word)}).one_or_none() if is_number else None
        if row is None:
            raise NotFound(f"there is no silence {name!r}", hint="rediacc list silences")
        _require_team(call, row.team)
        done = connection.execute(_END, {"id": row.id, "now": call.now}).rowcount == 1
        return str(row.id), done, "ended" if done else "has ended already"

    return change_each(call, "silence", request.ids, change)


def _require_team(call: Any, team: str) -> None:
    """Pass when the caller may silence `team`; the whole home only who may in all of it."""
    if team:
        call.check_team(team)
    elif call.team_filter() is not None:
        raise AccessDenied(
            f"{call.caller.name} may not silence the whole home", hint="say which team: --team TEAM"
        )
