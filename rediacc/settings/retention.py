"""``[retention]``: how long what is over stays in the database before it moves to archives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rediacc.durations import parse_duration
from rediacc.errors import InvalidInput
from rediacc.settings.reader import Reader

__all__ = ["RETAINED", "Retention", "read_retention"]

NEVER = "never"
_DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Seconds for each sort; ``None`` leaves it in the database for ever.

    :param tasks: finished tasks with all that belongs to them, from their end.
    :param samples: single looks at machines; what is rolled up of them stays.
    :param audit: entries of the audit.
    """

    tasks: float | None = 90 * _DAY
    samples: float | None = _DAY
    audit: float | None = 365 * _DAY

    def of(self, sort: str) -> float | None:
        """Return the seconds for one of :data:`RETAINED`."""
        seconds: float | None = getattr(self, sort)
        return seconds


RETAINED = ("tasks", "samples", "audit")


def read_retention(reader: Reader) -> Retention:
    """Read the table ``[retention]``.

    :raises InvalidInput: a key is unknown, or a value is neither a duration nor ``never``.
    """
    table = reader.table("retention")
    reader.known("retention", table, set(RETAINED))
    default = Retention()
    return Retention(**{sort: _seconds(reader, table, sort, default.of(sort)) for sort in RETAINED})


def _seconds(
    reader: Reader, table: dict[str, Any], sort: str, default: float | None
) -> float | None:
    where = f"retention.{sort}"
    if sort not in table:
        return default
    text = reader.text(table, where, None) if isinstance(table[sort], str) else None
    if text == NEVER:
        return None
    try:
        seconds = parse_duration(text or "")
    except InvalidInput as exc:
        raise reader.bad(where, 'must be a duration such as "90d", or "never"') from exc
    if seconds < 1:
        raise reader.bad(where, "must be at least a second")
    return seconds
