"""``run``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.completing import complete_named_tasks
from rediacc.cli.options import (
    answer_options,
    creation_options,
    named_option,
    pipeline_options,
    waiting_options,
)
from rediacc.cli.session import Session
from rediacc.errors import InvalidInput

__all__ = ["run"]


@click.command(
    "run",
    epilog="""\b
Examples:
  rediacc run deploy -e version=1.2
  rediacc run --team prod --group web --shell 'df -h / | tail -1'
  rediacc run --machine web-01 --command 'test -e /etc/motd' --exit-status remote
  rediacc run --playbook site.yml --team staging --wait-timeout 15m --junit out.xml
""",
)
@click.argument("name", required=False, shell_complete=complete_named_tasks)
@named_option
@creation_options
@waiting_options
@pipeline_options
@answer_options
@click.pass_obj
def run(
    session: Session,
    /,
    *,
    name: str | None,
    output: str | None,
    quiet: bool,
    wait_timeout: str | None,
    exit_code: bool,
    exit_status: str,
    junit: str | None,
    summary: str | None,
    ci: str,
    on_signal: str | None,
    **options: Any,
) -> int:
    """Queue a task, follow it, and exit with its outcome.

    NAME is a named task; without it the options say what to run. A live worker runs it in its
    turn; without one this process brings a temporary one. Standard output holds what the machines
    printed; Ctrl-C detaches and cancels nothing. In a pipeline (--ci) the log is divided into
    sections that no output can forge, and a signal to end cancels the task: see docs/ci.md.
    """
    from rediacc.cli.running import run_task

    if name is not None and options["named"] is not None:
        raise InvalidInput(f"{name!r} and --named both name a task: give one")
    options["named"] = options["named"] if name is None else name
    view = session.view(output=output, quiet=quiet)
    return run_task(
        session,
        view,
        options,
        wait_timeout=wait_timeout,
        exit_code=exit_code,
        exit_status=exit_status,
        junit=junit,
        summary=summary,
        ci=ci,
        on_signal=on_signal,
    )
