"""Operations on alerts: look, see, look after, close, test the channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from rediacc.alert_words import AlertRule, AlertState, Severity
from rediacc.alerts import reading
from rediacc.alerts.book import Book
from rediacc.alerts.finding import Detail
from rediacc.alerts.messages import payload_of, title_of
from rediacc.alerts.sending import send
from rediacc.alerts.service import deliverer_for, place_of, watch_for
from rediacc.alerts.vault import TeamVaults
from rediacc.alerts.watch import Scope
from rediacc.errors import AccessDenied, InvalidInput, NotFound, RediaccError
from rediacc.requests import (
    AlertCheck,
    AlertFilter,
    AlertIds,
    AlertRef,
    AlertTest,
    DeliveryFilter,
)
from rediacc.settings.alerts import Channel
from rediacc.times import micros, seconds, utc_now
from rediacc.views import (
    AlertChange,
    AlertDetail,
    AlertReport,
    AlertView,
    ChannelAnswer,
    DeliveryView,
)

__all__ = [
    "acknowledge",
    "change_each",
    "check",
    "check_rule",
    "glance",
    "inspect",
    "list_all",
    "list_deliveries",
    "require_alert_team",
    "resolve",
    "test",
]

_MOST_LISTED = 10_000
_DELIVER_SECONDS = 60.0
_MOST_COUNTED = 100
_LIVE = text("SELECT 1 FROM worker WHERE stopped_at IS NULL AND beat_at > :since LIMIT 1")


def list_all(call: Any, request: AlertFilter) -> tuple[AlertView, ...]:
    """``alert.list``: open alerts of the caller's teams and of the home; all when asked for."""
    _check_limit(request.limit)
    check_rule(request.rule)
    teams = call.team_filter()
    if request.team is not None:
        call.for_team(request.team)
    with call.database.read() as connection:
        return reading.list_alerts(connection, request, teams=teams)


def list_deliveries(call: Any, request: DeliveryFilter) -> tuple[DeliveryView, ...]:
    """``delivery.list``: messages of the caller's teams and of the home, the newest first."""
    _check_limit(request.limit)
    teams = call.team_filter()
    if request.team is not None:
        call.for_team(request.team)
    with call.database.read() as connection:
        return reading.list_deliveries(connection, request, teams=teams)


def inspect(call: Any, request: AlertRef) -> AlertDetail:
    """``alert.inspect``: everything about one alert, its messages and their tries."""
    with call.database.read() as connection:
        alert_id, team = reading.find_alert(connection, request.id)
        require_alert_team(call, team)
        return reading.alert_detail(connection, alert_id, now=call.now)


def acknowledge(call: Any, request: AlertIds) -> tuple[AlertChange, ...]:
    """``alert.ack``: somebody looks after these alerts; their updates are no longer sent."""

    def change(connection: Connection, alert_id: int) -> tuple[bool, str]:
        done = _book(call, connection).acknowledge(alert_id, by=call.caller.name)
        return done, "acknowledged" if done else "is not open: nothing to acknowledge"

    return _each(call, request.ids, change)


def resolve(call: Any, request: AlertIds) -> tuple[AlertChange, ...]:
    """``alert.resolve``: a person says that it is over; whoever was told is told so."""

    def change(connection: Connection, alert_id: int) -> tuple[bool, str]:
        why = f"{call.caller.name} resolved it"
        done = _book(call, connection).resolve_by_id(alert_id, why=why)
        return done, "resolved" if done else "is resolved already"

    return _each(call, request.ids, change)


def check(call: Any, request: AlertCheck) -> AlertReport:
    """``alert.check``: look at everything now, and send what is due, with or without a worker."""
    watch_for(call.database, call.settings).look(Scope.ALL)
    if request.deliver:
        deliverer = deliverer_for(
            call.database,
            call.settings,
            secrets=TeamVaults(call.settings, call.environment),
            environment=call.environment,
        )
        deliverer.finish(seconds_to_wait=_DELIVER_SECONDS)
    with call.database.read() as connection:
        return AlertReport(
            open=reading.count_open(connection, teams=None),
            undelivered=reading.count_undelivered(connection),
        )


def test(call: Any, request: AlertTest) -> tuple[ChannelAnswer, ...]:
    """``alert.test``: send a real message through each channel, and tell what it answered."""
    if request.team is not None:
        call.for_team(request.team)
    teams = (request.team,) if request.team else tuple(t.name for t in call.visible_teams())
    pairs = _channels_to_test(call, teams, request.channel)
    return tuple(_try(call, channel, team) for channel, team in pairs)


