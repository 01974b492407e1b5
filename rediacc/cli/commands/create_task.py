"""``create task``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import answer_options, creation_options, named_option, waiting_options
from rediacc.cli.session import Session

__all__ = ["create_task"]


@click.command(
    "task",
    epilog="""\b
Examples:
  rediacc create task --machine prod-01 --priority 1 --command "systemctl restart webserver"
  rediacc create task --team prod --group web --shell 'df -h / | tail -1' --wait
  rediacc create task --playbook site.yml --team prod --limit web --check --diff --not-before +10m
  rediacc create task --named deploy -e version=1.2 --retry '{"retryCount": 3}'
""",
)
@named_option
@creation_options
@click.option("--dry-run", is_flag=True, help="Queue nothing; show machines, policy and place.")
@click.option("--wait", is_flag=True, help="Wait for the end and exit with the outcome.")
@waiting_options
@answer_options
@click.pass_obj
def create_task(
    session: Session,
    /,
    *,
    output: str | None,
    quiet: bool,
    dry_run: bool,
    wait: bool,
    wait_timeout: str | None,
    exit_code: bool,
    exit_status: str,
    **options: Any,
) -> int:
    """Queue a task: a command, a shell line, a module, a playbook or a named task.

    It runs on machines (--machine, --group, --all) of one team in the order of its level. A
    worker runs it: 'rediacc worker'.
    """
    from rediacc.cli.creating import create

    view = session.view(output=output, quiet=quiet)
    return create(
        session,
        view,
        options,
        is_dry_run=dry_run,
        wait=wait,
        wait_timeout=wait_timeout,
        exit_code=exit_code,
        exit_status=exit_status,
    )
