"""``create|list|inspect|update|delete team``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_teams
from rediacc.cli.options import answer_options, display_options, sample_option, yes_option
from rediacc.cli.session import Session

__all__ = ["create_team", "delete_team", "inspect_team", "list_teams", "update_team"]

_weight_option = click.option(
    "--weight",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Its share among teams at one level; else 1.",
)


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
@_weight_option
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
    weight: int | None,
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
    request = TeamCreate(
        name=chosen, inventory=inventory, sample_every_seconds=every, ssh=ssh, weight=weight
    )
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


@click.command("team", epilog="\b\nExample:\n  rediacc update team prod --sample-every 1m")
@click.argument("name", shell_complete=complete_teams)
@click.option("--inventory", metavar="PATH", help="Another inventory that exists.")
@sample_option
@click.option(
    "--ssh",
    type=click.Choice(("user", "vault")),
    help="Log in as you do, or with a key of the team's own.",
)
@_weight_option
@answer_options
@click.pass_obj
def update_team(
    session: Session,
    /,
    *,
    name: str,
    sample_every: str | None,
    output: str | None,
    quiet: bool,
    **settings: Any,
) -> None:
    """Change a team's settings in rediacc.toml; a worker takes them up when it starts.

    A team that is to log in with a key of its own and has none gets one.
    """
    from rediacc.cli.parse_times import parse_duration
    from rediacc.cli.render.detail import updated_team_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import TeamUpdate

    view = session.view(output=output, quiet=quiet)
    every = (
        None
        if sample_every is None
        else parse_duration(sample_every, option="--sample-every", allow_zero=True)
    )
    request = TeamUpdate(name=name, sample_every_seconds=every, **settings)
    team = session.perform("team.update", request)
    print_item(view, team, kind="team", name=team.name, lines=lambda: updated_team_lines(team))


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
    from rediacc.requests import TeamDelete

    view = session.view(output=output, quiet=quiet)
    session.home()
    session.confirm(f"Delete team {name}?", is_agreed=yes)
    team = session.perform("team.delete", TeamDelete(name=name))
    print_item(view, team, kind="team", name=team.name, lines=lambda: deleted_team_lines(team))
