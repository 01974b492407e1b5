"""What ``doctor`` looks at of the teams' vaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rediacc.errors import RediaccError
from rediacc.requests import DoctorRequest
from rediacc.teams.vaults.keys import has_own_key, own_key
from rediacc.teams.vaults.private import read_private
from rediacc.teams.vaults.ssh import checked_key, uses_vault
from rediacc.views import Check

__all__ = ["check_vaults"]

_SALT = "ANSIBLE_VAULT_ENCRYPT_SALT"


def check_vaults(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    """Yield for each team whether its vault opens, and what would weaken one."""
    if call.environment.get(_SALT):
        yield Check(
            name="vaults",
            status="fail",
            message=f"{_SALT} is set: files that ansible-vault writes then reveal each other",
            fix=f"unset {_SALT}, then encrypt again what was written with it",
        )
    for team in call.settings.teams:
        try:
            message = _look(call, team)
        except RediaccError as exc:
            message = f"{team}: {exc.message}"
            yield Check(name="vaults", status="fail", message=message, fix=exc.hint)
        else:
            yield Check(name="vaults", status="pass", message=f"{team}: {message}")


def _look(call: Any, team: str) -> str:
    settings, environment = call.settings, call.environment
    whose = "the repository's vault ids"
    if has_own_key(settings, team):
        own_key(settings, team, environment=environment)
        kept = "a command" if settings.team(team).vault.key_command else "a private file"
        whose = f"a key of its own, kept by {kept}"
    count = len(read_private(settings, team, environment=environment).values)
    login = ""
    if uses_vault(settings, team):
        checked_key(settings, team, environment=environment)
        login = ", logs in with its own SSH key"
    return f"{whose}; {count} private secrets{login}"
