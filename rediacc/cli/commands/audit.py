"""``list|verify|export audit``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import answer_options, display_options
from rediacc.cli.session import Session
from rediacc.errors import ExitCode, InvalidInput

__all__ = ["export_audit", "list_audit", "verify_audit"]

_since = click.option(
    "--since", metavar="TIME", help="From this time on: 2h or 7d ago, or 2030-01-31T18:00+01:00."
)


@click.command(
    "audit",
    epilog="\b\nExamples:\n  rediacc list audit --since 1d --outcome denied\n"
    "  rediacc list audit --actor anna --operation 'task.*'\n"
    "  rediacc list audit --object 'task 42' -o wide",
)
@click.option("--actor", metavar="NAME", help="Only what this person or token did.")
@click.option("--operation", metavar="NAME", help="Only this operation, or task.*")
@click.option("--object", "object_name", metavar="NAME", help="Only about this: 'task 42', prod.")
@click.option("--outcome", metavar="WORD", help="Only with this end: done, denied, failed, ...")
@_since
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 100_000), default=50, metavar="N", show_default=True,
    help="At most so many, counted after the filters.",
)  # fmt: skip
@display_options
@click.pass_obj
def list_audit(
    session: Session,
    /,
    *,
    object_name: str | None,
    since: str | None,
    until: str | None,
    actor: str | None,
    operation: str | None,
    outcome: str | None,
    limit: int,
    **display: Any,
) -> None:
    """List who did what, to what, with which end, and what changed; newest first."""
    from datetime import UTC, datetime

    from rediacc.cli.parse_times import parse_past
    from rediacc.cli.render.output import print_items
    from rediacc.cli.render.people import audit_columns
    from rediacc.requests import AuditFilter

    view = session.view(**display)
    now = datetime.now(UTC)
    request = AuditFilter(
        actor=actor,
        operation=operation,
        object=object_name,
        outcome=outcome,
        since=None if since is None else parse_past(since, now=now, option="--since"),
        until=None if until is None else parse_past(until, now=now, option="--until"),
        limit=limit,
    )
    print_items(
        view,
        session.perform("audit.list", request),
        kind="audit",
        columns=audit_columns(),
        name=lambda entry: str(entry.seq),
        empty="no entries",
    )


@click.command(
    "audit",
    epilog="\b\nExamples:\n  rediacc verify audit\n  rediacc verify audit --file audit.jsonl",
)
@click.option(
    "--checkpoint", metavar="HASH@SEQ", help="An end of the chain that you kept elsewhere."
)
@click.option("--file", "file", metavar="FILE", help="Verify an exported file instead; no home.")
@answer_options
@click.pass_obj
def verify_audit(
    session: Session,
    /,
    *,
    checkpoint: str | None,
    file: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Recompute the hash chain; exit 1 when an entry was changed, or entries are missing.

    Keep the HASH@SEQ that this prints where nobody with this account can write, and give it back
    later: whoever has the account could write the whole chain anew.
    """
    from rediacc.cli.auditing import print_verdict, verify_file
    from rediacc.requests import AuditVerify

    view = session.view(output=output, quiet=quiet)
    if file is not None:
        session.check_path("--file", file)
        verdict = verify_file(file, checkpoint=checkpoint)
    else:
        verdict = session.perform("audit.verify", AuditVerify(checkpoint=checkpoint))
    print_verdict(session, view, verdict)
    return int(ExitCode.DONE if verdict.is_whole else ExitCode.GENERAL)


@click.command(
    "audit",
    epilog="\b\nExamples:\n  rediacc export audit --out audit.jsonl\n"
    "  rediacc export audit --since 30d --format csv --out -",
)
@_since
@click.option(
    "--format", "form", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True,
    help="One entry a line, each with its hash.",
)  # fmt: skip
@click.option("--out", required=True, metavar="FILE", help="Where to; - is standard output.")
@click.pass_obj
def export_audit(session: Session, /, *, since: str | None, form: str, out: str) -> None:
    """Write the entries with their hashes; 'verify audit --file' checks them anywhere."""
    from datetime import UTC, datetime

    from rediacc.cli.auditing import export
    from rediacc.cli.parse_times import parse_past

    if not out:
        raise InvalidInput("--out is empty")
    if out != "-":
        session.check_path("--out", out)
    past = None if since is None else parse_past(since, now=datetime.now(UTC), option="--since")
    count = export(session, form=form, out=out, since=past)
    if out != "-":
        session.tell(f"{count} entries written to {out}")
