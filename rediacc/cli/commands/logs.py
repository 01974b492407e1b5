"""``logs``."""

from __future__ import annotations

import click

from rediacc.cli.completing import complete_tasks
from rediacc.cli.options import answer_options
from rediacc.cli.session import Session

__all__ = ["logs"]


@click.command("logs", epilog="\b\nExample:\n  rediacc logs -f 42")
@click.argument("ids", nargs=-1, required=True, metavar="ID", shell_complete=complete_tasks)
@click.option("-f", "--follow", is_flag=True, help="Go on until the task has ended.")
@click.option("--raw", is_flag=True, help="Bytes as the machine wrote them, without names.")
@answer_options
@click.pass_obj
def logs(
    session: Session,
    /,
    *,
    ids: tuple[str, ...],
    follow: bool,
    raw: bool,
    output: str | None,
    quiet: bool,
) -> int:
    """Show a task's output.

    With several machines each line begins with its machine. Characters that could steer a
    terminal are shown as escapes unless --raw is given.
    """
    from rediacc.cli.waiting import show_logs

    view = session.view(output=output, quiet=quiet)
    return show_logs(session, view, ids, is_followed=follow, is_raw=raw)
