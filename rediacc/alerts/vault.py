"""Channels' URLs and keys out of the teams' vaults, where no playbook can read them."""

from __future__ import annotations

from collections.abc import Mapping

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
        from rediacc.teams.vaults.private import private_values

        values = private_values(self._settings, team, (name,), environment=self._environment)
        return values[name]
