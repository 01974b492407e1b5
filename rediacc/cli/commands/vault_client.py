"""``vault-client``."""

from __future__ import annotations

import click

from rediacc.cli.options import output_option
from rediacc.cli.session import Session

__all__ = ["vault_client"]


@click.command(
    "vault-client",
    epilog="\b\nExample:\n  ansible-playbook --vault-id prod@$(rediacc vault-client) site.yml",
)
@output_option
@click.pass_obj
def vault_client(session: Session, /, *, output: str | None) -> None:
    """Print the path of this home's client for ansible-playbook --vault-id TEAM@CLIENT."""
    from rediacc.cli.render.document import envelope
    from rediacc.cli.render.output import print_document
    from rediacc.settings import load_settings
    from rediacc.teams.vaults.client import client_path

    view = session.view(output=output)
    settings = load_settings(session.home(), environment=session.environment)
    path = str(client_path(settings))
    if view.is_for_people or view.output == "name":
        click.echo(path)
    else:
        print_document(view, envelope("vault-client", item={"path": path}))
