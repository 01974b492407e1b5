"""``create|list|inspect|delete team``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_teams
from rediacc.cli.options import answer_options, display_options, sample_option, yes_option
from rediacc.cli.session import Session

__all__ = ["create_team", "delete_team", "inspect_team", "list_teams"]


@click.command(
    "team",
    epilog="\b\nExamples:\n  rediacc create team dev\n"
    "  rediacc create team prod --inventory inventories/production",
)
@click.argument("name_argument", required=False, metavar="NAME")
@click.option("--name", help="The same as NAME.", metavar="NAME")
@click.option("--inventory", metavar="PATH", help="An inventory that exists; else one is made.")
@sample_option
@click.option(
    "--ssh",
    type=click.Choice(("user", "vault")),
    help="Log in as you do, or with a key of the team's own (where rediacc keeps the inventory).",
)
@answer_options
@click.pass_obj
def create_team(
    session: Session,
    /,
    *,
    name_argument: str | None,
    name: str | None,
    inventory: str | None,
    sample_every: str | None,
    ssh: str | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Make a team: over an inventory that exists, or with one that rediacc keeps."""
    from rediacc.cli.naming import one_name
    from rediacc.cli.render.detail import created_team_lines
    from rediacc.cli.render.output import print_item
    from rediacc.cli.sampling import wished_sampling
    from rediacc.requests import TeamCreate

    view = session.view(output=output, quiet=quiet)
    chosen = one_name(name_argument, name, noun="team")
    every = wished_sampling(session, view, sample_every)
    request = TeamCreate(name=chosen, inventory=inventory, sample_every_seconds=every, ssh=ssh)
    team = session.perform("team.create", request)
    print_item(
        view,
        team,
        kind="team",
        name=team.name,
        lines=lambda: created_team_lines(team),
    )


@click.command("teams", epilog="\b\nExample:\n  rediacc list teams")
@display_options
@click.pass_obj
def list_teams(session: Session, /, **display: Any) -> None:
    """List teams and their inventories."""
    from rediacc.cli.neutral import one_line
    from rediacc.cli.render.columns import TEAM_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.requests import Nothing

    view = session.view(**display)
    teams = session.perform("team.list", Nothing())
    print_items(
        view,
        teams,
        kind="teams",
        columns=TEAM_COLUMNS,
        name=lambda team: team.name,
        empty="no teams yet: rediacc create team NAME",
    )
    for team in teams if view.is_for_people else ():
        if team.error:
            session.tell(f"team {team.name}: {one_line(team.error)}")


@click.command("team", epilog="\b\nExample:\n  rediacc inspect team prod")
@click.argument("name", shell_complete=complete_teams)
@answer_options
@click.pass_obj
def inspect_team(session: Session, /, *, name: str, output: str | None, quiet: bool) -> None:
    """Show one team."""
    from rediacc.cli.render.detail import team_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import TeamRef

    view = session.view(output=output, quiet=quiet)
    team = session.perform("team.inspect", TeamRef(name=name))
    print_item(view, team, kind="team", name=team.name, lines=lambda: team_lines(team))


@click.command("team", epilog="\b\nExample:\n  rediacc delete team dev --yes")
@click.argument("name", shell_complete=complete_teams)
@yes_option
@answer_options
@click.pass_obj
def delete_team(
    session: Session, /, *, name: str, yes: bool, output: str | None, quiet: bool
) -> None:
    """Remove a team that has no work; an inventory of yours and its vault stay as they are."""
    from rediacc.cli.render.detail import deleted_team_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import TeamRef

    view = session.view(output=output, quiet=quiet)
    session.home()
    session.confirm(f"Delete team {name}?", is_agreed=yes)
    team = session.perform("team.delete", TeamRef(name=name))
    print_item(view, team, kind="team", name=team.name, lines=lambda: deleted_team_lines(team))
