"""What a run needs of its team's vault: the key to log in with, values for a command.

Nothing of it is written in clear, not even into the run's directory in memory. Values for a
command go there as a file that the run's own Ansible decrypts, with the vault id that it is given
anyway; the key goes through a pipe to the supervisor, which hands it to the run's own ssh-agent.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from rediacc.errors import PreparationFailed, RediaccError
from rediacc.execution.plays import SECRETS_VARIABLE
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.work import Work
from rediacc.settings import Settings
from rediacc.teams.vaults.agent import socket_path, ssh_environment
from rediacc.teams.vaults.reading import seal, secret_values
from rediacc.teams.vaults.ssh import checked_key, public_key, uses_vault
from rediacc.teams.yaml_text import unsafe_document
from rediacc.values import Reason

__all__ = ["login_key", "login_variables", "write_learned", "write_secrets"]

# ssh appends a name of its own to that of a shared connection while it makes it: "." and 16
# characters after Ansible's "/" and 10 (ansible.plugins.connection.ssh, _create_control_path).
_LONGEST_SHARING = 107 - 11 - 17


def login_key(settings: Settings, team: str, *, environment: Mapping[str, str]) -> str | None:
    """Return the key with which a run logs in; ``None`` where it does as its people do.

    :raises PreparationFailed: the vault has none, or cannot be opened.
    """
    try:
        if not uses_vault(settings, team):
            return None
        return checked_key(settings, team, environment=environment)
    except RediaccError as exc:
        raise PreparationFailed(exc.message, reason=Reason.CONFIG, hint=exc.hint) from exc


def write_secrets(
    work: Work, directory: RunDirectory, *, settings: Settings, environment: Mapping[str, str]
) -> Path | None:
    """Write the values of a command's secrets, encrypted; return the file, if there are any.

    :raises RediaccError: one does not exist any more, or the vault cannot be opened.
    """
    if not work.secrets:
        return None
    values = secret_values(settings, work.team, work.secrets.values(), environment=environment)
    given = {variable: values[name] for variable, name in work.secrets.items()}
    text = unsafe_document({SECRETS_VARIABLE: given})
    return directory.write("secrets.yml", seal(settings, work.team, text, environment=environment))


def write_learned(
    key: str,
    directory: RunDirectory,
    team: str,
    *,
    settings: Settings,
    environment: Mapping[str, str],
) -> Path:
    """Write, encrypted, what the run's output must not show although no play reads it."""
    text = unsafe_document({"ssh_private_key": key})
    return directory.write("learned.yml", seal(settings, team, text, environment=environment))


def login_variables(
    directory: RunDirectory, run_id: str, team: str, *, settings: Settings
) -> dict[str, str]:
    """Return how the run's Ansible is told to log in with the key in its agent."""
    socket = socket_path(directory.path, run_id)
    return ssh_environment(
        settings, team, socket, control_path=_sharing(directory.path.parent, settings, team)
    )


def _sharing(base: Path, settings: Settings, team: str) -> Path | None:
    """Return where connections of this team and key are shared; ``None`` where paths get too long.

    A connection that another key has opened must never serve.
    """
    of_what = f"{team} {public_key(settings, team)}".encode()
    path = base / f"cp-{hashlib.sha256(of_what).hexdigest()[:12]}"
    if len(os.fsencode(path)) > _LONGEST_SHARING:
        return None
    path.mkdir(mode=0o700, exist_ok=True)
    return path
