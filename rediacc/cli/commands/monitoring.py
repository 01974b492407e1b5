"""``queue depth`` and ``metrics``."""

from __future__ import annotations

import click

from rediacc.cli.options import answer_options, team_option
from rediacc.cli.session import Session

__all__ = ["depth"]


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
