"""How long measurements are kept, and their removal a little at a time.

Single looks at machines are not removed here: ``[retention]`` says when they move to archives.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from rediacc.storage.engine import Database

__all__ = ["KEPT", "SPAN", "forget_old"]

_HOUR = 3_600_000_000
SPAN = {60: 60_000_000, 300: 300_000_000, 3600: _HOUR}
"""How long a span of each resolution is, in microseconds."""

KEPT = {60: 24 * _HOUR, 300: 7 * 24 * _HOUR, 3600: 90 * 24 * _HOUR}
"""How long roll-ups of each resolution are kept, in microseconds."""

_AT_ONCE = 500
_KEYS = {
    "sample_rollup": "resolution, at, team, machine",
    "queue_sample": "resolution, at, team, level",
}
_OLD = {name: f"FROM {name} WHERE resolution = :resolution AND at < :limit" for name in _KEYS}
_HAS = {name: text(f"SELECT 1 {old} LIMIT 1") for name, old in _OLD.items()}
_DELETE = {
    name: text(
        f"DELETE FROM {name} WHERE ({_KEYS[name]}) IN (SELECT {_KEYS[name]} {old} LIMIT {_AT_ONCE})"
    )
    for name, old in _OLD.items()
}


def forget_old(database: Database, *, now: int) -> int:
    """Remove what is older than it is kept, some hundred rows a transaction; return how many."""
    removed = 0
    for resolution, kept in KEPT.items():
        values = {"resolution": resolution, "limit": now - kept}
        removed += _forget(database, "sample_rollup", values)
        removed += _forget(database, "queue_sample", values)
    return removed


def _forget(database: Database, table: str, values: Mapping[str, int]) -> int:
    with database.read() as connection:
        # Most often there is nothing, and then no writer has to wait.
        if connection.execute(_HAS[table], values).first() is None:
            return 0
    removed = 0
    while True:
        with database.write() as connection:
            number = connection.execute(_DELETE[table], values).rowcount
        removed += number
        if number < _AT_ONCE:
            return removed
