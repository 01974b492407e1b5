"""Roles that a home defines itself: ``[roles.NAME]`` in ``rediacc.toml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rediacc.settings.reader import Reader

__all__ = ["RESERVED_ROLES", "RoleSettings", "read_roles"]

RESERVED_ROLES = ("viewer", "operator", "maintainer", "auditor", "owner")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_PATTERN = re.compile(r"\*|[a-z_]+\.(\*|[a-z_]+)")


@dataclass(frozen=True, kw_only=True)
class RoleSettings:
    """One ``[roles.NAME]`` table.

    :param operations: names of operations, ``noun.*`` or ``*``.
    :param highest_priority: the highest level that the role may give a task (1 is the highest);
        ``None`` for no limit.
    """

    name: str
    operations: tuple[str, ...]
    highest_priority: int | None = None


def read_roles(reader: Reader) -> Mapping[str, RoleSettings]:
    """Return the home's own roles by name.

    :raises InvalidInput: a table cannot be meant.
    """
    roles = {}
    for name, table in reader.table("roles").items():
        where = f"roles.{name}"
        if not isinstance(table, dict):
            raise reader.bad(where, "is no table")
        if not _NAME.fullmatch(name):
            raise reader.bad(where, "is no role name: lower-case letters, digits, - and _")
        if name in RESERVED_ROLES:
            raise reader.bad(where, "is a role that rediacc brings: choose another name")
        reader.known(where, table, {"operations", "highest_priority"})
        operations = reader.texts(table, f"{where}.operations")
        if not operations:
            raise reader.bad(f"{where}.operations", "is missing: name at least one operation")
        for pattern in operations:
            if not _PATTERN.fullmatch(pattern):
                raise reader.bad(
                    f"{where}.operations",
                    f'holds {pattern!r}: must be like "task.create", "task.*" or "*"',
                )
        highest = None
        if "highest_priority" in table:
            number = reader.number(table, f"{where}.highest_priority", 3, low=1, high=5)
            if number != int(number):
                raise reader.bad(f"{where}.highest_priority", "must be a level from 1 to 5")
            highest = int(number)
        roles[name] = RoleSettings(name=name, operations=operations, highest_priority=highest)
    return roles
