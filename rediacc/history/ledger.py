"""Records in the name of the account that a spool's file belongs to, for who clears up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from rediacc.access.identity import account_name
from rediacc.access.standing import standing_of
from rediacc.audit.chain import append_entry
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.values import Caller, Permission

__all__ = ["OPERATION", "OwnLedger"]

OPERATION = "history.record"


class OwnLedger:
    """Each play is recorded as its own account's, and where that may run tasks.

    :param channel: through whom, for the audit.
    """

    def __init__(self, *, database: Database, settings: Settings, channel: str) -> None:
        self._database = database
        self._settings = settings
        self._channel = channel

    def person(self, uid: int) -> str:
        """Return the account's name."""
        return account_name(uid)

    def check_team(self, uid: int, team: str) -> None:
        """Pass when the account may run tasks in `team`.

        :raises AccessDenied: it may not.
        """
        name = account_name(uid)
        standing = standing_of(
            Caller(name=name, uid=uid, channel=self._channel, account=name),
            home=self._settings.home,
            database=self._database,
            roles=self._settings.roles,
            now=micros(utc_now()),
        )
        standing.check(OPERATION, Permission.RUN, team=team)

    @contextlib.contextmanager
    def write(self, uid: int, object_name: str, detail: Mapping[str, Any]) -> Iterator[Connection]:
        """Give one transaction that holds the record and its audit entry."""
        with self._database.write() as connection:
            yield connection
            self._note(connection, uid, "done", object_name, detail)

    def refused(self, uid: int, object_name: str, *, is_denied: bool) -> None:
        """Note in the audit that a play was not recorded."""
        with self._database.write() as connection:
            outcome = "denied" if is_denied else "refused"
            self._note(connection, uid, outcome, object_name, {})

    def _note(
        self,
        connection: Connection,
        uid: int,
        outcome: str,
        object_name: str,
        detail: Mapping[str, Any],
    ) -> None:
        append_entry(
            connection,
            actor=account_name(uid),
            channel=self._channel,
            operation=OPERATION,
            object_name=object_name,
            outcome=outcome,
            detail=detail,
            now=micros(utc_now()),
        )
