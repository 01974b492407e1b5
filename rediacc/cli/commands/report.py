"""``report``."""

from __future__ import annotations

import click

from rediacc.cli.options import home_option, team_option
from rediacc.cli.session import Session

__all__ = ["report"]


@click.command(
    "report",
    epilog="\b\nExamples:\n  rediacc report --out report.html --since 7d\n"
    "  rediacc report --team prod --out may.html --since 2025-05-01 --until 2025-06-01",
)
@click.option("--out", required=True, metavar="FILE", help="The page; - for standard output.")
@click.option(
    "--since", default="7d", show_default=True, metavar="TIME", help="A duration back, or a date."
)
@click.option("--until", metavar="TIME", help="A duration back, or a date; else now.")
@team_option
@home_option
@click.pass_obj
def report(
    session: Session, /, *, out: str, since: str, until: str | None, team: str | None
) -> None:
    """Write one HTML page about a period: depth, waits, failures, slow tasks, machines, alerts.

    The page needs no network and no script. An older report at the same place is replaced in one
    step; any other file, a directory and a symbolic link are refused.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from rediacc.cli.parse_times import parse_past
    from rediacc.requests import ReportRequest

    now = datetime.now(UTC)
    begin = parse_past(since, now=now, option="--since")
    end = parse_past(until, now=now, option="--until") if until is not None else now
    from rediacc.cli.report.page import page_of
    from rediacc.cli.report.writing import check_target, write_page

    if out != "-":
        # Said before the work, not after it.
        session.check_path("--out", out)
        check_target(Path(out))
    found = session.perform("report.read", ReportRequest(since=begin, until=end, team=team))
    page = page_of(found, home=str(session.home()))
    if out == "-":
        click.echo(page, nl=False)
        return
    write_page(Path(out), page)
    session.tell(f"wrote {out}: {begin:%Y-%m-%d %H:%M} to {found.history.until:%Y-%m-%d %H:%M} UTC")
    for note in found.notes:
        session.tell(f"note: {note}")
