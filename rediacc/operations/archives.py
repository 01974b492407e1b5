"""Operations on the archive."""

from __future__ import annotations

from typing import Any

from rediacc.archives.checking import check_archives, list_archives
from rediacc.archives.mover import Mover, cutoffs
from rediacc.errors import InvalidInput
from rediacc.operations.files import settle_intents
from rediacc.requests import ArchiveRequest, Nothing
from rediacc.settings import RETAINED
from rediacc.times import seconds
from rediacc.views import ArchiveRun, ArchiveView

__all__ = ["list_all", "run", "verify"]


def run(call: Any, request: ArchiveRequest) -> ArchiveRun:
    """``archive.run``: move what is over and old enough to files, and shrink the database.

    Each file has an entry of its own in the audit, in the transaction that records it.
    """
    before = _before(call, request)
    mover = Mover(
        call.database,
        call.settings.state_directory,
        actor=call.caller.name,
        channel=call.caller.channel,
    )
    if request.dry_run:
        return ArchiveRun(
            sorts=mover.count(before),
            database_bytes_before=0,
            database_bytes_after=0,
            is_dry_run=True,
        )
    # What has no outcome yet holds the audit's entries back.
    settle_intents(call)
    answer = mover.run(before)
    rows = {moved.sort: moved.rows for moved in answer.sorts}
    call.note("done", object_name="archive", detail={"before": before, "rows": rows})
    return answer


def list_all(call: Any, _request: Nothing) -> tuple[ArchiveView, ...]:
    """``archive.list``: the files of the archive, oldest first."""
    return list_archives(call.database, call.settings.state_directory)


def verify(call: Any, _request: Nothing) -> tuple[ArchiveView, ...]:
    """``archive.verify``: the same, with every byte of them read and compared."""
    return check_archives(call.database, call.settings.state_directory)


def _before(call: Any, request: ArchiveRequest) -> dict[str, int]:
    """Return for each sort before which time it is to be moved, in microseconds."""
    for sort in request.sorts:
        if sort not in RETAINED:
            raise InvalidInput(f"{sort!r} is no sort of archive", hint=", ".join(RETAINED))
    kept = cutoffs(call.settings.retention, now=call.now)
    if request.older_than_seconds is None:
        unkept = [sort for sort in request.sorts if sort not in kept]
        if unkept:
            raise InvalidInput(
                f"[retention] keeps {', '.join(unkept)} for ever", hint="give --older-than"
            )
        return {sort: kept[sort] for sort in request.sorts or kept}
    limit = call.now - seconds(request.older_than_seconds)
    return dict.fromkeys(request.sorts or kept, limit)
