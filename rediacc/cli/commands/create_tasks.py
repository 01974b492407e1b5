"""``create tasks``."""

from __future__ import annotations

import click

from rediacc.cli.options import answer_options
from rediacc.cli.session import Session

__all__ = ["create_tasks"]


@click.command(
    "tasks",
    epilog="""\b
Examples:
  rediacc create tasks --from tonight.yml
  jq -c '.hosts[] | {machine: .name, command: "uptime"}' fleet.json | rediacc create tasks --from -
""",
)
@click.option(
    "--from", "source", required=True, metavar="FILE|-", help="A file; - reads standard input."
)
@click.option(
    "--format",
    "sort",
    type=click.Choice(("yaml", "json", "jsonl")),
    help="Instead of what the file's extension says.",
)
@click.option("--dry-run", is_flag=True, help="Queue nothing; check all and show what would be.")
@answer_options
@click.pass_obj
def create_tasks(
    session: Session,
    /,
    *,
    source: str,
    sort: str | None,
    dry_run: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Queue all tasks of a file, or none of them.

    The file holds a list of tasks in YAML, JSON or JSON Lines (one object a line); the fields of a
    task are the options of 'create task'. All are checked before one transaction accepts them.
    """
    from rediacc.cli.creating_many import create_many

    view = session.view(output=output, quiet=quiet)
    create_many(session, view, source=source, sort=sort, is_dry_run=dry_run)
