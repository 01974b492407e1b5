"""Channels' URLs and keys out of the teams' vaults, where no playbook can read them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from rediacc.errors import RediaccError
from rediacc.settings import Settings

__all__ = ["TeamVaults"]


class TeamVaults:
    """Reads private secrets when a message is sent, and keeps none of them."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment

    def secret(self, team: str, name: str) -> str:
        """Return the private secret `name` of `team`.

        :raises NotFound: there is none.
        :raises VaultError: the vault cannot be opened.
        """
        # The vault's library costs more to load than all else here.
        try:
            private = import_module("rediacc.teams.vaults.private")
        except ModuleNotFoundError as exc:
            raise RediaccError(f"team {team} has no vault that could hold {name}") from exc
        values = private.private_values(
            self._settings, team, (name,), environment=self._environment
        )
        return str(values[name])
