"""``set|get|edit|delete secret`` and ``list secrets``; ``vault`` is another word for them."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_teams
from rediacc.cli.options import answer_options, display_options, team_option, yes_option
from rediacc.cli.session import Session

__all__ = ["delete_secret", "edit_secret", "get_secret", "list_secrets", "set_secret"]

_scope_option = click.option(
    "--scope",
    type=click.Choice(("vars", "private")),
    help="vars: a variable that playbooks read; private: none reads it.",
)


@click.command(
    "secret",
    epilog="""\b
Examples:
  rediacc set secret db_password --team prod
  rediacc set secret tls_key --team prod --file tls.key
  pass show backup | rediacc set secret backup_token --team prod --scope private --file -
""",
)
@click.argument("key", metavar="KEY")
@click.argument("rest", nargs=-1, metavar="", type=click.UNPROCESSED)
@team_option
@_scope_option
@click.option("--file", metavar="FILE", help="Read the value from a file; - reads standard input.")
@click.option("--if-different", is_flag=True, help="Write nothing where it has this value already.")
@answer_options
@click.pass_obj
def set_secret(
    session: Session,
    /,
    *,
    key: str,
    rest: tuple[str, ...],
    team: str | None,
    scope: str | None,
    file: str | None,
    if_different: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Set a secret of a team's vault; its value is asked for twice, or read from --file.

    A new secret is a variable that playbooks read, unless --scope says private. Of a text of one
    line the line break at its end is no part of the value.
    """
    from rediacc.cli.render.output import print_item
    from rediacc.cli.secret_input import check_key, read_value
    from rediacc.requests import SecretSet
    from rediacc.values import SecretScope

    view = session.view(output=output, quiet=quiet)
    check_key(key, rest)
    session.home()
    value = read_value(session, key, file)
    chosen = None if scope is None else SecretScope(scope)
    request = SecretSet(name=key, value=value, team=team, scope=chosen, if_different=if_different)
    secret = session.perform("secret.set", request)
    what = "set in" if secret.changed else "has this value already in"
    print_item(
        view,
        secret,
        kind="secret",
        name=secret.name,
        lines=lambda: [f"secret {secret.name} of team {secret.team} {what} {secret.path}"],
    )


@click.command("secret", epilog="\b\nExample:\n  rediacc get secret db_password --team prod")
@click.argument("key", metavar="KEY")
@team_option
@_scope_option
@answer_options
@click.pass_obj
def get_secret(
    session: Session,
    /,
    *,
    key: str,
    team: str | None,
    scope: str | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Print a secret's value, and nothing else.

    It is printed as it is kept; a line break is added only on a terminal.
    """
    from rediacc.cli.secret_input import print_value
    from rediacc.requests import SecretRef
    from rediacc.values import SecretScope

    view = session.view(output=output, quiet=quiet)
    chosen = None if scope is None else SecretScope(scope)
    secret = session.perform("secret.get", SecretRef(name=key, team=team, scope=chosen))
    print_value(view, secret)


@click.command("secrets", epilog="\b\nExample:\n  rediacc list secrets --team prod")
@click.option("-T", "--team", metavar="TEAM", shell_complete=complete_teams, help="Of this team.")
@_scope_option
@display_options
@click.pass_obj
def list_secrets(
    session: Session, /, *, team: str | None, scope: str | None, **display: Any
) -> int:
    """List the names of secrets, their age and who set them; never a value.

    Vaulted variables that a repository has are listed too; who set those is not known.
    """
    from datetime import UTC, datetime

    from rediacc.cli.render.output import print_items
    from rediacc.cli.secret_input import complain_of, secret_columns
    from rediacc.requests import SecretFilter
    from rediacc.values import SecretScope

    view = session.view(**display)
    chosen = None if scope is None else SecretScope(scope)
    secrets = session.perform("secret.list", SecretFilter(team=team, scope=chosen))
    shown = [one for one in secrets if not one.error] if view.is_for_people else secrets
    print_items(
        view,
        shown,
        kind="secrets",
        columns=secret_columns(datetime.now(UTC)),
        name=lambda secret: secret.name,
        empty="no secrets",
    )
    return complain_of(secrets, as_json=view.output in ("json", "jsonl"))


@click.command("secret", epilog="\b\nExample:\n  rediacc edit secret tls_key --team prod")
@click.argument("key", metavar="KEY")
@team_option
@_scope_option
@answer_options
@click.pass_obj
def edit_secret(
    session: Session,
    /,
    *,
    key: str,
    team: str | None,
    scope: str | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Edit a secret's value with your editor, in a private file in memory."""
    from rediacc.cli.render.output import print_item
    from rediacc.cli.secret_editing import edit_value
    from rediacc.requests import SecretRef, SecretSet
    from rediacc.values import SecretScope

    view = session.view(output=output, quiet=quiet)
    chosen = None if scope is None else SecretScope(scope)
    session.check_program("an editor", hint="use rediacc set secret KEY --file -")
    before = session.perform("secret.get", SecretRef(name=key, team=team, scope=chosen))
    value = edit_value(before, environment=session.environment)
    if value is None:
        session.tell(f"secret {key} is as it was")
        return
    request = SecretSet(
        name=key, value=value, team=before.team, scope=before.scope, previous=before.value
    )
    secret = session.perform("secret.set", request)
    print_item(
        view,
        secret,
        kind="secret",
        name=secret.name,
        lines=lambda: [f"secret {secret.name} of team {secret.team} set in {secret.path}"],
    )


@click.command(
    "secret", epilog="\b\nExample:\n  rediacc delete secret db_password --team prod --yes"
)
@click.argument("key", metavar="KEY")
@team_option
@_scope_option
@yes_option
@answer_options
@click.pass_obj
def delete_secret(
    session: Session,
    /,
    *,
    key: str,
    team: str | None,
    scope: str | None,
    yes: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Delete a secret; what was committed to git stays in its history."""
    from rediacc.cli.render.output import print_item
    from rediacc.requests import SecretDelete
    from rediacc.values import SecretScope

    view = session.view(output=output, quiet=quiet)
    session.home()
    session.confirm(f"Delete secret {key}?", is_agreed=yes)
    chosen = None if scope is None else SecretScope(scope)
    secret = session.perform("secret.delete", SecretDelete(name=key, team=team, scope=chosen))
    print_item(
        view,
        secret,
        kind="secret",
        name=secret.name,
        lines=lambda: [f"secret {secret.name} of team {secret.team} deleted from {secret.path}"],
    )
