"""Plans for a team's secrets: set, take out, and the vault of a team that begins."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.settings import Settings
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.names import did_you_mean
from rediacc.teams.vaults.adopted import file_for, plain_value
from rediacc.teams.vaults.identities import Identity, writing_identity
from rediacc.teams.vaults.keys import key_in_file, make_key, plan_key
from rediacc.teams.vaults.places import (
    SSH_KEY,
    check_name,
    check_value,
    key_path,
    private_path,
    public_key_path,
)
from rediacc.teams.vaults.private import changed_private, new_private_document, read_private
from rediacc.teams.vaults.ssh import make_pair, public_line
from rediacc.teams.vaults.variables import changed_variables
from rediacc.values import SecretScope

__all__ = [
    "SecretPlan",
    "checked_value",
    "is_same_text",
    "plan_delete_secret",
    "plan_login_key",
    "plan_set_secret",
    "plan_vault",
    "scope_of_new",
]


@dataclass(frozen=True, kw_only=True)
class SecretPlan:
    """A secret's file, and all that changes with it."""

    path: Path
    changes: tuple[FileChange, ...]


def scope_of_new(name: str, scope: SecretScope | None) -> SecretScope:
    """Return the scope of a secret that is set: as given, else for playbooks.

    :raises InvalidInput: the SSH key is to be a variable, which every playbook could read.
    """
    if name != SSH_KEY:
        return scope or SecretScope.VARS
    if scope is SecretScope.VARS:
        raise InvalidInput(f"{SSH_KEY} is always private: playbooks must not read it")
    return SecretScope.PRIVATE


def checked_value(name: str, scope: SecretScope, value: str, *, team: str) -> str:
    """Return a value as it is kept when the secret is set.

    :raises InvalidInput: name or value cannot be meant.
    """
    check_name(name, scope)
    check_value(value, name)
    if scope is not SecretScope.PRIVATE or name != SSH_KEY:
        return value
    public_line(value, team)
    return _key_text(value)


def is_same_text(present: Any, value: Any) -> bool:
    """Say whether both are the same text, in a time that does not tell where they differ."""
    if not isinstance(present, str) or not isinstance(value, str):
        return bool(present == value)
    return hmac.compare_digest(
        present.encode(errors="surrogatepass"), value.encode(errors="surrogatepass")
    )


def plan_set_secret(
    settings: Settings,
    team: str,
    name: str,
    scope: SecretScope,
    value: str,
    *,
    previous: Any = None,
    environment: Mapping[str, str],
) -> SecretPlan:
    """Plan a secret's new value; a team without any vault id begins with a key of its own.

    :param previous: what the caller saw before; ``None`` for anything.
    :raises InvalidInput: name or value cannot be meant.
    :raises Conflict: the value is no longer `previous`, or its file cannot be changed safely.
    :raises VaultError: the vault cannot be opened or written.
    """
    value = checked_value(name, scope, value, team=team)
    if scope is SecretScope.PRIVATE:
        return _set_private(settings, team, name, value, previous, environment)
    file = file_for(settings, team, name, environment=environment, is_new=True)
    _check_previous(name, plain_value(file.values.get(name)), previous)
    writer, new = _writer(settings, team, file.before, environment)
    change = changed_variables(
        settings,
        team,
        file,
        name,
        value,
        writer=writer,
        environment=environment,
        summary=f"secret {name} of team {team} set in {_relative(settings, file.path)}",
    )
    return SecretPlan(path=file.path, changes=(*new, change))


def plan_delete_secret(
    settings: Settings,
    team: str,
    name: str,
    scope: SecretScope,
    *,
    environment: Mapping[str, str],
) -> SecretPlan:
    """Plan the removal of a secret.

    :raises NotFound: there is none.
    :raises Conflict: the team logs in with it, or its file cannot be changed safely.
    :raises VaultError: the vault cannot be opened or written.
    """
    summary = f"secret {name} of team {team} deleted"
    if scope is SecretScope.VARS:
        file = file_for(settings, team, name, environment=environment, is_new=False)
        change = changed_variables(
            settings, team, file, name, None, environment=environment, summary=summary
        )
        return SecretPlan(path=file.path, changes=(change,))
    vault = read_private(settings, team, environment=environment)
    if name not in vault.values:
        raise NotFound(
            f"team {team} has no private secret {name!r}", hint=did_you_mean(name, vault.values)
        )
    if name == SSH_KEY and settings.team(team).ssh == "vault":
        raise Conflict(
            f"team {team} logs in with {SSH_KEY}",
            hint=f'set another key, or set ssh = "user" in [teams.{team}] first',
        )
    rest = {other: value for other, value in vault.values.items() if other != name}
    writer, _rest = _writer(settings, team, vault.before, environment)
    change = changed_private(
        settings, vault, rest, writer=writer, environment=environment, summary=summary
    )
    public = _public_half(settings, team, None) if name == SSH_KEY else ()
    return SecretPlan(path=vault.path, changes=(change, *public))


