"""What somebody is in this home: how they are known, and their roles.

The account that owns the home, and root, are owners without being listed: whoever can act as them
can change the database and the files, whatever a table says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from rediacc.access.members import find_member, find_token, is_use_stale, mark_used
from rediacc.access.roles import HOME_ROLES, Role, roles_of
from rediacc.errors import AccessDenied, NotAuthenticated, RediaccError
from rediacc.settings.roles import RoleSettings
from rediacc.storage.engine import Database
from rediacc.values import Caller, Permission, Proof, Scope

__all__ = ["ALL_TEAMS", "Standing", "standing_of"]

ALL_TEAMS = "*"
_NOBODY = Role(name="no role")
_HINT = "rediacc list permissions shows what each role allows"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Who the caller is here and what they may do.

    :param name: the member's name; the account's where the account itself owns the home.
    :param proof: how they are known.
    :param member: the member that they are listed as; ``None`` for the owning account and root.
    :param home_role: ``""``, ``auditor`` or ``owner``.
    :param teams: their role by team; ``*`` stands for each team that is not named.
    :param known_roles: all roles that a member can have in a team.
    """

    name: str
    proof: Proof
    member: str | None = None
    home_role: str = ""
    teams: Mapping[str, Role] = field(default_factory=dict)
    known_roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def is_owner(self) -> bool:
        return self.home_role == "owner"

    @property
    def is_bounded(self) -> bool:
        """Whether only rediacc stands between them and the account that this process runs as."""
        return self.proof is Proof.SUDO and not self.is_owner

    def role_in(self, team: str) -> Role:
        """Return the role that was given for `team`; one that allows nothing where none was."""
        return self.teams.get(team) or self.teams.get(ALL_TEAMS) or _NOBODY

    def may(self, operation: str, permission: Permission, *, team: str | None = None) -> bool:
        """Say whether they may perform `operation` in `team`, or in the home without one."""
        scope = Scope.HOME if team is None else Scope.TEAM
        whole = HOME_ROLES.get(self.home_role, {}).get(scope)
        if whole is not None and whole.allows(operation, permission):
            return True
        if team is not None:
            return self.role_in(team).allows(operation, permission)
        return permission is Permission.READ and bool(self.teams or self.home_role)

    def reads_all(self, operation: str, permission: Permission) -> bool:
        """Say whether `operation` is theirs in every team, also in one that is gone."""
        whole = HOME_ROLES.get(self.home_role, {}).get(Scope.TEAM)
        return whole is not None and whole.allows(operation, permission)

    def check_somewhere(self, operation: str, permission: Permission) -> None:
        """Pass when there may be a team in which they may.

        :raises AccessDenied: none of their roles allows it anywhere.
        """
        if self.reads_all(operation, permission) or any(
            role.allows(operation, permission) for role in self.teams.values()
        ):
            return
        raise AccessDenied(
            f"{self.name} may not do {operation} in any team: it takes the role "
            f"{_listed([*self._able(operation, permission), 'owner'])}, and {self._has()}",
            hint=_HINT,
        )

    def check(self, operation: str, permission: Permission, *, team: str | None = None) -> None:
        """Pass when they may.

        :raises AccessDenied: they may not; the message says which role would do.
        """
        if self.may(operation, permission, team=team):
            return
        if team is None:
            doing = _listed([r for r in HOME_ROLES if self._does_home(r, operation, permission)])
            needed, place = f"the role {doing} of the home", ""
        else:
            able = self._able(operation, permission)
            needed, place = f"the role {_listed([*able, 'owner'])}", f" in team {team}"
        raise AccessDenied(
            f"{self.name} may not do {operation}{place}: it takes {needed}, and {self._has(team)}",
            hint=_HINT,
        )

    def _able(self, operation: str, permission: Permission) -> list[str]:
        roles = self.known_roles.values()
        return [role.name for role in roles if role.allows(operation, permission)]

    def _has(self, team: str | None = None) -> str:
        """Say what they have, in the team or anywhere."""
        roles = self.teams.values() if team is None else [self.role_in(team)]
        names = sorted({role.name for role in roles if role is not _NOBODY})
        if self.home_role:
            names.insert(0, self.home_role)
        return f"{self.name} has {' and '.join(names) or 'none'}"

    @staticmethod
    def _does_home(role: str, operation: str, permission: Permission) -> bool:
        return HOME_ROLES[role][Scope.HOME].allows(operation, permission)


def standing_of(
    caller: Caller,
    *,
    home: Path,
    database: Database,
    roles: Mapping[str, RoleSettings],
    now: int,
) -> Standing:
    """Return what `caller` is in `home`.

    :param now: in microseconds.
    :raises AccessDenied: they are nobody here.
    :raises NotAuthenticated: their token is wrong, expired or deleted.
    """
    if os.geteuid() != os.getuid():
        # A setuid program, which rediacc must never be part of.
        raise AccessDenied("refused under a changed effective uid")
    known = roles_of(roles)
    if caller.token_hash is not None:
        with database.read() as connection:
            row = find_token(connection, caller.token_hash)
        if row is None or _is_over(row, now):
            raise NotAuthenticated(
                "the token in REDIACC_TOKEN is wrong, expired or deleted",
                hint="an owner makes one with rediacc create member NAME --token",
            )
        # Through sudo the process has another account's rights, whoever the token is.
        proof = Proof.SUDO if caller.proof is Proof.SUDO else Proof.TOKEN
        _note_use(database, row, now)
        return _listed_member(row, known, proof)
    owner = home.stat().st_uid
    if caller.proof is Proof.ACCOUNT:
        if caller.uid in (0, owner):
            return Standing(
                name=caller.name, proof=caller.proof, home_role="owner", known_roles=known
            )
        raise AccessDenied(
            f"{caller.name} may do nothing here: the home {home} belongs to uid {owner}",
            hint=f"run it as that account, for example with sudo -u '#{owner}'",
        )
    with database.read() as connection:
        row = find_member(connection, caller.name)
    if row is None or row.kind != "account":
        raise AccessDenied(
            f"{caller.name} is no member of this home",
            hint=f"an owner adds them: rediacc create member {caller.name} --role ROLE --team TEAM",
        )
    if _is_over(row, now):
        raise AccessDenied(f"{caller.name} is no member of this home any more: it expired")
    _note_use(database, row, now)
    return _listed_member(row, known, caller.proof)


def _is_over(row: Row[Any], now: int) -> bool:
    return row.expires_at is not None and row.expires_at <= now


def _note_use(database: Database, row: Row[Any], now: int) -> None:
    if not is_use_stale(row, now=now):
        return
    # Knowing when is worth no refusal: a database that is busy for long says so by itself.
    with contextlib.suppress(RediaccError), database.write() as connection:
        mark_used(connection, row, now=now)


def _listed_member(row: Row[Any], known: Mapping[str, Role], proof: Proof) -> Standing:
    return Standing(
        name=row.name,
        proof=proof,
        member=row.name,
        home_role=row.home_role,
        # A role that rediacc.toml no longer defines allows nothing.
        teams={team: known.get(role, Role(name=role)) for team, role in row.teams.items()},
        known_roles=known,
    )


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"
