"""Who set which secret when: kept in the database, because the files tell neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, text

from rediacc.values import SecretScope

__all__ = ["Note", "forget_secret", "forget_secrets", "note_secret", "read_notes"]

Note = tuple[int, str]
"""When, in microseconds since 1970, and who."""

_SET = text(
    "INSERT INTO secret_note (team, scope, name, set_at, set_by) "
    "VALUES (:team, :scope, :name, :now, :who) ON CONFLICT (team, scope, name) "
    "DO UPDATE SET set_at = excluded.set_at, set_by = excluded.set_by"
)
_FORGET = text("DELETE FROM secret_note WHERE team = :team AND scope = :scope AND name = :name")
_FORGET_ALL = text("DELETE FROM secret_note WHERE team = :team")
_READ = text("SELECT scope, name, set_at, set_by FROM secret_note WHERE team = :team")


def note_secret(
    call: Any, team: str, scope: SecretScope, name: str, *, now: int | None = None
) -> Callable[[Connection], None]:
    """Return the effect that notes that a secret was set, by the caller.

    :param now: when, in microseconds; ``None`` for the time of the effect.
    """
    row = {"team": team, "scope": str(scope), "name": name, "who": call.caller.name}

    def effect(connection: Connection) -> None:
        connection.execute(_SET, {**row, "now": call.now if now is None else now})

    return effect


def forget_secret(team: str, scope: SecretScope, name: str) -> Callable[[Connection], None]:
    """Return the effect that removes the note of a secret that is no more."""
    row = {"team": team, "scope": str(scope), "name": name}

    def effect(connection: Connection) -> None:
        connection.execute(_FORGET, row)

    return effect


def forget_secrets(team: str) -> Callable[[Connection], None]:
    """Return the effect that removes the notes of a team that is no more."""

    def effect(connection: Connection) -> None:
        connection.execute(_FORGET_ALL, {"team": team})

    return effect


def read_notes(connection: Connection, team: str) -> Mapping[tuple[str, str], Note]:
    """Return a team's notes by scope and name."""
    rows = connection.execute(_READ, {"team": team})
    return {(row.scope, row.name): (row.set_at, row.set_by) for row in rows}
