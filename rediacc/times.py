"""Times as the database keeps them: whole microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["micros", "moment", "moment_or_none", "seconds", "utc_now"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def micros(when: datetime) -> int:
    """Return `when` (aware) as microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Return the aware UTC datetime for microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    """Like :func:`moment`, passing ``None`` on."""
    return None if value is None else moment(value)


def seconds(amount: float) -> int:
    """Return `amount` seconds as microseconds."""
    return round(amount * 1_000_000)
