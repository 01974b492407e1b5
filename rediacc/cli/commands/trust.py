"""``trust machine``."""

from __future__ import annotations

import click

from rediacc.cli.completing import complete_machines
from rediacc.cli.options import answer_options, team_option, yes_option
from rediacc.cli.session import Session

__all__ = ["trust_machine"]


@click.command(
    "machine",
    epilog="\b\nExamples:\n  rediacc trust machine web-01\n  rediacc trust machine --unknown --yes",
)
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete_machines)
@click.option("--unknown", is_flag=True, help="All machines whose key nobody recorded.")
@team_option
@yes_option
@answer_options
@click.pass_obj
def trust_machine(
    session: Session,
    /,
    *,
    names: tuple[str, ...],
    unknown: bool,
    team: str | None,
    yes: bool,
    output: str | None,
    quiet: bool,
) -> int:
    """Show machines' host keys, ask, and record them.

    Compare the fingerprints with what the machines' consoles say. A key that differs from the
    recorded one is never accepted here.
    """
    from rediacc.cli.trusting import trust

    view = session.view(output=output, quiet=quiet)
    return trust(session, view, names, is_unknown=unknown, team=team, is_agreed=yes)
