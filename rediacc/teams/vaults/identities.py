"""The vault ids that a team's files are read and written with.

A repository's own come first, as Ansible knows them: ``vault_identity_list`` and
``vault_password_file`` of ``ansible.cfg``, or the ``ANSIBLE_VAULT_`` variables. They are used and
never replaced. A team for which none of them is meant has a key of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import RediaccError, VaultError
from rediacc.settings import Settings
from rediacc.teams.ansible_command import locate_ansible, read_configuration, run_environment
from rediacc.teams.files import read_limited
from rediacc.teams.probes import error_line, run_probe
from rediacc.teams.vaults.keys import has_own_key, own_key

__all__ = ["Identity", "team_identities", "writing_identity"]

_PROMPTS = {"prompt", "prompt_ask_vault_pass"}
_SCRIPT_SECONDS = 30.0
_MOST_BYTES = 64 << 10


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A vault id whose password is asked for only when it is needed.

    :param label: its name, as it stands in the headers of files.
    :param source: where the password comes from, in words.
    :param is_own: whether it is the team's own key.
    """

    label: str
    source: str
    ask: Callable[[], bytes]
    is_own: bool = False

    def password(self) -> bytes:
        """Return the password.

        :raises VaultError: it cannot be had.
        """
        return self.ask()


def team_identities(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> tuple[Identity, ...]:
    """Return what may open the team's files: the repository's vault ids, then the team's own key.

    :raises InvalidInput: Ansible's configuration cannot be read.
    """
    found = list(_configured(settings, environment))
    if has_own_key(settings, team):
        found.append(
            Identity(
                label=team,
                source=f"the key of team {team}",
                ask=lambda: own_key(settings, team, environment=environment),
                is_own=True,
            )
        )
    return tuple(found)


def writing_identity(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> Identity | None:
    """Return the vault id with which the team's new files are written.

    It is the one that ``rediacc.toml`` names, the team's own, the one of the team's name, the one
    that the repository writes with, or the only one there is; else ``None``, and the team needs
    a key of its own.

    :raises VaultError: ``rediacc.toml`` names one that the repository does not have.
    """
    found = team_identities(settings, team, environment=environment)
    named = settings.team(team).vault.id
    if named is not None:
        chosen = next((identity for identity in found if identity.label == named), None)
        if chosen is None:
            raise VaultError(
                f"teams.{team}.vault.id names {named!r}, which Ansible's configuration does not",
                hint="see vault_identity_list in ansible.cfg",
            )
        return chosen
    own = next((identity for identity in found if identity.is_own), None)
    same = next((identity for identity in found if identity.label == team), None)
    if own is not None or same is not None:
        return own or same
    installation = locate_ansible(settings, environment)
    configuration = read_configuration(settings, installation, environment)
    wanted = configuration.vault_encrypt_identity
    fitting = [identity for identity in found if identity.label == wanted]
    if fitting:
        return fitting[0]
    return found[0] if len(found) == 1 else None


def _configured(settings: Settings, environment: Mapping[str, str]) -> list[Identity]:
    installation = locate_ansible(settings, environment)
    configuration = read_configuration(settings, installation, environment)
    slugs = list(configuration.vault_identities)
    if configuration.vault_password_file:
        slugs.append(f"{configuration.vault_identity}@{configuration.vault_password_file}")
    found = []
    for slug in slugs:
        # As Ansible divides it: a name without a file stands for a file without a name.
        name, at, file = slug.partition("@")
        label, value = (name, file) if at else (configuration.vault_identity, name)
        found.append(_identity(settings, label or configuration.vault_identity, value, environment))
    return found


def _identity(
    settings: Settings, label: str, value: str, environment: Mapping[str, str]
) -> Identity:
    if value in _PROMPTS:

        def refuse() -> bytes:
            raise VaultError(
                f"the vault id {label} asks a person for its password, and a queue cannot",
                hint="give it a password file or script in ansible.cfg",
            )

        return Identity(label=label, source=f"vault id {label} (a question)", ask=refuse)
    path = Path(os.path.normpath(settings.home / Path(os.path.expandvars(value)).expanduser()))
    return Identity(
        label=label,
        source=f"vault id {label} ({path})",
        ask=lambda: _password(settings, label, path, environment),
    )


def _password(settings: Settings, label: str, path: Path, environment: Mapping[str, str]) -> bytes:
    what = f"vault id {label}: {path}"
    if not path.is_file():
        raise VaultError(f"{what} does not exist", hint="see ansible.cfg")
    if not os.access(path, os.X_OK):
        try:
            content = read_limited(path, limit_bytes=_MOST_BYTES)
        except RediaccError as exc:
            raise VaultError(f"vault id {label}: {exc.message}") from exc
        return _checked(content, what)
    # As Ansible tells a client from a script that knows one password only.
    arguments = ["--vault-id", label] if path.stem.endswith("-client") else []
    try:
        answer = run_probe(
            [str(path), *arguments],
            settings.home,
            run_environment(settings, environment),
            _SCRIPT_SECONDS,
        )
    except RediaccError as exc:
        raise VaultError(f"vault id {label}: {exc.message}") from exc
    if answer.returncode != 0:
        raise VaultError(
            f"{what} failed with exit code {answer.returncode}: {error_line(answer.stderr)}",
            hint="try it by hand",
        )
    return _checked(answer.stdout, what)


def _checked(content: bytes, what: str) -> bytes:
    password = content.strip()
    if not password:
        raise VaultError(f"{what} gives no password")
    if password.startswith(b"$ANSIBLE_VAULT;"):
        raise VaultError(f"{what} is encrypted itself", hint="give Ansible a plain password file")
    return password
