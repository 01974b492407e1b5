"""``queue depth`` and ``metrics``."""

from __future__ import annotations

import click

from rediacc.cli.options import answer_options, home_option, team_option
from rediacc.cli.session import Session

__all__ = ["depth", "metrics"]


@click.command(
    "depth",
    epilog="\b\nExamples:\n  rediacc queue depth\n  rediacc queue depth --team prod -o json",
)
@team_option
@click.option(
    "--machines",
    type=click.IntRange(0, 10_000),
    default=20,
    metavar="N",
    help="At most so many machines, those with most work first.",
)
@answer_options
@click.pass_obj
def depth(
    session: Session, /, *, team: str | None, machines: int, output: str | None, quiet: bool
) -> None:
    """Show how deep the queue is, how fast it moves, and how long starts waited.

    A wait counts from when a task could have started to its start. The promise of a level is
    'start_within' in rediacc.toml.
    """
    from rediacc.cli.render.measures import depth_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import DepthRequest

    view = session.view(output=output, quiet=quiet)
    found = session.perform("queue.depth", DepthRequest(team=team, most_machines=machines))
    print_item(
        view,
        found,
        kind="depth",
        name=str(found.total.pending),
        lines=lambda: depth_lines(found),
    )


@click.command(
    "metrics",
    epilog="\b\nExamples:\n  rediacc metrics\n  rediacc metrics --textfile rediacc.prom",
)
@click.option("--textfile", metavar="PATH", help="Write them to a file, whole or not at all.")
@home_option
@click.pass_obj
def metrics(session: Session, /, *, textfile: str | None) -> None:
    """Print all metrics in Prometheus's text format.

    A worker serves the same where 'metrics' in [monitoring] of rediacc.toml says so, and writes
    them each minute to the file that 'textfile' names.
    """
    from pathlib import Path

    from rediacc.monitoring.exposition import write_textfile
    from rediacc.requests import MetricsRequest

    if textfile is not None:
        session.check_path("--textfile", textfile)
    found = session.perform("metrics.read", MetricsRequest())
    if textfile is None:
        click.echo(found.text, nl=False)
    else:
        write_textfile(Path(textfile), found.text)
