"""Operations on the audit, and what each role allows."""

from __future__ import annotations

from typing import Any

from rediacc.access.roles import HOME_ROLES
from rediacc.audit.checkpoint import parse_checkpoint
from rediacc.audit.reading import list_entries, page_of
from rediacc.audit.verify import verify_chain
from rediacc.errors import InvalidInput
from rediacc.requests import AuditExport, AuditFilter, AuditVerify, Nothing
from rediacc.times import micros
from rediacc.values import Permission, Scope
from rediacc.views import AuditEntryView, AuditPage, AuditVerdict, PermissionView

__all__ = ["export", "list_all", "list_permissions", "verify"]

_MOST_LISTED = 100_000
_PAGE = 1000


def list_all(call: Any, request: AuditFilter) -> tuple[AuditEntryView, ...]:
    """``audit.list``: the entries that fit, newest first; the filter holds before the limit."""
    if not 1 <= request.limit <= _MOST_LISTED:
        raise InvalidInput(f"--limit {request.limit}: must be from 1 to {_MOST_LISTED}")
    with call.database.read() as connection:
        return list_entries(connection, request)


def verify(call: Any, request: AuditVerify) -> AuditVerdict:
    """``audit.verify``: recompute every hash and compare the chain's end with what was kept."""
    kept = None if request.checkpoint is None else parse_checkpoint(request.checkpoint)
    with call.database.read() as connection:
        verdict = verify_chain(connection, call.settings.state_directory, kept=kept)
    return AuditVerdict(
        is_whole=not verdict.problem,
        problem=verdict.problem,
        note=verdict.note,
        first=verdict.first,
        last=verdict.end.seq,
        checkpoint=str(verdict.end),
    )


def export(call: Any, request: AuditExport) -> AuditPage:
    """``audit.export``: a page of entries with their hashes, in the order of the chain."""
    after = request.after or 0
    since = None if request.since is None else micros(request.since)
    with call.database.read() as connection:
        entries = page_of(connection, after=after, since=since, count=_PAGE)
    last = entries[-1].seq if entries else after
    return AuditPage(entries=entries, after=last, is_last=len(entries) < _PAGE)


def list_permissions(call: Any, _request: Nothing) -> tuple[PermissionView, ...]:
    """``permission.list``: each operation and the roles that allow it."""
    views = []
    for operation in sorted(call.catalogue.values(), key=lambda one: str(one.name)):
        name, permission = operation.name, operation.permission
        roles = [
            role for role, by in HOME_ROLES.items() if by[operation.scope].allows(name, permission)
        ]
        known = call.standing.known_roles.values()
        if operation.scope is Scope.TEAM:
            roles = [*(role.name for role in known if role.allows(name, permission)), *roles]
        elif permission is Permission.READ:
            roles = [*(role.name for role in known), *roles]  # any role anywhere
        views.append(
            PermissionView(
                operation=name,
                scope=str(operation.scope),
                permission=str(permission),
                roles=tuple(roles),
            )
        )
    return tuple(views)
