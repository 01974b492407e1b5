"""``list named-tasks``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import display_options
from rediacc.cli.session import Session

__all__ = ["list_named_tasks"]


@click.command("named-tasks", epilog="\b\nExample:\n  rediacc list named-tasks")
@display_options
@click.pass_obj
def list_named_tasks(session: Session, /, **display: Any) -> None:
    """List the files in named_tasks/; a variable with a star must be given."""
    from rediacc.cli.render.columns import NAMED_TASK_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.requests import Nothing

    view = session.view(**display)
    print_items(
        view,
        session.perform("named_task.list", Nothing()),
        kind="named-tasks",
        columns=NAMED_TASK_COLUMNS,
        name=lambda task: task.name,
        empty="no named tasks: none in named_tasks/",
    )
