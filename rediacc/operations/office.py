"""The one door to all operations: checked against the caller, audited, then answered."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from rediacc.access.permissions import authorize
from rediacc.audit.chain import append_entry
from rediacc.errors import AccessDenied, InvalidInput, RediaccError
from rediacc.operations.catalogue import OPERATIONS
from rediacc.queue.rules import QueueRules, rules_of
from rediacc.settings import Settings, TeamSettings, load_settings
from rediacc.storage.engine import Database, open_database
from rediacc.storage.schema import current_revision, head_revision, upgrade
from rediacc.times import micros, seconds, utc_now
from rediacc.values import Caller

__all__ = ["Call", "Office", "open_office"]


def open_office(home: Path, *, environment: Mapping[str, str], channel: str = "cli") -> Office:
    """Open `home` for the operating system's account that this process runs as.

    :raises InvalidInput: the settings cannot be meant.
    :raises DatabaseUnavailable: the database cannot be opened.
    """
    settings = load_settings(home, environment=environment)
    database = open_database(settings.database_url)
    if current_revision(database) != head_revision():
        upgrade(database)
    return Office(
        settings=settings,
        database=database,
        environment=environment,
        caller=caller_of_process(channel),
    )


def caller_of_process(channel: str) -> Caller:
    """Return who runs this process: by its real uid, never by a name in the environment."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Caller(name=name, uid=uid, channel=channel)


class Office:
    """Performs operations for one caller in one home."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        environment: Mapping[str, str],
        caller: Caller,
    ) -> None:
        self.settings = settings
        self.database = database
        self.environment = environment
        self.caller = caller

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.database.close()

    def perform(self, name: str, request: Any) -> Any:
        """Perform operation `name`; allowed or denied, done or refused, the audit notes it.

        :raises RediaccError: as the operation says.
        """
        operation = OPERATIONS.get(name)
        if operation is None or not isinstance(request, operation.request_type):
            raise InvalidInput(f"there is no operation {name!r} for {type(request).__name__}")
        call = Call(self, name)
        try:
            authorize(self.caller, name, home=self.settings.home)
            answer = operation.function(call, request)
        except RediaccError as exc:
            is_denied = isinstance(exc, AccessDenied)
            if is_denied or operation.is_audited(request):
                outcome = "denied" if is_denied else "refused"
                with contextlib.suppress(RediaccError):
                    call.note(outcome, object_name=_object_of(request), detail={"why": exc.code})
            raise
        if not call.is_noted and operation.is_audited(request):
            call.note("done", object_name=_object_of(request), detail={})
        return answer


class Call:
    """One call of an operation: what its function may use, and its entry in the audit."""

    def __init__(self, office: Office, name: str) -> None:
        self.settings = office.settings
        self.database = office.database
        self.environment = office.environment
        self.caller = office.caller
        self.name = name
        self.is_noted = False

    @property
    def rules(self) -> QueueRules:
        """The queue's rules in this home."""
        return rules_of(self.settings)

    @property
    def now(self) -> int:
        """The present time in microseconds."""
        return micros(utc_now())

    @property
    def live_since(self) -> int:
        """Since when a worker must have beaten to count as alive, in microseconds."""
        return self.now - seconds(self.settings.lease_seconds)

    def for_team(self, name: str) -> TeamSettings:
        """Return team `name`, when the caller may perform this operation there.

        :raises NotFound: no such team.
        :raises AccessDenied: the caller has no role in it that allows this.
        """
        return self.settings.team(name)

    @contextlib.contextmanager
    def write(self, object_name: str, detail: Mapping[str, Any]) -> Iterator[Connection]:
        """One transaction that holds the operation's effect and its audit entry."""
        with self.database.write() as connection:
            yield connection
            self._append(connection, "done", object_name=object_name, detail=detail)
        self.is_noted = True

    def note(self, outcome: str, *, object_name: str, detail: Mapping[str, Any]) -> int:
        """Write an audit entry in a transaction of its own; return its number."""
        with self.database.write() as connection:
            number = self._append(connection, outcome, object_name=object_name, detail=detail)
        self.is_noted = True
        return number

    def _append(
        self, connection: Connection, outcome: str, *, object_name: str, detail: Mapping[str, Any]
    ) -> int:
        return append_entry(
            connection,
            actor=self.caller.name,
            channel=self.caller.channel,
            operation=self.name,
            object_name=object_name,
            outcome=outcome,
            detail=detail,
            now=self.now,
        )


def _object_of(request: Any) -> str:
    """Return what a request is about, as far as it names it: never its content."""
    for field in ("name", "id", "ids", "team", "machines", "named"):
        value = getattr(request, field, None)
        if value:
            shown = ", ".join(map(str, value[:20])) if isinstance(value, tuple) else str(value)
            return shown[:200]
    return ""
