"""``perform``."""

from __future__ import annotations

import json

import click

from rediacc.cli.session import Session, working_directory
from rediacc.errors import InvalidInput

__all__ = ["perform"]

_LARGEST = 16 << 20


@click.command(
    "perform",
    epilog="""\b
Example:
  echo '{"id": "1"}' | rediacc -o json perform task.inspect
""",
)
@click.argument("operation")
@click.pass_obj
def perform(session: Session, /, *, operation: str) -> None:
    """Perform one operation with a JSON request from standard input; its answer is JSON.

    For programs: it is what the Ansible collection calls where it cannot import this package.
    OPERATION is a name as the audit shows it, such as task.create; the request's fields are those
    of rediacc.requests. With -o json before it, errors are JSON too, on standard error.
    """
    from rediacc.cli.render.document import envelope
    from rediacc.cli.render.output import print_document

    view = session.view(output="json")
    try:
        values = json.loads(session.read_stdin("the request", limit=_LARGEST))
    except (ValueError, RecursionError) as exc:
        raise InvalidInput(f"the request is not JSON: {exc}") from exc
    session.home()
    from rediacc.operations.plain import open_plain_office

    with open_plain_office(
        working_directory(),
        environment=session.environment,
        home=session.home_option,
        channel="program",
    ) as office:
        answer = office.perform(operation, values)
    print_document(view, envelope("answer", item=answer))
