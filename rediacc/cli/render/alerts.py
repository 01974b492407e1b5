"""Alerts, messages and silences in tables and in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rediacc.cli.render.table import Column, table_lines
from rediacc.cli.render.words import age, clock
from rediacc.neutral import one_line
from rediacc.views import AlertDetail, DeliveryView, SilenceView

__all__ = [
    "ANSWER_COLUMNS",
    "DELIVERY_COLUMNS",
    "SILENCE_COLUMNS",
    "alert_columns",
    "alert_lines",
    "silence_line",
]

_MOST_NAMED = 50


def alert_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of alerts, their ages as of `now`."""
    return (
        Column("id", lambda alert: str(alert.id), key=lambda alert: alert.id),
        Column(
            "severity", lambda alert: alert.severity.value, key=lambda alert: alert.severity.rank
        ),
        Column("state", lambda alert: alert.state.value),
        Column("rule", lambda alert: alert.rule.value),
        Column("team", lambda alert: alert.team),
        Column("number", lambda alert: str(alert.number), key=lambda alert: alert.number),
        Column("since", lambda alert: age(alert.first_at, now=now), key=lambda one: one.first_at),
        Column("last", lambda alert: age(alert.last_at, now=now), key=lambda one: one.last_at),
        Column("acknowledged_by", lambda alert: alert.acknowledged_by or "", is_wide=True),
        Column("resolved_at", lambda alert: clock(alert.resolved_at), is_wide=True),
        Column("tasks", lambda one: ",".join(str(task) for task in one.tasks), is_wide=True),
        Column("command", lambda alert: alert.command, is_wide=True),
        Column("title", lambda alert: alert.title),
    )


DELIVERY_COLUMNS = (
    Column("id", lambda one: str(one.id), key=lambda one: one.id),
    Column("alert", lambda one: str(one.alert), key=lambda one: one.alert),
    Column("channel", lambda one: one.channel),
    Column("event", lambda one: one.event),
    Column("state", lambda one: one.state.replace(" ", "-")),
    Column("tries", lambda one: str(one.tries), key=lambda one: one.tries),
    Column("created_at", lambda one: clock(one.created_at)),
    Column("delivered_at", lambda one: clock(one.delivered_at)),
    Column("next_at", lambda one: clock(one.next_at), is_wide=True),
    Column("key", lambda one: one.key, is_wide=True),
    Column("error", lambda one: one.error),
)

ANSWER_COLUMNS = (
    Column("channel", lambda one: one.channel),
    Column("kind", lambda one: one.kind),
    Column("team", lambda one: one.team),
    Column("delivered", lambda one: "yes" if one.delivered else "no"),
    Column("answer", lambda one: one.answer),
)

SILENCE_COLUMNS = (
    Column("id", lambda one: str(one.id), key=lambda one: one.id),
    Column("team", lambda one: one.team or "all"),
    Column("rule", lambda one: one.rule or "all"),
    Column("machine", lambda one: one.machine or "all"),
    Column("until", lambda one: clock(one.until), key=lambda one: one.until),
    Column("created_by", lambda one: one.created_by),
    Column("is_active", lambda one: "yes" if one.is_active else "no", is_wide=True),
    Column("why", lambda one: one.why),
)


def silence_line(one: SilenceView) -> str:
    """Return the line that tells a person what is silent now, and until when."""
    what = [
        f"rule {one.rule}" if one.rule else "all alerts",
        f"of machine {one.machine}" if one.machine else "",
        f"of team {one.team}" if one.team else "of the whole home",
    ]
    words = " ".join(word for word in what if word)
    return one_line(f"silence {one.id}: nothing is sent about {words} until {clock(one.until)}")


def alert_lines(detail: AlertDetail, *, now: datetime) -> Iterator[str]:
    """Yield everything about an alert."""
    alert = detail.alert
    state = alert.state.value
    if alert.acknowledged_at is not None:
        state += f" by {alert.acknowledged_by} at {clock(alert.acknowledged_at)}"
    if alert.resolved_at is not None:
        state += f" at {clock(alert.resolved_at)}: {detail.why_resolved}"
    if detail.silenced:
        state += " (silenced: nothing is sent)"
    pairs = (
        ("alert", f"{alert.id}  {alert.title}"),
        ("state", state),
        ("rule", f"{alert.rule.value} ({alert.severity.value})"),
        ("team", alert.team or "the whole home"),
        ("what", detail.what),
        ("number", str(alert.number)),
        ("first", f"{clock(alert.first_at)} ({age(alert.first_at, now=now)} ago)"),
        ("last", f"{clock(alert.last_at)} ({age(alert.last_at, now=now)} ago)"),
        ("who", ", ".join(detail.who)),
        ("tasks", ", ".join(str(task) for task in alert.tasks)),
        ("key", detail.key),
        ("do", alert.command),
    )
    for name, value in pairs:
        if value:
            yield f"{name:<10}  {one_line(value)}"
    if detail.where:
        yield ""
        yield f"WHERE ({len(detail.where)})"
        rows = list(detail.where.items())[:_MOST_NAMED]
        yield from (f"  {line}" for line in table_lines(rows, ()))
        if len(detail.where) > _MOST_NAMED:
            yield f"  and {len(detail.where) - _MOST_NAMED} more: -o json"
    if detail.why:
        yield ""
        yield "WHY"
        yield from (f"  {one_line(line)}" for line in detail.why)
    if detail.deliveries:
        yield ""
        yield "MESSAGES"
        yield from _deliveries(detail.deliveries)


def _deliveries(deliveries: tuple[DeliveryView, ...]) -> Iterator[str]:
    rows = [
        (
            one.event,
            one.channel,
            one.state,
            str(one.tries),
            clock(one.delivered_at or one.next_at or one.created_at),
            one.error,
        )
        for one in deliveries
    ]
    headers = ("EVENT", "CHANNEL", "STATE", "TRIES", "AT", "ERROR")
    yield from (f"  {line}" for line in table_lines(rows, headers))
