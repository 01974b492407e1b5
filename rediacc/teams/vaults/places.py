"""Where the parts of a team's vault lie, and what its secrets may be called."""

from __future__ import annotations

import re
from pathlib import Path

from rediacc.errors import InvalidInput
from rediacc.settings import Settings
from rediacc.teams.names import check_variable
from rediacc.values import SecretScope

__all__ = [
    "MOST_BYTES",
    "SSH_KEY",
    "check_name",
    "check_value",
    "key_path",
    "known_hosts_path",
    "private_path",
    "public_key_path",
]

SSH_KEY = "ssh_private_key"
"""The private secret with which teams of ``ssh = "vault"`` log in."""

MOST_BYTES = 64 << 10
_PRIVATE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


def key_path(settings: Settings, team: str) -> Path:
    """Return where the key of a team lies that no command keeps: private, out of git."""
    return settings.state_directory / "keys" / team


def private_path(settings: Settings, team: str) -> Path:
    """Return the file of the secrets that no playbook reads."""
    return settings.home / "vaults" / team / "secrets.yml"


def public_key_path(settings: Settings, team: str) -> Path:
    """Return the file of the public half of the team's SSH key."""
    return settings.home / "vaults" / team / "ssh_key.pub"


def known_hosts_path(settings: Settings, team: str) -> Path:
    """Return the known_hosts file of a team that logs in with a key from its vault."""
    return settings.home / "vaults" / team / "known_hosts"


def check_name(name: str, scope: SecretScope) -> str:
    """Return `name` when a secret of `scope` may be called so.

    :raises InvalidInput: it may not. The message repeats nothing after a ``=``.
    """
    if "=" in name:
        raise InvalidInput(
            "a secret's value is never an argument: others on this host can read arguments",
            hint="leave it out to be asked for it, or give --file FILE, or --file - for a pipe",
        )
    if scope is SecretScope.VARS:
        return check_variable(name)
    if not _PRIVATE_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name for a secret", hint="letters, digits, '_', '-' and '.'"
        )
    return name


def check_value(value: str, name: str) -> str:
    """Return `value` when it can be kept, and come back, as it is.

    :raises InvalidInput: it is empty, too long, or no plain text.
    """
    if not value:
        raise InvalidInput(f"the value of {name} is empty: nothing was written")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise InvalidInput(f"the value of {name} is no UTF-8 text") from exc
    if size > MOST_BYTES:
        raise InvalidInput(f"the value of {name} is larger than {MOST_BYTES >> 10} KiB")
    if "\0" in value:
        raise InvalidInput(f"the value of {name} holds a NUL byte")
    return value
