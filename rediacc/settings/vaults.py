"""How a team's vault is unlocked: ``[teams.NAME.vault]`` of ``rediacc.toml``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from rediacc.settings.reader import Reader

__all__ = ["VaultSettings", "read_vault"]

_KEYS = {"id", "key_command", "key_timeout"}


@dataclass(frozen=True, kw_only=True)
class VaultSettings:
    """One ``[teams.NAME.vault]`` table.

    :param id: a vault id that the repository has, with which this team's files are written;
        ``None`` takes the team's own, else what fits best of what the repository has.
    :param key_command: prints the team's key: program and arguments, no shell; empty for a key
        in ``.rediacc/keys/``.
    :param key_timeout_seconds: how long the command may take.
    """

    id: str | None = None
    key_command: tuple[str, ...] = ()
    key_timeout_seconds: float = 30.0


def read_vault(reader: Reader, team: dict[str, Any], where: str) -> VaultSettings:
    """Return the ``vault`` table of a team's table.

    :param where: the team's table by its full name, ``teams.prod``.
    :raises InvalidInput: it cannot be meant.
    """
    where = f"{where}.vault"
    table = team.get("vault", {})
    if not isinstance(table, dict):
        raise reader.bad(where, "is no table")
    reader.known(where, table, _KEYS)
    name = reader.text(table, f"{where}.id", None)
    if name is not None and (not name or not name.isprintable() or "@" in name or ";" in name):
        raise reader.bad(f"{where}.id", "is no vault id")
    text = reader.text(table, f"{where}.key_command", None)
    if name is not None and text is not None:
        raise reader.bad(where, "names id and key_command: give one")
    try:
        command = tuple(shlex.split(text)) if text is not None else ()
    except ValueError as exc:
        raise reader.bad(f"{where}.key_command", f"is not well quoted: {exc}") from exc
    if text is not None and not command:
        raise reader.bad(f"{where}.key_command", "is empty")
    return VaultSettings(
        id=name,
        key_command=command,
        key_timeout_seconds=reader.number(table, f"{where}.key_timeout", 30, low=1, high=600),
    )
