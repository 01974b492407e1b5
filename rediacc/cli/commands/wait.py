"""``wait``."""

from __future__ import annotations

import click

from rediacc.cli.completing import complete_tasks
from rediacc.cli.options import answer_options
from rediacc.cli.session import Session

__all__ = ["wait"]


@click.command("wait", epilog="\b\nExample:\n  rediacc wait 41 42 --wait-timeout 10m")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_tasks)
@click.option("--wait-timeout", metavar="TIME", help="How long to wait; then exit 124.")
@answer_options
@click.pass_obj
def wait(
    session: Session,
    /,
    *,
    ids: tuple[str, ...],
    wait_timeout: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Wait until tasks have ended and exit with the worst of their outcomes.

    A task that is held for a person ends its wait with 14. Ctrl-C cancels nothing.
    """
    from rediacc.cli.waiting import wait_for

    view = session.view(output=output, quiet=quiet)
    return wait_for(session, view, ids, wait_timeout=wait_timeout)
