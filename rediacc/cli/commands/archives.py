"""``archive``, ``list archives`` and ``verify archive``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import answer_options, display_options
from rediacc.cli.session import Session
from rediacc.errors import ExitCode

__all__ = ["archive", "list_archives", "verify_archive"]

_SORTS = ("tasks", "samples", "audit")


@click.command(
    "archive",
    epilog="\b\nExamples:\n  rediacc archive --dry-run\n  rediacc archive tasks --older-than 30d",
)
@click.argument("sorts", nargs=-1, type=click.Choice(_SORTS), metavar="[tasks|samples|audit]...")
@click.option("--older-than", metavar="TIME", help="Instead of what [retention] says: 30d, 12h.")
@click.option("--dry-run", is_flag=True, help="Move nothing; say how much would.")
@answer_options
@click.pass_obj
def archive(
    session: Session,
    /,
    *,
    sorts: tuple[str, ...],
    older_than: str | None,
    dry_run: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Move what is over from the database to compressed files, now.

    A worker does it by itself, as [retention] in rediacc.toml says. Archived tasks stay readable:
    'list tasks --archived', 'inspect task', 'logs'.
    """
    from rediacc.cli.parse_times import parse_duration
    from rediacc.cli.render.archives import archive_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import ArchiveRequest

    view = session.view(output=output, quiet=quiet)
    seconds = None
    if older_than is not None:
        seconds = parse_duration(older_than, option="--older-than", allow_zero=True)
    request = ArchiveRequest(sorts=sorts, older_than_seconds=seconds, dry_run=dry_run)
    answer = session.perform("archive.run", request)
    print_item(view, answer, kind="archive_run", name="", lines=lambda: archive_lines(answer))


@click.command("archives", epilog="\b\nExample:\n  rediacc list archives")
@display_options
@click.pass_obj
def list_archives(session: Session, /, **display: Any) -> None:
    """List the files of the archive, oldest first."""
    from rediacc.cli.render.archives import ARCHIVE_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.requests import Nothing

    print_items(
        session.view(**display),
        session.perform("archive.list", Nothing()),
        kind="archives",
        columns=ARCHIVE_COLUMNS,
        name=lambda one: one.path,
        empty="nothing is archived",
    )


@click.command("archive", epilog="\b\nExample:\n  rediacc verify archive")
@display_options
@click.pass_obj
def verify_archive(session: Session, /, **display: Any) -> int:
    """Read every file of the archive and compare it; exit 1 when one is missing or changed."""
    from rediacc.cli.render.archives import ARCHIVE_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.requests import Nothing

    view = session.view(**display)
    found = session.perform("archive.verify", Nothing())
    print_items(
        view,
        found,
        kind="archives",
        columns=ARCHIVE_COLUMNS,
        name=lambda one: one.path,
        empty="nothing is archived",
    )
    is_whole = all(one.status == "ok" for one in found)
    return int(ExitCode.DONE if is_whole else ExitCode.GENERAL)
