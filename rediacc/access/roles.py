"""Roles: which operations each allows, and up to which level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rediacc.settings.roles import RoleSettings
from rediacc.values import Permission, Scope

__all__ = ["HOME_ROLES", "TEAM_ROLES", "Role", "roles_of"]

_VIEWER = frozenset({Permission.READ})
_OPERATOR = _VIEWER | {Permission.RUN}
_MAINTAINER = _OPERATOR | {Permission.MANAGE}


@dataclass(frozen=True, kw_only=True)
class Role:
    """What somebody who has it may do.

    :param permissions: what a role that rediacc brings is made of.
    :param operations: what a role of ``rediacc.toml`` is made of, patterns included.
    :param highest_priority: the highest level that it may give a task; ``None`` for no limit.
    """

    name: str
    permissions: frozenset[Permission] = frozenset()
    operations: tuple[str, ...] = ()
    highest_priority: int | None = None

    def allows(self, operation: str, permission: Permission) -> bool:
        """Say whether it allows `operation`, which needs `permission`."""
        noun = operation.partition(".")[0]
        return permission in self.permissions or any(
            pattern in ("*", f"{noun}.*", operation) for pattern in self.operations
        )


TEAM_ROLES = {
    name: Role(name=name, permissions=permissions)
    for name, permissions in (
        ("viewer", _VIEWER),
        ("operator", _OPERATOR),
        ("maintainer", _MAINTAINER),
    )
}

# What a role of the whole home allows in the home, and in each of its teams.
HOME_ROLES: Mapping[str, Mapping[Scope, Role]] = {
    "auditor": {
        Scope.HOME: Role(name="auditor", permissions=_VIEWER | {Permission.AUDIT}),
        Scope.TEAM: Role(name="auditor", permissions=_VIEWER | {Permission.AUDIT}),
    },
    "owner": {
        Scope.HOME: Role(name="owner", permissions=frozenset(Permission)),
        Scope.TEAM: Role(name="owner", permissions=frozenset(Permission)),
    },
}


def roles_of(custom: Mapping[str, RoleSettings]) -> Mapping[str, Role]:
    """Return the roles that a member can have in a team: rediacc's and the home's own."""
    own = {
        role.name: Role(
            name=role.name, operations=role.operations, highest_priority=role.highest_priority
        )
        for role in custom.values()
    }
    return {**TEAM_ROLES, **own}
