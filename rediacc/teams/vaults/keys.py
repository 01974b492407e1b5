"""A team's own key: made at random, kept in a private file or by a command.

Only generated keys: ansible-vault derives what it encrypts with in 10,000 rounds, which is no
protection for a word that a person can remember.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping

from rediacc.errors import RediaccError, VaultError
from rediacc.settings import Settings
from rediacc.teams.ansible_command import run_environment
from rediacc.teams.changes import FileChange
from rediacc.teams.probes import error_line, run_probe
from rediacc.teams.vaults.places import key_path

__all__ = ["has_own_key", "key_in_file", "key_keeper", "make_key", "own_key", "plan_key"]

_KEY_BYTES = 32
_MOST_BYTES = 64 << 10


def has_own_key(settings: Settings, team: str) -> bool:
    """Whether the team has a key of its own, beside what the repository has."""
    if settings.team(team).vault.key_command:
        return True
    return os.path.lexists(key_path(settings, team))


def key_keeper(settings: Settings, team: str) -> str:
    """Return who keeps the team's key: ``file``, ``command``, or else the ``repository``."""
    if settings.team(team).vault.key_command:
        return "command"
    return "file" if has_own_key(settings, team) else "repository"


def own_key(settings: Settings, team: str, *, environment: Mapping[str, str]) -> bytes:
    """Return the team's own key.

    :raises VaultError: it is missing, empty or not private, or its command fails or hangs.
    """
    if settings.team(team).vault.key_command:
        return _from_command(settings, team, environment)
    return key_in_file(settings, team)


def make_key() -> bytes:
    """Return a new random key as a line of text."""
    return secrets.token_urlsafe(_KEY_BYTES).encode() + b"\n"


def plan_key(settings: Settings, team: str, key: bytes) -> FileChange:
    """Plan the private file of a new key."""
    return FileChange(
        path=key_path(settings, team),
        before=None,
        after=key,
        mode=0o600,
        summary=f"new vault key of team {team}",
    )


def key_in_file(settings: Settings, team: str) -> bytes:
    """Return the key in the team's private file.

    :raises VaultError: it is missing, empty, or others can read it.
    """
    path = key_path(settings, team)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise VaultError(
            f"cannot read the vault key of team {team}: {path}: {exc.strerror}",
            hint="put the key back from where you keep a copy of it",
        ) from exc
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise VaultError(
                f"{path} can be read by others: it is not used", hint=f"chmod 600 {path}"
            )
        content = stream.read(_MOST_BYTES)
    return _checked(content, f"the vault key of team {team} in {path}")


def _from_command(settings: Settings, team: str, environment: Mapping[str, str]) -> bytes:
    vault = settings.team(team).vault
    what = f"the key command of team {team} ({vault.key_command[0]})"
    try:
        answer = run_probe(
            vault.key_command,
            settings.home,
            run_environment(settings, environment),
            vault.key_timeout_seconds,
        )
    except RediaccError as exc:
        raise VaultError(
            f"{what}: {exc.message}", hint="see [teams.NAME.vault] in rediacc.toml"
        ) from exc
    if answer.returncode != 0:
        raise VaultError(
            f"{what} failed with exit code {answer.returncode}: {error_line(answer.stderr)}",
            hint="try it by hand; what it needs of your environment is named in pass_environment",
        )
    return _checked(answer.stdout[:_MOST_BYTES], f"what {what} printed")


def _checked(content: bytes, what: str) -> bytes:
    # As Ansible reads a password: without what stands around it.
    key = content.strip()
    if not key:
        raise VaultError(f"{what} is empty")
    return key