def plan_vault(settings: Settings, team: str, *, with_ssh_key: bool) -> tuple[FileChange, ...]:
    """Plan the vault of a new team: its key, and where wanted a key pair to log in with.

    What an earlier team of that name left is used again and not replaced.

    :raises Conflict: secrets are there whose key is not.
    """
    path, private = key_path(settings, team), private_path(settings, team)
    before = read_file(private)
    has_key = path.exists()
    if before is not None and not has_key:
        raise Conflict(
            f"{private} is there, and the key that opens it is not in {path}",
            hint="put the key back, or move the file away",
        )
    key = key_in_file(settings, team) if has_key else make_key()
    changes = [] if has_key else [plan_key(settings, team, key)]
    if not with_ssh_key or before is not None:
        return tuple(changes)
    pair = make_pair(team)
    writer = _new_identity(team, key)
    document = new_private_document(writer, team, {SSH_KEY: pair.private}, path=private)
    summary = f"new SSH key of team {team} in {_relative(settings, private)}"
    changes.append(
        FileChange(path=private, before=None, after=document, mode=0o600, summary=summary)
    )
    return (*changes, *_public_half(settings, team, pair.public))


def plan_login_key(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> tuple[FileChange, ...]:
    """Plan the key with which a team logs in that had none so far; one that is there serves.

    :raises Conflict: secrets are there whose key is not.
    :raises VaultError: the team's vault cannot be opened or written.
    """
    if read_file(private_path(settings, team)) is None:
        return plan_vault(settings, team, with_ssh_key=True)
    if SSH_KEY in read_private(settings, team, environment=environment).values:
        return ()
    pair = make_pair(team)
    plan = plan_set_secret(
        settings, team, SSH_KEY, SecretScope.PRIVATE, pair.private, environment=environment
    )
    return plan.changes


def _set_private(
    settings: Settings,
    team: str,
    name: str,
    value: str,
    previous: Any,
    environment: Mapping[str, str],
) -> SecretPlan:
    vault = read_private(settings, team, environment=environment)
    _check_previous(name, vault.values.get(name), previous)
    public = public_line(value, team) if name == SSH_KEY else ""
    writer, new = _writer(settings, team, vault.before, environment)
    change = changed_private(
        settings,
        vault,
        {**vault.values, name: value},
        writer=writer,
        environment=environment,
        summary=f"secret {name} of team {team} set in {_relative(settings, vault.path)}",
    )
    half = _public_half(settings, team, public) if public else ()
    return SecretPlan(path=vault.path, changes=(*new, change, *half))


def _key_text(value: str) -> str:
    # ssh refuses a key whose last line does not end.
    return value.replace("\r\n", "\n").rstrip("\n") + "\n"


def _check_previous(name: str, present: Any, previous: Any) -> None:
    if previous is not None and not is_same_text(present, previous):
        raise Conflict(f"{name} has changed meanwhile: nothing was written", hint="begin again")


def _writer(
    settings: Settings, team: str, before: bytes | None, environment: Mapping[str, str]
) -> tuple[Identity | None, tuple[FileChange, ...]]:
    """Return what a file is written with, and a new key where the team has none.

    A file that is there is written with what opened it: ``None``.
    """
    if before is not None:
        return None, ()
    writer = writing_identity(settings, team, environment=environment)
    if writer is not None:
        return writer, ()
    key = make_key()
    return _new_identity(team, key), (plan_key(settings, team, key),)


def _new_identity(team: str, key: bytes) -> Identity:
    password = key.strip()
    return Identity(label=team, source=f"the key of team {team}", ask=lambda: password, is_own=True)


def _public_half(settings: Settings, team: str, line: str | None) -> tuple[FileChange, ...]:
    path = public_key_path(settings, team)
    before = read_file(path)
    after = f"{line}\n".encode() if line is not None else None
    if before == after:
        return ()
    summary = f"public SSH key of team {team} in {_relative(settings, path)}"
    return (FileChange(path=path, before=before, after=after, prunes=True, summary=summary),)


def _relative(settings: Settings, path: Path) -> str:
    home = settings.home.resolve()
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
