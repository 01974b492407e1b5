"""``list|inspect|ack|resolve|test|check alert`` and ``create|list|delete silence``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_machines
from rediacc.cli.options import answer_options, display_options, team_option
from rediacc.cli.session import Session

__all__ = [
    "ack_alert",
    "check_alert",
    "create_silence",
    "delete_silence",
    "inspect_alert",
    "list_alerts",
    "list_silences",
    "resolve_alert",
    "test_alert",
]

_rule_option = click.option("--rule", metavar="RULE", help="Only this rule, such as task-failed.")
_ids = click.argument("ids", nargs=-1, required=True, metavar="ID...")


@click.command(
    "alerts",
    epilog="\b\nExamples:\n  rediacc list alerts\n  rediacc list alerts --all --team prod\n"
    "  rediacc list alerts --deliveries",
)
@team_option
@_rule_option
@click.option("-a", "--all", "resolved", is_flag=True, help="Those that are over, too.")
@click.option("--deliveries", is_flag=True, help="The messages that were sent or are to be sent.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 10_000), default=50, metavar="N",
    show_default=True, help="At most so many.",
)  # fmt: skip
@display_options
@click.pass_obj
def list_alerts(
    session: Session,
    /,
    *,
    team: str | None,
    rule: str | None,
    resolved: bool,
    deliveries: bool,
    limit: int,
    **display: Any,
) -> None:
    """List alerts: what is wrong, open ones first."""
    from rediacc.cli.alerting import print_alerts, print_deliveries
    from rediacc.requests import AlertFilter, DeliveryFilter

    view = session.view(**display)
    if deliveries:
        print_deliveries(session, view, DeliveryFilter(team=team, limit=limit))
        return
    print_alerts(session, view, AlertFilter(team=team, rule=rule, resolved=resolved, limit=limit))


@click.command("alert", epilog="\b\nExample:\n  rediacc inspect alert 3")
@click.argument("alert_id", metavar="ID")
@answer_options
@click.pass_obj
def inspect_alert(session: Session, /, *, alert_id: str, output: str | None, quiet: bool) -> None:
    """Show all there is to know about an alert, and what became of its messages."""
    from datetime import UTC, datetime

    from rediacc.cli.render.alerts import alert_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import AlertRef

    view = session.view(output=output, quiet=quiet)
    detail = session.perform("alert.inspect", AlertRef(id=alert_id))
    print_item(
        view,
        detail,
        kind="alert",
        name=str(detail.alert.id),
        lines=lambda: alert_lines(detail, now=datetime.now(UTC)),
    )


@click.command("alert", epilog="\b\nExample:\n  rediacc ack alert 3 4")
@_ids
@answer_options
@click.pass_obj
def ack_alert(session: Session, /, *, ids: tuple[str, ...], output: str | None, quiet: bool) -> int:
    """Say that you look after alerts: nothing more is sent of them until they are over."""
    from rediacc.cli.alerting import change_alerts
    from rediacc.requests import AlertIds

    view = session.view(output=output, quiet=quiet)
    return change_alerts(session, view, "alert.ack", AlertIds(ids=ids), noun="alert")


@click.command("alert", epilog="\b\nExample:\n  rediacc resolve alert 3")
@_ids
@answer_options
@click.pass_obj
def resolve_alert(
    session: Session, /, *, ids: tuple[str, ...], output: str | None, quiet: bool
) -> int:
    """Say that alerts are over. What is still wrong opens them again."""
    from rediacc.cli.alerting import change_alerts
    from rediacc.requests import AlertIds

    view = session.view(output=output, quiet=quiet)
    return change_alerts(session, view, "alert.resolve", AlertIds(ids=ids), noun="alert")


@click.command(
    "alert",
    epilog="\b\nExamples:\n  rediacc alert test\n  rediacc alert test --team prod --channel pager",
)
@team_option
@click.option("--channel", metavar="NAME", help="Only this channel.")
@display_options
@click.pass_obj
def test_alert(
    session: Session, /, *, team: str | None, channel: str | None, **display: Any
) -> int:
    """Send a test message through each channel and say what it answered.

    Exits with 1 when a channel did not take it.
    """
    from rediacc.cli.alerting import test_channels
    from rediacc.requests import AlertTest

    return test_channels(session, session.view(**display), AlertTest(team=team, channel=channel))


@click.command(
    "alert", epilog="\b\nExamples:\n  rediacc alert check\n  rediacc alert check --no-deliver"
)
@click.option("--no-deliver", is_flag=True, help="Send nothing.")
@answer_options
@click.pass_obj
def check_alert(session: Session, /, *, no_deliver: bool, output: str | None, quiet: bool) -> int:
    """Look at everything now and send what is due, with or without a worker: for cron.

    Exits with 1 while alerts are open that nobody looks after.
    """
    from rediacc.cli.render.output import print_item
    from rediacc.cli.render.words import count
    from rediacc.errors import ExitCode
    from rediacc.requests import AlertCheck

    view = session.view(output=output, quiet=quiet)
    report = session.perform("alert.check", AlertCheck(deliver=not no_deliver))
    print_item(
        view,
        report,
        kind="alert-check",
        name=str(report.open),
        lines=lambda: [
            f"{count(report.open, 'alert')} open, "
            f"{count(report.undelivered, 'message')} not delivered"
        ],
    )
    return int(ExitCode.GENERAL if report.open else ExitCode.DONE)


@click.command(
    "silence",
    epilog="\b\nExamples:\n"
    '  rediacc create silence --team prod --for 2h --why "new switch"\n'
    "  rediacc silence --rule machine-disk --machine 'db-*' --for 1d",
)
@team_option
@click.option("--rule", metavar="RULE", help="Only this rule, such as task-failed.")
@click.option(
    "-m", "--machine", metavar="NAME", shell_complete=complete_machines,
    help="Only alerts of this machine; a pattern of names.",
)  # fmt: skip
@click.option("--for", "duration", required=True, metavar="TIME", help="How long: 30m, 2h, 1d.")
@click.option("--why", default="", metavar="TEXT", help="Why, for the others.")
@answer_options
@click.pass_obj
def create_silence(
    session: Session,
    /,
    *,
    team: str | None,
    rule: str | None,
    machine: str | None,
    duration: str,
    why: str,
    output: str | None,
    quiet: bool,
) -> None:
    """Send nothing of alerts that fit, for a time; they are recorded all the same."""
    from rediacc.cli.parse_times import parse_duration
    from rediacc.cli.render.alerts import silence_line
    from rediacc.cli.render.output import print_item
    from rediacc.requests import SilenceCreate

    view = session.view(output=output, quiet=quiet)
    request = SilenceCreate(
        team=team,
        rule=rule,
        machine=machine,
        for_seconds=parse_duration(duration, option="--for"),
        why=why,
    )
    made = session.perform("silence.create", request)
    print_item(view, made, kind="silence", name=str(made.id), lines=lambda: [silence_line(made)])


@click.command("silences", epilog="\b\nExample:\n  rediacc list silences")
@team_option
@click.option("-a", "--all", "ended", is_flag=True, help="Those that have ended, too.")
@display_options
@click.pass_obj
def list_silences(session: Session, /, *, team: str | None, ended: bool, **display: Any) -> None:
    """List silences and until when they hold."""
    from rediacc.cli.render.alerts import SILENCE_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.requests import SilenceFilter

    view = session.view(**display)
    print_items(
        view,
        session.perform("silence.list", SilenceFilter(team=team, ended=ended)),
        kind="silences",
        columns=SILENCE_COLUMNS,
        name=lambda one: str(one.id),
        empty="nothing is silenced",
    )


@click.command("silence", epilog="\b\nExample:\n  rediacc delete silence 2")
@_ids
@answer_options
@click.pass_obj
def delete_silence(
    session: Session, /, *, ids: tuple[str, ...], output: str | None, quiet: bool
) -> int:
    """End silences now; what is still wrong is told of."""
    from rediacc.cli.alerting import change_alerts
    from rediacc.requests import SilenceIds

    view = session.view(output=output, quiet=quiet)
    return change_alerts(session, view, "silence.delete", SilenceIds(ids=ids), noun="silence")
