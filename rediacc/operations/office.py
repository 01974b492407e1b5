"""The one door to all operations: checked against the caller, audited, then answered."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rediacc.access.binding import check_own_home
from rediacc.access.identity import caller_of_process
from rediacc.access.standing import Standing, standing_of
from rediacc.audit.chain import append_entry
from rediacc.audit.checkpoint import remember_commits
from rediacc.errors import AccessDenied, InvalidInput, NotAuthenticated, RediaccError
from rediacc.operations.call import Call
from rediacc.operations.catalogue import OPERATIONS
from rediacc.operations.registry import Operation
from rediacc.settings import Settings, load_settings
from rediacc.storage.engine import Database, open_database
from rediacc.storage.schema import current_revision, head_revision, upgrade
from rediacc.times import micros, utc_now
from rediacc.values import Caller, Proof, Scope

__all__ = ["Office", "open_office"]


def open_office(home: Path, *, environment: Mapping[str, str], channel: str = "cli") -> Office:
    """Open `home` for whoever this process runs for.

    :raises AccessDenied: through sudo, and it is no home of the account.
    :raises InvalidInput: the settings cannot be meant.
    :raises DatabaseUnavailable: the database cannot be opened.
    """
    caller = caller_of_process(channel, environment)
    if caller.proof is Proof.SUDO:
        check_own_home(home)
    settings = load_settings(home, environment=environment)
    database = open_database(settings.database_url)
    remember_commits(database, settings.state_directory)
    if current_revision(database) != head_revision():
        upgrade(database)
    return Office(settings=settings, database=database, environment=environment, caller=caller)


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
        :raises TeamNotAsked: the operation is at fault; nothing was done.
        """
        operation = OPERATIONS.get(name)
        if operation is None or not isinstance(request, operation.request_type):
            raise InvalidInput(f"there is no operation {name!r} for {type(request).__name__}")
        standing = self._standing(name, request)
        call = Call(
            operation,
            settings=self.settings,
            database=self.database,
            environment=self.environment,
            caller=self.caller,
            standing=standing,
            catalogue=OPERATIONS,
        )
        try:
            if operation.scope is Scope.HOME:
                standing.check(name, operation.permission)
            else:
                standing.check_somewhere(name, operation.permission)
            answer = operation.function(call, request)
        except RediaccError as exc:
            self._note_refusal(call, operation, request, exc)
            raise
        if not call.is_noted and operation.is_audited(request):
            call.note("done", object_name=_object_of(request), detail={})
        if not call.is_noted:
            call.require_team()
        return answer

    def _note_refusal(
        self, call: Call, operation: Operation, request: Any, error: RediaccError
    ) -> None:
        is_denied = isinstance(error, AccessDenied)
        if is_denied or operation.is_audited(request):
            outcome = "denied" if is_denied else "refused"
            with contextlib.suppress(RediaccError):
                call.note(outcome, object_name=_object_of(request), detail={"why": error.code})

    def _standing(self, name: str, request: Any) -> Standing:
        """Return what the caller is here; somebody who is nobody leaves an entry all the same."""
        now = micros(utc_now())
        try:
            return standing_of(
                self.caller,
                home=self.settings.home,
                database=self.database,
                roles=self.settings.roles,
                now=now,
            )
        except (AccessDenied, NotAuthenticated) as exc:
            with contextlib.suppress(RediaccError), self.database.write() as connection:
                append_entry(
                    connection,
                    actor=self.caller.name,
                    channel=self.caller.channel,
                    operation=name,
                    object_name=_object_of(request),
                    outcome="denied",
                    detail={"why": exc.code},
                    now=now,
                )
            raise


def _object_of(request: Any) -> str:
    """Return what a request is about, as far as it names it: never its content."""
    for field in ("name", "id", "ids", "team", "machines", "named"):
        value = getattr(request, field, None)
        if value:
            shown = ", ".join(map(str, value[:20])) if isinstance(value, tuple) else str(value)
            return shown[:200]
    return ""
