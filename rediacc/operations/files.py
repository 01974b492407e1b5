"""Changing files: intent in the audit, atomic replacement, outcome; and what a crash left between.

An intent names each file and the digests before and after. One without an outcome is settled by
looking at the file: it has the new content, or it has not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.errors import RediaccError
from rediacc.teams.changes import FileChange, apply_changes
from rediacc.teams.files import exclusive_lock

__all__ = ["change_files", "settle_intents"]

_INTENTS = text(
    "SELECT seq, object, detail FROM audit WHERE outcome = 'intent' ORDER BY seq"
).columns(detail=JSON)
_LATER = text("SELECT detail FROM audit WHERE seq > :seq ORDER BY seq").columns(detail=JSON)


def change_files(
    call: Any,
    object_name: str,
    changes: Sequence[FileChange],
    *,
    effect: Callable[[Connection], None] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Apply `changes`, noted before and after.

    :param effect: what the change means for the database, in the transaction of its outcome.
    :param detail: what else the outcome's entry says.
    :raises Conflict: a file is no longer what the plan saw.
    """
    files = [
        {"path": str(change.path), "before": _digest(change.before), "after": _digest(change.after)}
        for change in changes
    ]
    summary = [change.summary for change in changes]
    with _alone(call):
        _settle(call)
        intent = call.note(
            "intent", object_name=object_name, detail={"files": files, "summary": summary}
        )
        try:
            apply_changes(changes)
        except RediaccError as exc:
            call.note(
                "refused", object_name=object_name, detail={"intent": intent, "why": exc.code}
            )
            raise
        with call.write(object_name, {"intent": intent, **(detail or {})}) as connection:
            if effect is not None:
                effect(connection)


def settle_intents(call: Any) -> int:
    """Write the outcome of intents that a crash left open; return how many there were."""
    with _alone(call):
        return _settle(call)


def _alone(call: Any) -> AbstractContextManager[None]:
    """Wait until nobody is between an intent and its outcome: only a crash leaves one open."""
    return exclusive_lock(call.settings.state_directory / "changes.lock")


def _settle(call: Any) -> int:
    with call.database.read() as connection:
        intents = connection.execute(_INTENTS).all()
        open_ones = [row for row in intents if not _has_outcome(connection, row.seq)]
    for row in open_ones:
        outcome = _outcome_of(row.detail)
        call.note(outcome, object_name=row.object, detail={"intent": row.seq, "recovered": True})
    return len(open_ones)


def _outcome_of(intent: Mapping[str, Any]) -> str:
    """Return what became of an intent; ``unknown`` where it named no files to look at."""
    if "files" not in intent:
        return "unknown"
    applied = all(_content(entry["path"]) == entry["after"] for entry in intent["files"])
    return "done" if applied else "not done"


def _has_outcome(connection: Connection, seq: int) -> bool:
    rows = connection.execute(_LATER, {"seq": seq})
    return any(row.detail.get("intent") == seq for row in rows)


def _content(path: str) -> str | None:
    try:
        return _digest(Path(path).read_bytes())
    except OSError:
        return None


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()
