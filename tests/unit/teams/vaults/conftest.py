"""Homes whose teams have vaults. Ansible's configuration is read once for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_homes import clean_environment, home_settings, lay_out

from rediacc.settings import Settings, TeamSettings, VaultSettings
from rediacc.teams.changes import apply_changes
from rediacc.teams.vaults.changing import plan_delete_secret, plan_set_secret
from rediacc.teams.vaults.reading import secret_value
from rediacc.values import SecretScope


@dataclass
class Place:
    """A home, and a person who sets secrets in it."""

    settings: Settings
    environment: Mapping[str, str]

    def set(self, name: str, value: str, scope: str = "private", **more: Any) -> Path:
        team = more.pop("team", "prod")
        plan = plan_set_secret(
            self.settings,
            team,
            name,
            SecretScope(scope),
            value,
            environment=self.environment,
            **more,
        )
        apply_changes(plan.changes)
        return plan.path

    def get(self, name: str, scope: str | None = None, team: str = "prod") -> Any:
        wanted = None if scope is None else SecretScope(scope)
        return secret_value(self.settings, team, name, wanted, environment=self.environment)[1]

    def delete(self, name: str, scope: str = "private", team: str = "prod") -> None:
        plan = plan_delete_secret(
            self.settings, team, name, SecretScope(scope), environment=self.environment
        )
        apply_changes(plan.changes)

    @property
    def home(self) -> Path:
        return self.settings.home


@pytest.fixture(scope="session")
def lay_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Place]:
    """Lay out a home with teams over inventories of its own."""

    def make(
        files: Mapping[str, str] | None = None,
        teams: Mapping[str, str] | None = None,
        vaults: Mapping[str, VaultSettings] | None = None,
        **environment: str,
    ) -> Place:
        named = dict(teams or {"prod": "inventories/prod", "staging": "inventories/staging"})
        hosts = {
            f"{path}/hosts": "web-01\n"
            for path in named.values()
            if not {"hosts-a", "hosts-b", "x,"} & {path}
        }
        home = lay_out(tmp_path_factory.mktemp("home"), {**hosts, **(files or {})})
        settings = home_settings(home, named)
        chosen = {
            name: TeamSettings(
                name=name, inventory=path, vault=(vaults or {}).get(name, VaultSettings())
            )
            for name, path in named.items()
        }
        given = clean_environment(tmp_path_factory.mktemp("account"))
        return Place(
            settings=Settings(**{**vars(settings), "teams": chosen}),
            environment={**given, **environment},
        )

    return make


@pytest.fixture(scope="module")
def place(lay_place: Callable[..., Place]) -> Place:
    """A home without any vault id: its teams get keys of their own."""
    return lay_place()
