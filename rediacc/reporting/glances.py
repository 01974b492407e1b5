"""A short look at what is wrong now."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

from rediacc.times import moment
from rediacc.views import AlertGlance

__all__ = ["open_alerts"]

_ALERTS = text(
    "SELECT * FROM alert WHERE state <> 'resolved' AND team IN :teams "
    "ORDER BY CASE state WHEN 'open' THEN 0 ELSE 1 END, last_at DESC LIMIT :limit"
).bindparams(bindparam("teams", expanding=True))
_ALERT_COUNT = text(
    "SELECT COUNT(*) FROM alert WHERE state = 'open' AND team IN :teams"
).bindparams(bindparam("teams", expanding=True))


def open_alerts(
    connection: Connection, teams: Sequence[str], *, most: int
) -> tuple[tuple[AlertGlance, ...], int]:
    """Return the alerts that are not resolved, open ones first, and how many are open in all.

    :param teams: the team ``""`` stands for alerts about the home.
    """
    wanted = list(teams) or [""]
    rows = connection.execute(_ALERTS, {"teams": wanted, "limit": most}).all()
    number = int(connection.execute(_ALERT_COUNT, {"teams": wanted}).scalar_one())
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
