"""The SSH key in a team's vault, and how ssh is called for a team that logs in with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rediacc.errors import InvalidInput, NotFound, VaultError
from rediacc.settings import Settings
from rediacc.teams.changes import read_file
from rediacc.teams.vaults.places import SSH_KEY, known_hosts_path, public_key_path
from rediacc.teams.vaults.private import private_values

__all__ = [
    "KeyPair",
    "checked_key",
    "make_pair",
    "private_key",
    "public_key",
    "public_line",
    "ssh_arguments",
    "uses_vault",
]


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A new key: the private half in OpenSSH's format, the public half as one line."""

    private: str = field(repr=False)
    public: str


def uses_vault(settings: Settings, team: str) -> bool:
    """Whether a team logs in with the key from its vault."""
    return settings.team(team).ssh == "vault"


def make_pair(team: str) -> KeyPair:
    """Return a new Ed25519 key, named for the team."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )
    return KeyPair(private=private, public=public_line(private, team))


def public_line(private: str, team: str) -> str:
    """Return the public half of a private key as a line for ``authorized_keys``.

    :raises InvalidInput: it is no private key, or one that asks for a passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    load = (
        serialization.load_ssh_private_key
        if "BEGIN OPENSSH PRIVATE KEY" in private
        else serialization.load_pem_private_key
    )
    try:
        public = load(private.encode(), password=None).public_key()
        line = public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    except TypeError as exc:
        raise InvalidInput(
            f"{SSH_KEY}: the key has a passphrase, which nobody could type for a worker",
            hint="the vault protects it; take the passphrase off a copy: ssh-keygen -p",
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InvalidInput(
            f"{SSH_KEY}: this is no private key that ssh can use",
            hint="give the whole file, from its BEGIN line to its END line",
        ) from exc
    return f"{line.decode()} rediacc-{team}"


def private_key(settings: Settings, team: str, *, environment: Mapping[str, str]) -> str:
    """Return the key with which the team logs in.

    :raises VaultError: the vault has none, or cannot be opened.
    """
    try:
        return private_values(settings, team, (SSH_KEY,), environment=environment)[SSH_KEY]
    except NotFound as exc:
        raise VaultError(
            f'team {team} logs in with a key from its vault (ssh = "vault"), and has none there',
            hint=f"rediacc set secret {SSH_KEY} --team {team} --file KEY_FILE",
        ) from exc


def checked_key(settings: Settings, team: str, *, environment: Mapping[str, str]) -> str:
    """Return the key with which the team logs in, when its public half lies beside it.

    :raises VaultError: as :func:`private_key`; or the public half is missing or of another key.
    """
    key = private_key(settings, team, environment=environment)
    path = public_key_path(settings, team)
    told = public_key(settings, team).split()[:2]
    if told != public_line(key, team).split()[:2]:
        raise VaultError(
            f"{path} is {'not the public half of the' if told else 'missing beside the'} key in "
            f"the vault of team {team}",
            hint=f"write both: rediacc get secret {SSH_KEY} --team {team} | "
            f"rediacc set secret {SSH_KEY} --team {team} --file -",
        )
    return key


def public_key(settings: Settings, team: str) -> str:
    """Return the public half of the team's key as its file has it; empty where there is none."""
    content = read_file(public_key_path(settings, team)) or b""
    return content.decode(errors="replace").strip()


def ssh_arguments(settings: Settings, team: str) -> list[str]:
    """Return what ssh is given first for a team that logs in with its vault's key.

    Nobody's own configuration, keys or agent: only the team's key and the team's known_hosts. For
    ssh the first of several values counts, so that what Ansible adds cannot undo it.
    """
    return [
        *("-F", "none"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", f'IdentityFile="{_path(public_key_path(settings, team))}"'),
        *("-o", f'UserKnownHostsFile="{_path(known_hosts_path(settings, team))}"'),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "PasswordAuthentication=no"),
        *("-o", "KbdInteractiveAuthentication=no"),
    ]


def _path(path: Path) -> str:
    text = str(path)
    if '"' in text or "${" in text or not text.isprintable():
        raise VaultError(f"ssh cannot be told the path {text!r}", hint="move the home elsewhere")
    # ssh expands what follows a percent sign.
    return text.replace("%", "%%")
