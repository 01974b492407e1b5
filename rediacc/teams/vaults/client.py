"""The vault password client: tells Ansible a team's key (``--vault-id prod@rediacc-vault-client``).

Ansible takes a client by its path, and only one whose name ends in ``-client``
(``ansible.parsing.vault.script_is_client``); it is called with ``--vault-id NAME`` and prints the
key. Each home has one in ``.rediacc/``, which knows its home and its Python; the package installs
another beside ``rediacc``, which finds the home upward from where it is called.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import rediacc
from rediacc.errors import NotFound, RediaccError
from rediacc.settings import Settings, find_home, load_settings
from rediacc.teams.files import private_directory, write_private
from rediacc.teams.vaults.keys import has_own_key, own_key

__all__ = ["CLIENT_NAME", "client_path", "main", "run", "vault_arguments"]

CLIENT_NAME = "rediacc-vault-client"
# Ansible's own sign for "I do not know this vault id"
# (``ansible.parsing.vault.ClientScriptVaultSecret.VAULT_ID_UNKNOWN_RC``).
_UNKNOWN = 2


def client_path(settings: Settings) -> Path:
    """Return the home's own client, written when it is missing or of another installation."""
    private_directory(settings.state_directory)
    path = settings.state_directory / CLIENT_NAME
    text = _launcher(settings)
    try:
        is_current = path.read_text(encoding="utf-8") == text and os.access(path, os.X_OK)
    except (OSError, UnicodeDecodeError):
        is_current = False
    if not is_current:
        write_private(path, text, mode=0o700)
    return path


def vault_arguments(settings: Settings, team: str) -> tuple[str, ...]:
    """Return what Ansible's programs are given so that they read the team's vault.

    It comes beside the vault ids that the repository configures; a team without a key of its own
    needs nothing more.
    """
    if not has_own_key(settings, team):
        return ()
    return ("--vault-id", f"{team}@{client_path(settings)}")


def main() -> None:
    """Answer Ansible and exit."""
    sys.exit(run(sys.argv[1:], environment=os.environ))


def run(arguments: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Print the key of the vault id that `arguments` name; return the exit status."""
    parser = argparse.ArgumentParser(prog=CLIENT_NAME, description="Print a team's vault key.")
    parser.add_argument("--vault-id", required=True, metavar="TEAM")
    team = parser.parse_args(arguments).vault_id
    try:
        home = find_home(Path.cwd(), environment=environment)
        settings = load_settings(home, environment=environment)
        if not has_own_key(settings, team):
            print(f"{CLIENT_NAME}: team {team} has no vault key of its own", file=sys.stderr)
            return _UNKNOWN
        key = own_key(settings, team, environment=environment)
    except NotFound as exc:
        print(f"{CLIENT_NAME}: {exc.message}", file=sys.stderr)
        return _UNKNOWN
    except RediaccError as exc:
        hint = f" ({exc.hint})" if exc.hint else ""
        print(f"{CLIENT_NAME}: {exc.message}{hint}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(key + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _launcher(settings: Settings) -> str:
    root = str(Path(rediacc.__file__).resolve().parent.parent)
    gone = (
        f"{CLIENT_NAME}: rediacc is no longer installed; give Ansible the key itself: "
        f"--vault-id TEAM@{settings.state_directory / 'keys'}/TEAM"
    )
    code = f"""\
import sys
sys.path.append({root!r})
try:
    from rediacc.teams.vaults.client import main
except ImportError:
    sys.exit({gone!r})
main()
"""
    return f"""\
#!/bin/sh
# Tells ansible-playbook the vault key of a team of this home:
#   ansible-playbook --vault-id TEAM@{CLIENT_NAME} (with the path of this file)
REDIACC_HOME={shlex.quote(str(settings.home))}
export REDIACC_HOME
exec {shlex.quote(sys.executable)} -P -c {shlex.quote(code)} "$@"
"""
