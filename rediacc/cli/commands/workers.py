"""``worker`` and ``list workers``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import display_options, home_option
from rediacc.cli.session import Session
from rediacc.errors import InvalidInput
from rediacc.requests import Nothing

__all__ = ["list_workers", "worker"]


@click.command(
    "worker", epilog="\b\nExamples:\n  rediacc worker\n  rediacc worker --slots 8 --drain"
)
@click.option("--slots", type=click.IntRange(1, 1000), metavar="N", help="Tasks at once.")
@click.option("--once", is_flag=True, help="Exit when what could be started at once has ended.")
@click.option("--drain", is_flag=True, help="Exit when nothing is left to run.")
@click.option(
    "--log-file", metavar="FILE", help="Log there, not to standard error; turned over at 10 MiB."
)
@home_option
@click.pass_obj
def worker(
    session: Session,
    /,
    *,
    slots: int | None,
    once: bool,
    drain: bool,
    log_file: str | None,
) -> int:
    """Run the queue's tasks until SIGTERM or Ctrl-C.

    The first signal lets running tasks finish under their supervisors and takes no new one; the
    second one stops them. Off a terminal each line of the log is a JSON object.
    """
    if once and drain:
        raise InvalidInput("--once and --drain exclude each other: give one")
    home = session.home()
    session.perform("worker.start", Nothing())
    from pathlib import Path

    from rediacc.worker.main import run_worker

    code: int = run_worker(
        home,
        slots=slots,
        once=once,
        drain=drain,
        environment=session.environment,
        log_file=None if log_file is None else Path(log_file).expanduser().absolute(),
    )
    return code


@click.command("workers", epilog="\b\nExample:\n  rediacc list workers")
@display_options
@click.pass_obj
def list_workers(session: Session, /, **display: Any) -> None:
    """List workers, whether they are alive, and what they run."""
    from datetime import UTC, datetime

    from rediacc.cli.render.columns import worker_columns
    from rediacc.cli.render.output import print_items

    view = session.view(**display)
    print_items(
        view,
        session.perform("worker.list", Nothing()),
        kind="workers",
        columns=worker_columns(datetime.now(UTC)),
        name=lambda one: one.id,
        empty="no worker is running: rediacc worker",
    )