def _channels_to_test(
    call: Any, teams: tuple[str, ...], only: str | None
) -> list[tuple[Channel, str]]:
    """Return each channel once for each vault that its secret can come from."""
    channels = call.settings.alerts.channels
    if only is not None and only not in channels:
        known = ", ".join(sorted(channels)) or "none: see [alerts.channels.NAME] in rediacc.toml"
        raise NotFound(f"there is no channel {only!r}", hint=f"channels: {known}")
    found: dict[tuple[str, str], tuple[Channel, str]] = {}
    for channel in channels.values():
        if only not in (None, channel.name):
            continue
        for team in teams:
            if not channel.teams or team in channel.teams:
                owner = (channel.vault or team) if channel.secret else ""
                found.setdefault((channel.name, owner), (channel, team))
    return list(found.values())


def _try(call: Any, channel: Channel, team: str) -> ChannelAnswer:
    now = call.now
    detail = Detail(what=f"channel {channel.name}", who=(call.caller.name,))
    payload = payload_of(
        place=place_of(call.settings),
        alert_id=0,
        message=now,  # each test is a message of its own
        event="trigger",
        channel=channel.name,
        rule=AlertRule.TEST,
        team=team,
        severity=Severity.INFO,
        title=title_of(AlertRule.TEST, team, 1, detail),
        number=1,
        first_at=now,
        last_at=now,
        detail=detail,
    )
    answers = send(
        channel,
        [payload],
        team=team,
        secrets=TeamVaults(call.settings, call.environment),
        home=call.settings.home,
        environment=call.environment,
    )
    answer = next(iter(answers))
    return ChannelAnswer(
        channel=channel.name,
        kind=channel.kind,
        team=(channel.vault or team) if channel.secret else "",
        delivered=answer.is_sent,
        answer=answer.words,
    )


def glance(office: Any) -> int:
    """Return how many open alerts the caller sees that nobody looks after; no operation of its own.

    Where no worker lives nobody else looks, so that a command does: at what costs next to nothing.
    """
    settings, database = office.settings, office.database
    if not settings.alerts.inbox_line:
        return 0
    since = micros(utc_now()) - seconds(settings.lease_seconds)
    with database.read() as connection:
        is_alone = connection.execute(_LIVE, {"since": since}).first() is None
    if is_alone:
        watch_for(database, settings).look(Scope.CHEAP)
    shown = office.perform("alert.list", AlertFilter(limit=_MOST_COUNTED, is_refresh=True))
    return sum(alert.state is AlertState.OPEN for alert in shown)


def require_alert_team(call: Any, team: str) -> None:
    """Pass when the caller may do this with alerts of `team`; an empty name means the home's.

    What concerns the whole home concerns everybody who has this right in one of its teams.
    """
    if team:
        call.check_team(team)
    elif call.team_filter() == ():
        raise AccessDenied(f"{call.caller.name} may do {call.name} in no team of this home")


def check_rule(rule: str | None) -> None:
    """Pass when `rule` is a rule's name, or none.

    :raises InvalidInput: it is neither.
    """
    known = [str(one) for one in AlertRule if one is not AlertRule.TEST]
    if rule is not None and rule not in known:
        raise InvalidInput(f"{rule[:80]!r} is no rule", hint=", ".join(known))


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= _MOST_LISTED:
        raise InvalidInput(f"--limit {limit}: must be from 1 to {_MOST_LISTED}")


def _book(call: Any, connection: Connection) -> Book:
    return Book(connection, call.settings, place=place_of(call.settings), now=call.now)


def _each(
    call: Any, ids: tuple[str, ...], change: Callable[[Connection, int], tuple[bool, str]]
) -> tuple[AlertChange, ...]:
    def change_one(connection: Connection, name: str) -> tuple[str, bool, str]:
        alert_id, team = reading.find_alert(connection, name)
        require_alert_team(call, team)
        return (str(alert_id), *change(connection, alert_id))

    return change_each(call, "alert", ids, change_one)


def change_each(
    call: Any,
    noun: str,
    ids: tuple[str, ...],
    change: Callable[[Connection, str], tuple[str, bool, str]],
) -> tuple[AlertChange, ...]:
    """Change each thing in a transaction of its own, and tell for each what became of it."""
    if not ids:
        raise InvalidInput(f"which {noun}? give its number")
    answers = []
    for name in dict.fromkeys(ids):
        what = f"{noun} {name}"[:80]
        detail: dict[str, Any] = {}
        try:
            with call.write(what, detail) as connection:
                number, changed, message = change(connection, name)
                detail |= {noun: number, "change": message}
        except RediaccError as exc:
            outcome = "denied" if isinstance(exc, AccessDenied) else "refused"
            call.note(outcome, object_name=what, detail={"why": exc.code})
            message = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
            code = int(exc.exit_code)
            answers.append(
                AlertChange(id=name, changed=False, message=message, code=exc.code, exit_code=code)
            )
        else:
            answers.append(AlertChange(id=number, changed=changed, message=message))
    return tuple(answers)
