"""``top``."""

from __future__ import annotations

import sys

import click

from rediacc.cli.options import home_option, team_option
from rediacc.cli.session import Session
from rediacc.errors import InvalidInput

__all__ = ["top"]

_SHORTEST_SECONDS = 0.5


@click.command("top", epilog="\b\nExamples:\n  rediacc top\n  rediacc top --team prod --every 5s")
@team_option
@click.option(
    "--every", default="2s", show_default=True, metavar="TIME", help="How often to look again."
)
@home_option
@click.pass_obj
def top(session: Session, /, *, team: str | None, every: str) -> int:
    """Watch queue, running tasks, machines, workers and alerts; act on them by keys.

    Press ? for the keys. Each does what its command does: it may be refused, and the audit
    notes it. Looking is noted once, when the view is opened.
    """
    from rediacc.cli.parse_times import parse_duration

    seconds = parse_duration(every, option="--every")
    if seconds < _SHORTEST_SECONDS:
        raise InvalidInput(f"--every {every}: at least {_SHORTEST_SECONDS:g}s")
    is_dumb = session.environment.get("TERM", "") in ("", "dumb") or session.is_in_pipeline
    if is_dumb or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "top fills a terminal, and there is none that can be filled",
            hint="rediacc list queue, rediacc list workers, or rediacc report --out FILE",
        )
    from rediacc.cli.top.running import run_top

    run_top(session, team=team, every_seconds=seconds)
    return 0
