"""Reading a team's secrets by name, and sealing what a run is handed of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rediacc.errors import Conflict, NotFound, VaultError
from rediacc.settings import Settings
from rediacc.teams.vaults.adopted import variable_value
from rediacc.teams.vaults.identities import team_identities, writing_identity
from rediacc.teams.vaults.library import open_vault
from rediacc.teams.vaults.private import private_values, read_private
from rediacc.values import SecretScope

__all__ = ["seal", "secret_value", "secret_values"]


def secret_value(
    settings: Settings,
    team: str,
    name: str,
    scope: SecretScope | None,
    *,
    environment: Mapping[str, str],
) -> tuple[SecretScope, Any]:
    """Return a secret's scope and value; without a scope, it has to be in one of them only.

    :raises NotFound: the team has no such secret.
    :raises Conflict: it has two.
    :raises VaultError: the vault cannot be opened.
    """
    if scope is SecretScope.PRIVATE:
        return scope, private_values(settings, team, (name,), environment=environment)[name]
    private = {} if scope else read_private(settings, team, environment=environment).values
    try:
        value = variable_value(settings, team, name, environment=environment)
    except NotFound as exc:
        if scope is not None:
            raise
        if name not in private:
            raise NotFound(
                f"team {team} has no secret {name!r}", hint=f"rediacc list secrets --team {team}"
            ) from exc
        return SecretScope.PRIVATE, private[name]
    if name in private:
        raise Conflict(
            f"team {team} has two secrets {name}: a variable and a private one",
            hint="say which with --scope vars or --scope private",
        )
    return SecretScope.VARS, value


def secret_values(
    settings: Settings, team: str, names: Iterable[str], *, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return values for a command's environment: private secrets first, else variables.

    :raises NotFound: the team has no such secret.
    :raises VaultError: the vault cannot be opened, or a value is no text.
    """
    private = read_private(settings, team, environment=environment).values
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        value = private.get(name)
        if value is None:
            value = _variable(settings, team, name, environment)
        found[name] = value
    return found


def seal(settings: Settings, team: str, text: str, *, environment: Mapping[str, str]) -> str:
    """Return `text` encrypted for a run of the team, which can open it with what it is given.

    :raises VaultError: the team has nothing to encrypt with.
    """
    identities = team_identities(settings, team, environment=environment)
    writer = writing_identity(settings, team, environment=environment)
    if writer is None:
        raise VaultError(
            f"team {team} has several vault ids and none of its own",
            hint=f"name one in rediacc.toml: [teams.{team}.vault] id = ...",
        )
    return str(open_vault(identities, writer=writer, what=f"a run of team {team}").dump_raw(text))


def _variable(settings: Settings, team: str, name: str, environment: Mapping[str, str]) -> str:
    try:
        value = variable_value(settings, team, name, environment=environment)
    except NotFound as exc:
        raise NotFound(
            f"team {team} has no secret {name!r}",
            hint=f"rediacc set secret {name} --team {team} --scope private",
        ) from exc
    if not isinstance(value, str):
        raise VaultError(f"the variable {name} of team {team} is no text")
    return value
