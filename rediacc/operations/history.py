"""``history.record``: plays that somebody started by hand become tasks that are over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection

from rediacc.counting import count
from rediacc.errors import NotFound
from rediacc.history.ledger import OwnLedger
from rediacc.history.recording import Brought, Ledger, bring_in
from rediacc.history.spool import spools_of
from rediacc.requests import DoctorRequest, PlayRecord
from rediacc.views import Check, PlaysRecorded, RecordedPlay, RefusedPlay

__all__ = ["check_plays", "record"]


def record(call: Any, request: PlayRecord) -> PlaysRecorded:
    """``history.record``: one play's records, or those of all that are over.

    :raises AccessDenied: a play that was named may not be recorded by who asks; its file stays,
        as after any other refusal of a named one.
    :raises InvalidInput: the records of the named play cannot be read.
    :raises NotFound: there is no such file, or its team cannot be told.
    """
    call.visible_teams()
    brought = list(_brought(call, request.id))
    if request.id is not None and not brought:
        raise NotFound(f"there are no records {request.id}, or its play still goes")
    places = spools_of(call.home_settings, call.environment)
    return PlaysRecorded(
        recorded=tuple(
            RecordedPlay(id=one.id, task_id=one.task_id, team=one.team, title=one.title)
            for one in brought
            if one.task_id is not None
        ),
        refused=tuple(
            RefusedPlay(id=one.id, title=one.title, why=one.why)
            for one in brought
            if one.task_id is None
        ),
        waiting=sum(len(spool.waiting()) for spool in places),
    )


def check_plays(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    """Bring in what waits, each play as its own account's, and say how that went."""
    ledger = OwnLedger(
        database=call.database, settings=call.home_settings, channel=call.caller.channel
    )
    found = list(_all_brought(call, ledger))
    for one in found:
        if one.task_id is None:
            yield Check(
                name="history", status="warn", message=f"a play was not recorded: {one.why}"
            )
    recorded = sum(one.task_id is not None for one in found)
    places = spools_of(call.home_settings, call.environment)
    waiting = sum(len(spool.waiting()) for spool in places)
    words = f"{count(recorded, 'play')} that ran by hand recorded now, {waiting} waiting"
    yield Check(name="history", status="pass", message=words)


def _brought(call: Any, wanted: str | None) -> Iterator[Brought]:
    return _all_brought(call, _CallLedger(call), wanted)


def _all_brought(call: Any, ledger: Ledger, wanted: str | None = None) -> Iterator[Brought]:
    for spool in spools_of(call.home_settings, call.environment):
        for spool_id in spool.waiting():
            if wanted not in (None, spool_id):
                continue
            found = bring_in(
                spool,
                spool_id,
                ledger,
                database=call.database,
                settings=call.home_settings,
                environment=call.environment,
                is_strict=wanted is not None,
            )
            if found is not None:
                yield found


class _CallLedger:
    """Plays of the caller's own account are theirs; others belong to who owns the file."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._others = OwnLedger(
            database=call.database, settings=call.home_settings, channel=call.caller.channel
        )

    def person(self, uid: int) -> str:
        return str(self._call.caller.name) if uid == os.getuid() else self._others.person(uid)

    def check_team(self, uid: int, team: str) -> None:
        if uid == os.getuid():
            self._call.for_team(team)
        else:
            self._others.check_team(uid, team)

    def write(
        self, uid: int, object_name: str, detail: Mapping[str, Any]
    ) -> AbstractContextManager[Connection]:
        if uid != os.getuid():
            return self._others.write(uid, object_name, detail)
        writing: AbstractContextManager[Connection] = self._call.write(object_name, detail)
        return writing

    def refused(self, uid: int, object_name: str, *, is_denied: bool) -> None:
        if uid != os.getuid():
            self._others.refused(uid, object_name, is_denied=is_denied)
            return
        outcome = "denied" if is_denied else "refused"
        self._call.note(outcome, object_name=object_name, detail={})
