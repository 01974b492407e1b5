"""Alerts: those that are open now, and those that were in a period."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

from rediacc.times import moment, moment_or_none
from rediacc.views import AlertGlance, AlertSpan

__all__ = ["alerts_between", "open_alerts"]

_OPEN = text(
    "SELECT * FROM alert WHERE state <> 'resolved' AND team IN :teams "
    "ORDER BY CASE state WHEN 'open' THEN 0 ELSE 1 END, last_at DESC LIMIT :limit"
).bindparams(bindparam("teams", expanding=True))
_OPEN_COUNT = text("SELECT COUNT(*) FROM alert WHERE state = 'open' AND team IN :teams").bindparams(
    bindparam("teams", expanding=True)
)
_IN_PERIOD = (
    "FROM alert WHERE first_at < :until AND (resolved_at IS NULL OR resolved_at >= :since) "
    "AND team IN :teams"
)
_BETWEEN = text(f"SELECT * {_IN_PERIOD} ORDER BY first_at DESC, id DESC LIMIT :limit").bindparams(
    bindparam("teams", expanding=True)
)
_BETWEEN_COUNT = text(f"SELECT COUNT(*) {_IN_PERIOD}").bindparams(
    bindparam("teams", expanding=True)
)


def open_alerts(
    connection: Connection, teams: Sequence[str], *, most: int
) -> tuple[tuple[AlertGlance, ...], int]:
    """Return the alerts that are not resolved, open ones first, and how many are open in all.

    :param teams: the team ``""`` stands for alerts about the home.
    """
    wanted = list(teams) or ["-"]
    rows = connection.execute(_OPEN, {"teams": wanted, "limit": most}).all()
    number = int(connection.execute(_OPEN_COUNT, {"teams": wanted}).scalar_one())
    alerts = tuple(
        AlertGlance(
            id=row.id,
            rule=row.rule,
            team=row.team,
            severity=row.severity,
            state=row.state,
            title=row.title,
            number=row.number,
            last_at=moment(row.last_at),
            task_id=row.task_id,
        )
        for row in rows
    )
    return alerts, number


def alerts_between(
    connection: Connection, teams: Sequence[str], *, since: int, until: int, most: int
) -> tuple[tuple[AlertSpan, ...], int]:
    """Return the alerts that were open at any time in a period, newest first, and their number."""
    asked = {"teams": list(teams) or ["-"], "since": since, "until": until}
    rows = connection.execute(_BETWEEN, asked | {"limit": most}).all()
    number = int(connection.execute(_BETWEEN_COUNT, asked).scalar_one())
    alerts = tuple(
        AlertSpan(
            id=row.id,
            rule=row.rule,
            team=row.team,
            severity=row.severity,
            title=row.title,
            number=row.number,
            first_at=moment(row.first_at),
            last_at=moment(row.last_at),
            resolved_at=moment_or_none(row.resolved_at),
        )
        for row in rows
    )
    return alerts, number
