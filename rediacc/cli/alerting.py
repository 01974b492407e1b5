"""What commands on alerts do once their options are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from rediacc.cli.changing import complain_of
from rediacc.cli.render.alerts import (
    ANSWER_COLUMNS,
    DELIVERY_COLUMNS,
    alert_columns,
)
from rediacc.cli.render.columns import CHANGE_COLUMNS
from rediacc.cli.render.output import print_items
from rediacc.cli.session import Session, View
from rediacc.errors import ExitCode
from rediacc.neutral import one_line
from rediacc.requests import AlertFilter, AlertTest, DeliveryFilter
from rediacc.views import AlertChange, ChannelAnswer

__all__ = ["change_alerts", "print_alerts", "print_deliveries", "test_channels"]


def print_alerts(session: Session, view: View, request: AlertFilter) -> None:
    """Print the alerts that the filters leave."""
    print_items(
        view,
        session.perform("alert.list", request),
        kind="alerts",
        columns=alert_columns(datetime.now(UTC)),
        name=lambda alert: str(alert.id),
        empty="no alerts" if request.resolved else "no alert is open",
    )


def print_deliveries(session: Session, view: View, request: DeliveryFilter) -> None:
    """Print the messages, the newest first."""
    print_items(
        view,
        session.perform("delivery.list", request),
        kind="deliveries",
        columns=DELIVERY_COLUMNS,
        name=lambda one: one.key,
        empty="no messages: see [alerts.channels.NAME] in rediacc.toml",
    )


def change_alerts(session: Session, view: View, operation: str, request: Any, *, noun: str) -> int:
    """Perform the operation, print what became of each, return the first error's code."""
    changes: tuple[AlertChange, ...] = session.perform(operation, request)
    refused = [change for change in changes if change.exit_code]
    done = [change for change in changes if not change.exit_code]
    if view.output == "name" or (view.is_for_people and view.is_quiet):
        for change in done:
            click.echo(one_line(change.id))
    elif view.is_for_people:
        for change in done:
            click.echo(one_line(f"{noun} {change.id} {change.message}"))
    else:
        print_items(
            view, changes, kind="changes", columns=CHANGE_COLUMNS, name=lambda change: change.id
        )
    complain_of(refused, as_json=view.output in ("json", "jsonl"))
    return refused[0].exit_code if refused else int(ExitCode.DONE)


def test_channels(session: Session, view: View, request: AlertTest) -> int:
    """Have a message sent through each channel; return 1 when one did not take it."""
    answers: tuple[ChannelAnswer, ...] = session.perform("alert.test", request)
    print_items(
        view,
        answers,
        kind="channel-answers",
        columns=ANSWER_COLUMNS,
        name=lambda one: one.channel,
        empty="no channels to test: see [alerts.channels.NAME] in rediacc.toml",
    )
    is_fine = all(one.delivered for one in answers)
    return int(ExitCode.DONE if is_fine else ExitCode.GENERAL)
