"""One call of an operation: what its function may use, what it may touch, its audit entry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from sqlalchemy import Connection

from rediacc.access.standing import ALL_TEAMS, Standing
from rediacc.audit.chain import append_entry
from rediacc.errors import AccessDenied
from rediacc.operations.registry import Operation
from rediacc.queue.rules import QueueRules, rules_of
from rediacc.settings import Settings, TeamSettings
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now
from rediacc.values import Caller, Permission, Scope

__all__ = ["Call", "Gate", "TeamNotAsked"]


class TeamNotAsked(Exception):
    """An operation on teams had an effect or an answer without having asked for any team.

    It is a fault of the operation's function, not of the caller: nothing was done.
    """


class Gate(Protocol):
    """What decides whether the caller may do something in a team."""

    def for_team(self, name: str) -> TeamSettings:
        """Return the team, when the caller may perform this operation there."""
        raise NotImplementedError

    def check_level(self, team: str, level: int) -> None:
        """Pass when the caller may give a task of `team` this level."""
        raise NotImplementedError

    def is_bounded(self, team: str) -> bool:
        """Say whether the caller's tasks in `team` must not act as the account that runs them."""
        raise NotImplementedError

    @property
    def home_settings(self) -> Settings:
        """The settings with all teams, also those that the caller does not see."""
        raise NotImplementedError


class Call:
    """One call of an operation by one caller.

    `settings` holds only the teams in which the caller may perform the operation, so that what
    looks over all of them sees no other.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        settings: Settings,
        database: Database,
        environment: Mapping[str, str],
        caller: Caller,
        standing: Standing,
        catalogue: Mapping[str, Operation],
    ) -> None:
        self.database = database
        self.environment = environment
        self.caller = replace(caller, name=standing.name)
        self.standing = standing
        self.catalogue = catalogue
        self.name = operation.name
        self.is_noted = False
        self._concern: str | None = None
        self._operation = operation
        self._all_settings = settings
        self._has_asked = operation.scope is Scope.HOME
        self.settings = replace(
            settings,
            teams={name: team for name, team in settings.teams.items() if self._may(name)},
        )

    @property
    def rules(self) -> QueueRules:
        """The queue's rules in this home."""
        return rules_of(self._all_settings)

    @property
    def now(self) -> int:
        """The present time in microseconds."""
        return micros(utc_now())

    @property
    def live_since(self) -> int:
        """Since when a worker must have beaten to count as alive, in microseconds."""
        return self.now - seconds(self.settings.lease_seconds)

    # -- which teams

    def for_team(self, name: str) -> TeamSettings:
        """Return team `name`, when the caller may perform this operation there.

        :raises AccessDenied: the caller has no role in it that allows this, whether it exists or
            not.
        :raises NotFound: no such team.
        """
        self.check_team(name)
        return self._all_settings.team(name)

    def check_team(self, name: str) -> None:
        """Pass when the caller may perform this operation in `name`, a team that may be gone.

        For what the database holds of a team that ``rediacc.toml`` names no more.

        :raises AccessDenied: they may not.
        """
        self._has_asked = True
        if not self._may(name):
            self.standing.check(self.name, self._operation.permission, team=name)

    def require_owner(self, what: str) -> None:
        """Pass when the caller owns the home; for what concerns more than single teams.

        :raises AccessDenied: they do not.
        """
        self._has_asked = True
        if not self.standing.is_owner:
            raise AccessDenied(
                f"{self.caller.name} may not {what}: it takes the role owner of the home"
            )

    def visible_teams(self) -> tuple[TeamSettings, ...]:
        """Return the teams in which the caller may perform this operation."""
        self._has_asked = True
        return tuple(self.settings.teams.values())

    def team_filter(self) -> tuple[str, ...] | None:
        """Return to which teams a list is cut; ``None``: to none, the caller sees gone ones too."""
        self._has_asked = True
        if self._sees_all():
            return None
        # A role may have been given by name in a team that is gone: what it left is still theirs.
        named = (team for team in self.standing.teams if team != ALL_TEAMS and self._may(team))
        return tuple(dict.fromkeys([*self.settings.teams, *named]))

    def check_level(self, team: str, level: int) -> None:
        """Pass when the caller may give a task of `team` the level `level`.

        :raises AccessDenied: their role there goes up to a lower level.
        """
        highest = self.standing.role_in(team).highest_priority
        if self.standing.is_owner or highest is None or level >= highest:
            return
        raise AccessDenied(
            f"{self.caller.name} may not give a task of team {team} priority {level}: "
            f"the role {self.standing.role_in(team).name} goes up to {highest}"
        )

    def is_bounded(self, team: str) -> bool:
        """Say whether the caller's tasks in `team` must not act as the account that runs them."""
        role = self.standing.role_in(team)
        return self.standing.is_bounded and Permission.MANAGE not in role.permissions

    @property
    def home_settings(self) -> Settings:
        """The settings with all teams; only to find out which team something concerns."""
        return self._all_settings

    def _sees_all(self) -> bool:
        return self.standing.reads_all(self.name, self._operation.permission)

    def _may(self, team: str) -> bool:
        needs_home_role = self._operation.permission is not Permission.READ
        if self._operation.scope is Scope.HOME and needs_home_role:
            # The home's role was checked before the function began; it holds for its teams.
            return True
        return self.standing.may(self.name, self._operation.permission, team=team)

    # -- what is written

    @contextlib.contextmanager
    def write(self, object_name: str, detail: Mapping[str, Any]) -> Iterator[Connection]:
        """One transaction that holds the operation's effect and its audit entry."""
        with self.database.write() as connection:
            self._concern = None
            yield connection
            self.require_team()
            about = self._concern or object_name
            self._append(connection, "done", object_name=about, detail=detail)
        self.is_noted = True

    def concerns(self, object_name: str) -> None:
        """Name what the present :meth:`write` is about, where only its block finds that out."""
        self._concern = object_name

    def note(self, outcome: str, *, object_name: str, detail: Mapping[str, Any]) -> int:
        """Write an audit entry in a transaction of its own; return its number."""
        if outcome not in ("refused", "denied"):
            self.require_team()
        with self.database.write() as connection:
            number = self._append(connection, outcome, object_name=object_name, detail=detail)
        self.is_noted = True
        return number

    def require_team(self) -> None:
        """Pass when the function asked for the teams that it concerns.

        :raises TeamNotAsked: it did not.
        """
        if not self._has_asked:
            raise TeamNotAsked(f"{self.name} asked for no team: nothing was done")

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
