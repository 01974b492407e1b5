"""Bringing in what lies in the spools: once each, as whose it is, and only what they may.

A file stays until its play is in the database; one that can never be is put away with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound, RediaccError
from rediacc.history.plays import Play, read_play
from rediacc.history.spool import Spool, SpoolFile
from rediacc.history.teams import team_of_play
from rediacc.queue.played import (
    PlayedTask,
    add_rest,
    conclusion_of,
    find_played,
    record_played,
)
from rediacc.queue.requests import options_to_json
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.values import Reason

__all__ = ["Brought", "Ledger", "bring_in"]

_NEVER = (AccessDenied, Conflict, InvalidInput, NotFound)
_KILLED = "its process was killed: nobody knows how it ended"
_BROKEN_OFF = "Ansible ended before it told its results: it was interrupted, or met an error"


class Ledger(Protocol):
    """In whose name something is recorded."""

    def person(self, uid: int) -> str:
        """Return who the account with this number is here."""
        raise NotImplementedError

    def check_team(self, uid: int, team: str) -> None:
        """Pass when who ran the play may run tasks in `team`.

        :raises AccessDenied: they may not.
        """
        raise NotImplementedError

    def write(
        self, uid: int, object_name: str, detail: Mapping[str, Any]
    ) -> AbstractContextManager[Connection]:
        """Give one transaction that holds the record and its audit entry."""
        raise NotImplementedError

    def refused(self, uid: int, object_name: str, *, is_denied: bool) -> None:
        """Note in the audit that a play was not recorded."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What became of one file.

    :param task_id: the task that it is now; ``None`` where it was refused.
    :param why: why it was.
    """

    id: str
    task_id: int | None
    title: str = ""
    team: str = ""
    why: str = ""


def bring_in(
    spool: Spool,
    spool_id: str,
    ledger: Ledger,
    *,
    database: Database,
    settings: Settings,
    environment: Mapping[str, str],
    is_strict: bool = False,
) -> Brought | None:
    """Record the play of one file; ``None`` while it goes on, or where another has the file.

    :param is_strict: whether a refusal is raised, and the file stays.
    :raises DatabaseUnavailable: the file stays, for the next time.
    """
    with spool.opened(spool_id) as file:
        if file is None:
            return None
        title = ""
        try:
            play = read_play(file.records, home=str(settings.home), now=utc_now())
            title = play.title
            team = team_of_play(play, settings, environment=environment)
            ledger.check_team(file.uid, team)
            task = _task(play, file, team, ledger.person(file.uid))
            task_id = _record(task, file, ledger, database)
        except _NEVER as exc:
            if is_strict:
                raise
            is_denied = isinstance(exc, AccessDenied)
            ledger.refused(file.uid, f"play {spool_id}", is_denied=is_denied)
            spool.refuse(spool_id, f"a play was not recorded: {exc.message}{_hint(exc)}")
            return Brought(id=spool_id, task_id=None, title=title, why=exc.message)
        spool.remove(spool_id)
        return Brought(id=spool_id, task_id=task_id, title=title, team=team)


def _record(task: PlayedTask, file: SpoolFile, ledger: Ledger, database: Database) -> int:
    with database.read() as connection:
        found = find_played(connection, task)
    if found is None:
        state = conclusion_of(task).state.name.lower()
        detail = {"uid": task.uid, "team": task.team, "title": task.title, "outcome": state}
        with ledger.write(file.uid, f"play {task.uid}", detail) as connection:
            found = find_played(connection, task)
            if found is None:
                actor, now = task.created_by, micros(utc_now())
                task_id = record_played(connection, task, actor=actor, now=now)
            else:
                task_id = found.task_id
    else:
        task_id = found.task_id
    has_more = found is None or not found.is_archived
    while has_more:
        with database.write() as connection:
            has_more = add_rest(connection, task_id, task, now=micros(utc_now()))
    return task_id


def _task(play: Play, file: SpoolFile, team: str, person: str) -> PlayedTask:
    request: dict[str, Any] = {
        "text": play.text,
        "patterns": [],
        "limit": play.detail.get("limit"),
        "module_args": {},
        "options": options_to_json(play.options),
        "variables": {},
        "fingerprint": "",
        "secrets": {},
    }
    reason, message = None, ""
    if not play.is_whole:
        reason = Reason.INTERNAL if play.has_ended else Reason.LOST
        message = _BROKEN_OFF if play.has_ended else _KILLED
    return PlayedTask(
        uid=file.id,
        team=team,
        kind=play.kind,
        title=play.title,
        request=request,
        created_by=person,
        started_at=micros(play.started_at),
        ended_at=micros(play.ended_at),
        results=play.results,
        steps=play.steps,
        log=play.log,
        detail=play.detail,
        failure_reason=reason,
        message=message,
    )


def _hint(error: RediaccError) -> str:
    return f"; {error.hint}" if error.hint else ""
