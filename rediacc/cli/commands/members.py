"""``create|update|delete member``, ``list members|permissions``, ``whoami``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_teams
from rediacc.cli.options import answer_options, display_options, yes_option
from rediacc.cli.session import Session

__all__ = [
    "create_member",
    "delete_member",
    "list_members",
    "list_permissions",
    "update_member",
    "whoami",
]


def _roles(function: Any) -> Any:
    for decorate in (
        click.option("--expires-in", metavar="DURATION", help="For how long, such as 90d."),
        click.option("--token", is_flag=True, help="A token for a program; it is printed once."),
        click.option("--all-teams", is_flag=True, help="In every team that is not named."),
        click.option(
            "-T", "--team", "teams", multiple=True, metavar="TEAM", shell_complete=complete_teams,
            help="In this team; may be repeated.",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


@click.command(
    "member",
    epilog="\b\nExamples:\n  rediacc create member anna --role operator --team prod\n"
    "  rediacc create member ci --token --role operator --team staging --expires-in 90d",
)
@click.argument("name_argument", required=False, metavar="NAME")
@click.option("--name", help="The same as NAME.", metavar="NAME")
@click.option(
    "--role",
    required=True,
    metavar="ROLE",
    help="viewer, operator, maintainer or a role of rediacc.toml; auditor, owner for the home.",
)
@_roles
@answer_options
@click.pass_obj
def create_member(
    session: Session,
    /,
    *,
    name_argument: str | None,
    name: str | None,
    expires_in: str | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Give an account of this host a role, or make a token that has one.

    With --token standard output is the token, which is shown this once and kept by nobody: set
    REDIACC_TOKEN to it where a pipeline runs. An account takes its role when it comes through
    sudo; the account that owns the home can do everything in any case.
    """
    from rediacc.cli.membership import expiry, print_member
    from rediacc.cli.naming import one_name
    from rediacc.requests import MemberCreate

    view = session.view(output=output, quiet=quiet)
    chosen = one_name(name_argument, name, noun="member")
    request = MemberCreate(name=chosen, expires_in_seconds=expiry(expires_in), **options)
    print_member(session, view, session.perform("member.create", request), "is a member now")


@click.command(
    "member",
    epilog="\b\nExamples:\n  rediacc update member anna --role viewer --team staging\n"
    "  rediacc update member anna --remove-team prod\n"
    "  rediacc update member ci --token --expires-in 90d",
)
@click.argument("name", metavar="NAME")
@click.option("--role", metavar="ROLE", help="Give this role; those in other teams stay.")
@click.option(
    "--remove-team", "remove_teams", multiple=True, metavar="TEAM",
    help="Take the role in this team away; '*' the one in all teams.",
)  # fmt: skip
@click.option("--remove-home-role", is_flag=True, help="No longer auditor or owner.")
@_roles
@answer_options
@click.pass_obj
def update_member(
    session: Session,
    /,
    *,
    name: str,
    expires_in: str | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Change a member's roles, make a new token of the same name, or set another end."""
    from rediacc.cli.membership import expiry, print_member
    from rediacc.requests import MemberUpdate

    view = session.view(output=output, quiet=quiet)
    request = MemberUpdate(name=name, expires_in_seconds=expiry(expires_in), **options)
    print_member(session, view, session.perform("member.update", request), "updated")


@click.command("member", epilog="\b\nExample:\n  rediacc delete member anna --yes")
@click.argument("name", metavar="NAME")
@yes_option
@answer_options
@click.pass_obj
def delete_member(
    session: Session, /, *, name: str, yes: bool, output: str | None, quiet: bool
) -> None:
    """Take all roles away; a token holds no longer. What they queued stays."""
    from rediacc.cli.membership import print_member
    from rediacc.requests import MemberDelete

    view = session.view(output=output, quiet=quiet)
    session.home()
    session.confirm(f"Delete member {name}?", is_agreed=yes)
    member = session.perform("member.delete", MemberDelete(name=name))
    print_member(session, view, member, "deleted")


@click.command("members", epilog="\b\nExample:\n  rediacc list members")
@display_options
@click.pass_obj
def list_members(session: Session, /, **display: Any) -> None:
    """List members, their roles, and when they last asked for something."""
    from datetime import UTC, datetime

    from rediacc.cli.render.output import print_items
    from rediacc.cli.render.people import member_columns
    from rediacc.requests import Nothing

    view = session.view(**display)
    print_items(
        view,
        session.perform("member.list", Nothing()),
        kind="members",
        columns=member_columns(datetime.now(UTC)),
        name=lambda member: member.name,
        empty="nobody is listed: the account that owns the home does everything",
    )


@click.command("permissions", epilog="\b\nExample:\n  rediacc list permissions")
@display_options
@click.pass_obj
def list_permissions(session: Session, /, **display: Any) -> None:
    """List every operation and the roles that allow it."""
    from rediacc.cli.render.output import print_items
    from rediacc.cli.render.people import PERMISSION_COLUMNS
    from rediacc.requests import Nothing

    view = session.view(**display)
    print_items(
        view,
        session.perform("permission.list", Nothing()),
        kind="permissions",
        columns=PERMISSION_COLUMNS,
        name=lambda permission: permission.operation,
    )


@click.command("whoami", epilog="\b\nExample:\n  rediacc whoami")
@answer_options
@click.pass_obj
def whoami(session: Session, /, *, output: str | None, quiet: bool) -> None:
    """Show who you are here, your roles, and how rediacc knows."""
    from rediacc.cli.render.output import print_item
    from rediacc.cli.render.people import caller_lines
    from rediacc.requests import Nothing

    view = session.view(output=output, quiet=quiet)
    caller = session.perform("caller.show", Nothing())
    print_item(view, caller, kind="caller", name=caller.name, lines=lambda: caller_lines(caller))
