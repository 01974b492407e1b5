"""What the commands on the audit do once their options are read."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from rediacc.audit.checkpoint import parse_checkpoint
from rediacc.audit.files import FIELDS, entry_of, read_entries, to_line, verify_entries
from rediacc.cli.render.output import print_item
from rediacc.cli.session import Session, View
from rediacc.errors import InvalidInput
from rediacc.requests import AuditExport
from rediacc.views import AuditPage, AuditVerdict

__all__ = ["export", "print_verdict", "verify_file"]


def verify_file(name: str, *, checkpoint: str | None) -> AuditVerdict:
    """Verify an exported file.

    :raises InvalidInput: it is none.
    """
    kept = None if checkpoint is None else parse_checkpoint(checkpoint)
    return verify_entries(read_entries(Path(name).expanduser()), kept=kept)


def print_verdict(session: Session, view: View, verdict: AuditVerdict) -> None:
    """Print whether the chain is whole, and the end to keep elsewhere."""
    if verdict.note and view.is_for_people:
        session.tell(f"note: {verdict.note}")
    said = verdict.problem or f"the audit is whole: entries {verdict.first} to {verdict.last}"
    if verdict.problem and view.is_for_people:
        session.tell(f"rediacc: error: {verdict.problem}")
        return
    print_item(
        view,
        verdict,
        kind="audit-verdict",
        name=verdict.checkpoint,
        lines=lambda: [said, f"checkpoint {verdict.checkpoint}"],
    )


def export(session: Session, *, form: str, out: str, since: datetime | None) -> int:
    """Write the audit to the file `out` or to standard output; return how many entries.

    A file appears when it is whole, readable by its owner only.
    """
    count = 0
    with session.open_office() as office, _target(out) as stream:
        if form == "csv":
            stream.write(",".join(FIELDS) + "\n")
        after: int | None = None
        while True:
            request = AuditExport(since=since, after=after)
            page: AuditPage = office.perform("audit.export", request)
            for entry in page.entries:
                stream.write(to_line(entry_of(entry), form=form))
            count += len(page.entries)
            after = page.after
            if page.is_last:
                return count


@contextlib.contextmanager
def _target(out: str) -> Iterator[IO[str]]:
    if out == "-":
        yield sys.stdout
        return
    path = Path(out).expanduser()
    if path.is_dir():
        raise InvalidInput(f"--out {out}: is a directory")
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as exc:
        raise InvalidInput(f"--out {out}: cannot be written: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            yield stream
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
