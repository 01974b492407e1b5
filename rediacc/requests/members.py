"""What operations on members and on the audit take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = [
    "AuditExport",
    "AuditFilter",
    "AuditVerify",
    "MemberCreate",
    "MemberDelete",
    "MemberUpdate",
]


@dataclass(frozen=True, kw_only=True)
class MemberDelete:
    """``member.delete``.

    :param missing_ok: that there is no such member is no error.
    :param dry_run: say what would change, and change nothing.
    """

    name: str
    missing_ok: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class MemberCreate:
    """``member.create``: an account of this host, or a token.

    :param role: ``auditor`` or ``owner`` of the home, or a role in each of `teams`.
    :param all_teams: the role holds in every team that is not named, also in later ones.
    :param roles: roles by team, ``*`` for every team that is not named; beside `role`.
    :param token: it stands for a program that shows a token, not for an account.
    :param expires_in_seconds: how long it holds; ``None`` for ever. `expires_at`: until when.
    :param dry_run: say what would be made, and make nothing.
    """

    name: str
    role: str | None = None
    teams: tuple[str, ...] = ()
    all_teams: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    token: bool = False
    expires_in_seconds: float | None = None
    expires_at: datetime | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class MemberUpdate:
    """``member.update``: what is not given stays.

    :param roles: roles by team that are given, ``*`` for every team that is not named.
    :param purge_roles: all roles in other teams are taken away.
    :param remove_teams: teams in which the member loses its role; ``*`` the one for all teams.
    :param remove_home_role: the member is no longer auditor or owner.
    :param token: make a new token; the old one holds no longer.
    :param dry_run: say what would change, and change nothing.
    """

    name: str
    role: str | None = None
    teams: tuple[str, ...] = ()
    all_teams: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    purge_roles: bool = False
    remove_teams: tuple[str, ...] = ()
    remove_home_role: bool = False
    token: bool = False
    expires_in_seconds: float | None = None
    expires_at: datetime | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """``audit.list``; empty fields do not filter. The filter holds before the limit.

    :param operation: an operation's name, or ``noun.*``.
    :param object: what an entry is about, whole or its beginning up to a space or a slash.
    """

    actor: str | None = None
    operation: str | None = None
    object: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50


@dataclass(frozen=True, kw_only=True)
class AuditVerify:
    """``audit.verify``: recompute the chain.

    :param checkpoint: ``HASH@SEQ`` as somebody kept it elsewhere.
    """

    checkpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class AuditExport:
    """``audit.export``: entries in the order of the chain, a page at a time.

    :param after: the number of the last entry of the page before; ``None`` begins.
    """

    since: datetime | None = None
    after: int | None = None
