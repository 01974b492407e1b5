"""``init``."""

from __future__ import annotations

import click

from rediacc.cli.options import answer_options, sample_option
from rediacc.cli.session import Session

__all__ = ["init"]


@click.command(
    "init",
    epilog="""\b
Examples:
  rediacc init
  rediacc init ~/ansible --team prod=inventories/production --team dev=inventories/dev
""",
)
@click.argument("directory", required=False, default=".", metavar="[DIR]")
@click.option(
    "-T", "--team", "teams", multiple=True, metavar="NAME=PATH", help="A team and its inventory."
)
@sample_option
@click.option("--launcher", is_flag=True, help="Also write ./rediacc, which starts this program.")
@answer_options
@click.pass_obj
def init(
    session: Session,
    /,
    *,
    directory: str,
    teams: tuple[str, ...],
    launcher: bool,
    sample_every: str | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Make a directory a home: find its inventories, add rediacc.toml and .rediacc/.

    No existing file is changed. Without --team each inventory that is found becomes a team.
    """
    from rediacc.cli.parse_words import parse_pairs
    from rediacc.cli.render.output import print_item
    from rediacc.cli.sampling import wished_sampling
    from rediacc.cli.welcome import welcome_lines
    from rediacc.operations.homes import initialise_home
    from rediacc.requests import InitRequest

    view = session.view(output=output, quiet=quiet)
    request = InitRequest(
        directory=directory,
        teams=parse_pairs(teams, option="--team"),
        launcher=launcher,
        sample_every_seconds=wished_sampling(session, view, sample_every),
    )
    report = initialise_home(request, environment=session.environment)
    print_item(view, report, kind="home", name=report.home, lines=lambda: welcome_lines(report))
