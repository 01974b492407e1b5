"""Reading alerts, messages and silences for people. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, select, text

from rediacc.alert_words import AlertRule, AlertState, Severity
from rediacc.alerts.finding import Detail
from rediacc.alerts.judging import Quiet, is_silenced
from rediacc.errors import NotFound
from rediacc.requests import AlertFilter, DeliveryFilter, SilenceFilter
from rediacc.storage.tables.alerts import Alert, Delivery, Silence
from rediacc.times import moment, moment_or_none
from rediacc.views import AlertDetail, AlertView, DeliveryView, SilenceView

__all__ = [
    "alert_detail",
    "count_open",
    "count_undelivered",
    "find_alert",
    "list_alerts",
    "list_deliveries",
    "list_silences",
]

_A = Alert.__table__  # type: ignore[attr-defined]
_D = Delivery.__table__  # type: ignore[attr-defined]
_S = Silence.__table__  # type: ignore[attr-defined]
_OPEN = text("state <> 'resolved'")
_OPEN_FIRST = case(
    (_A.c.state == str(AlertState.OPEN), 0),
    (_A.c.state == str(AlertState.ACKNOWLEDGED), 1),
    else_=2,
)


def list_alerts(
    connection: Connection, wanted: AlertFilter, *, teams: Sequence[str] | None
) -> tuple[AlertView, ...]:
    """Return alerts, the open ones first, each sort from the newest on.

    :param teams: only theirs and those of the whole home; ``None`` for all.
    """
    query = _of_teams(select(_A), _A.c.team, teams)
    if not wanted.resolved:
        query = query.where(_OPEN)
    if wanted.team is not None:
        query = query.where(_A.c.team == wanted.team)
    if wanted.rule is not None:
        query = query.where(_A.c.rule == wanted.rule)
    query = query.order_by(_OPEN_FIRST, _A.c.last_at.desc(), _A.c.id.desc()).limit(wanted.limit)
    return tuple(_view(row) for row in connection.execute(query).all())


def find_alert(connection: Connection, name: str) -> tuple[int, str]:
    """Return the number and the team of the alert that `name` means.

    :raises NotFound: there is none.
    """
    word = name.removeprefix("alert/")
    row = None
    if word.isdecimal() and len(word) < 19:
        query = select(_A.c.id, _A.c.team).where(_A.c.id == int(word))
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no alert {name!r}", hint="rediacc list alerts --all")
    return row.id, row.team


def alert_detail(connection: Connection, alert_id: int, *, now: int) -> AlertDetail:
    """Return everything about one alert."""
    row = connection.execute(select(_A).where(_A.c.id == alert_id)).one()
    detail = Detail.from_json(row.detail)
    silences = connection.execute(select(_S).where(_S.c.until_at > now)).all()
    deliveries = select(_D).where(_D.c.alert_id == alert_id).order_by(_D.c.id)
    return AlertDetail(
        alert=_view(row),
        key=row.key,
        what=detail.what,
        where={name: one.words for name, one in sorted(detail.subjects.items())},
        why=tuple(detail.why),
        who=tuple(detail.who),
        why_resolved=row.detail.get("why_resolved", ""),
        silenced=is_silenced(
            [Quiet(team=one.team, rule=one.rule, machine=one.machine) for one in silences],
            team=row.team,
            rule=row.rule,
            machines=detail.subjects,
        ),
        deliveries=tuple(_delivery(one) for one in connection.execute(deliveries).all()),
    )


def list_deliveries(
    connection: Connection, wanted: DeliveryFilter, *, teams: Sequence[str] | None
) -> tuple[DeliveryView, ...]:
    """Return messages, the newest first."""
    query = _of_teams(select(_D), _D.c.team, teams)
    if wanted.team is not None:
        query = query.where(_D.c.team == wanted.team)
    rows = connection.execute(query.order_by(_D.c.id.desc()).limit(wanted.limit)).all()
    return tuple(_delivery(row) for row in rows)


def list_silences(
    connection: Connection, wanted: SilenceFilter, *, teams: Sequence[str] | None, now: int
) -> tuple[SilenceView, ...]:
    """Return silences, those that end last first."""
    query = _of_teams(select(_S), _S.c.team, teams)
    if not wanted.ended:
        query = query.where(_S.c.until_at > now)
    if wanted.team is not None:
        query = query.where(_S.c.team == wanted.team)
    rows = connection.execute(query.order_by(_S.c.until_at.desc(), _S.c.id)).all()
    return tuple(
        SilenceView(
            id=row.id,
            team=row.team,
            rule=row.rule,
            machine=row.machine,
            why=row.why,
            created_by=row.created_by,
            created_at=moment(row.created_at),
            until=moment(row.until_at),
            is_active=row.until_at > now,
        )
        for row in rows
    )


def count_open(connection: Connection, *, teams: Sequence[str] | None) -> int:
    """Return how many alerts nobody looks after; one look at an index of open alerts."""
    query = select(func.count()).select_from(_A).where(_OPEN, _A.c.state == str(AlertState.OPEN))
    return int(connection.execute(_of_teams(query, _A.c.team, teams)).scalar_one())


def count_undelivered(connection: Connection) -> int:
    """Return how many messages are on their way."""
    query = select(func.count()).select_from(_D).where(text("state = 'pending'"))
    return int(connection.execute(query).scalar_one())


def _of_teams(query: Select[Any], column: Any, teams: Sequence[str] | None) -> Select[Any]:
    return query if teams is None else query.where(column.in_(["", *teams]))


def _view(row: Row[Any]) -> AlertView:
    detail = Detail.from_json(row.detail)
    return AlertView(
        id=row.id,
        rule=AlertRule(row.rule),
        severity=Severity(row.severity),
        state=AlertState(row.state),
        team=row.team,
        title=row.title,
        number=row.number,
        first_at=moment(row.first_at),
        last_at=moment(row.last_at),
        resolved_at=moment_or_none(row.resolved_at),
        acknowledged_at=moment_or_none(row.acknowledged_at),
        acknowledged_by=row.acknowledged_by,
        tasks=tuple(detail.tasks),
        command=detail.advice,
    )


def _delivery(row: Row[Any]) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        key=row.key,
        alert=row.alert_id,
        team=row.team,
        channel=row.channel,
        event=row.event,
        state=row.state,
        tries=row.tries,
        error=row.error,
        title=row.payload["title"],
        created_at=moment(row.created_at),
        next_at=moment(row.next_at) if row.state == "pending" else None,
        delivered_at=moment_or_none(row.delivered_at),
    )
