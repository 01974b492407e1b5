"""Reading the audit: lists for people, pages for an export."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from rediacc.requests import AuditFilter
from rediacc.storage.tables.work import AuditEntry
from rediacc.times import micros, moment
from rediacc.views import AuditEntryView

__all__ = ["list_entries", "page_of"]

_A = AuditEntry.__table__  # type: ignore[attr-defined]


def list_entries(connection: Connection, wanted: AuditFilter) -> tuple[AuditEntryView, ...]:
    """Return the entries that fit `wanted`, newest first."""
    query = select(_A)
    if wanted.actor is not None:
        query = query.where(_A.c.actor == wanted.actor)
    if wanted.outcome is not None:
        query = query.where(_A.c.outcome == wanted.outcome)
    if wanted.operation is not None:
        query = query.where(_fits_operation(wanted.operation))
    if wanted.object is not None:
        query = query.where(_fits_object(wanted.object))
    if wanted.since is not None:
        query = query.where(_A.c.at >= micros(wanted.since))
    if wanted.until is not None:
        query = query.where(_A.c.at < micros(wanted.until))
    rows = connection.execute(query.order_by(_A.c.seq.desc()).limit(wanted.limit))
    return tuple(_view(row) for row in rows)


def page_of(
    connection: Connection, *, after: int, since: int | None, count: int
) -> tuple[AuditEntryView, ...]:
    """Return at most `count` entries after number `after`, in the order of the chain.

    :param since: only entries from this time on, in microseconds, and all that follow the first
        of them: an export without gaps can be verified.
    """
    query = select(_A).where(_A.c.seq > after)
    if since is not None:
        first = select(func.min(_A.c.seq)).where(_A.c.at >= since).scalar_subquery()
        query = query.where(_A.c.seq >= first)
    return tuple(_view(row) for row in connection.execute(query.order_by(_A.c.seq).limit(count)))


def _fits_operation(wanted: str) -> Any:
    noun, _separator, verb = wanted.rpartition(".")
    if verb == "*" and noun:
        return _A.c.operation.startswith(f"{noun}.", autoescape=True)
    return _A.c.operation == wanted


def _fits_object(wanted: str) -> Any:
    """An entry is about ``machine prod/web-01``: the whole, its kind, or its name find it."""
    return or_(
        _A.c.object == wanted,
        _A.c.object.startswith(f"{wanted} ", autoescape=True),
        _A.c.object.startswith(f"{wanted}/", autoescape=True),
        _A.c.object.endswith(f" {wanted}", autoescape=True),
        _A.c.object.endswith(f"/{wanted}", autoescape=True),
    )


def _view(row: Row[Any]) -> AuditEntryView:
    return AuditEntryView(
        seq=row.seq,
        at=moment(row.at),
        at_micros=row.at,
        actor=row.actor,
        channel=row.channel,
        operation=row.operation,
        object=row.object,
        outcome=row.outcome,
        detail=row.detail,
        previous=row.previous,
        hash=row.hash,
        before=row.detail.get("before"),
        after=row.detail.get("after"),
    )
