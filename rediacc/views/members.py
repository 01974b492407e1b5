"""What operations on members and on the audit answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = [
    "AuditEntryView",
    "AuditPage",
    "AuditVerdict",
    "CallerView",
    "MemberChange",
    "MemberView",
    "PermissionView",
]


@dataclass(frozen=True, kw_only=True)
class MemberView:
    """A member.

    :param kind: ``account`` or ``token``.
    :param home_role: ``""``, ``auditor`` or ``owner``.
    :param teams: its role by team; ``*`` for every team that is not named.
    :param token: the token itself, once: when it was made.
    :param notes: what whoever made it should know.
    """

    name: str
    kind: str
    home_role: str
    teams: Mapping[str, str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None
    is_expired: bool
    token: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MemberChange(MemberView):
    """A member after a change, and what the change was or, in a dry run, would be.

    :param before: its ``home_role``, ``teams`` and ``expires_at``; ``None``: there was no such
        member. `after`: likewise.
    """

    changed: bool
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class PermissionView:
    """An operation and the roles that allow it.

    :param scope: ``team``: the role must be one in the team; ``home``: one of the whole home.
    """

    operation: str
    scope: str
    permission: str
    roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CallerView:
    """Who asks, as rediacc knows it.

    :param account: the account of the operating system that runs the process.
    :param proof: ``account``, ``sudo`` or ``token``.
    :param member: the member that the caller is listed as; ``None``: they own the home.
    :param is_bounded: whether the operating system keeps them from what their roles do not allow.
    """

    name: str
    account: str
    proof: str
    member: str | None
    home_role: str
    teams: Mapping[str, str]
    is_bounded: bool
    home: str


@dataclass(frozen=True, kw_only=True)
class AuditEntryView:
    """One entry of the hash chain, which covers all fields down to `previous`.

    :param before: what its detail says that it was before a change; ``None`` where nothing
        changed that has a value. `after`: the same after it.
    """

    seq: int
    at: datetime
    at_micros: int
    actor: str
    channel: str
    operation: str
    object: str
    outcome: str
    detail: Mapping[str, Any]
    previous: str
    hash: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """Some entries in the order of the chain; `after` names the last, for the next page."""

    entries: tuple[AuditEntryView, ...]
    after: int
    is_last: bool


@dataclass(frozen=True, kw_only=True)
class AuditVerdict:
    """Whether the chain is whole.

    :param problem: what is wrong; empty where nothing is.
    :param note: what could not be checked; empty where all could.
    :param first: the first entry that the database holds; those before lie in archives.
    :param checkpoint: ``HASH@SEQ`` of the last entry, to be kept elsewhere.
    """

    is_whole: bool
    problem: str
    note: str
    first: int
    last: int
    checkpoint: str
