"""What tasks are composed from, each thing read once however many tasks there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rediacc.errors import RediaccError
from rediacc.settings import Settings
from rediacc.teams.inventory import Inventory, find_team, read_inventory
from rediacc.teams.named_tasks import NamedTask, load_named_task
from rediacc.teams.playbooks import playbook_fingerprint, resolve_playbook
from rediacc.teams.probes import run_probe
from rediacc.teams.vaults.reading import secret_values
from rediacc.values import AnsibleOptions

__all__ = ["Sources"]


class Sources:
    """Inventories, named tasks, playbooks and the home's revision as they were when first asked."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self._environment = environment
        self._inventories: dict[str, Inventory] = {}
        self._named: dict[str, NamedTask] = {}
        self._playbooks: dict[str, tuple[Any, str]] = {}
        self._revisions: list[str | None] = []
        self._secrets: set[tuple[str, str]] = set()

    def inventory(self, team: str) -> Inventory:
        """Return a team's inventory.

        :raises NotFound: no such team, or its inventory does not exist.
        :raises InvalidInput: Ansible cannot read it.
        """
        if team not in self._inventories:
            found = read_inventory(self.settings, team, environment=self._environment)
            self._inventories[team] = found
        return self._inventories[team]

    def team_of(self, machine: str) -> str:
        """Return the one team that has `machine`.

        :raises NotFound: no team has it.
        :raises Conflict: several teams have it.
        """
        having = [team for team in self.settings.teams if self._has(team, machine)]
        if len(having) == 1:
            return having[0]
        return find_team(self.settings, machine, environment=self._environment)

    def named_task(self, name: str) -> NamedTask:
        """Return a named task.

        :raises NotFound: there is no such file.
        :raises InvalidInput: it cannot be meant.
        """
        if name not in self._named:
            self._named[name] = load_named_task(self.settings, name)
        return self._named[name]

    def playbook(
        self, team: str, playbook: str, *, options: AnsibleOptions, limit: str | None
    ) -> tuple[Any, str]:
        """Return which machines a playbook means, and the fingerprint of all that it reads.

        :raises RediaccError: Ansible does not take it.
        """
        key = repr((team, playbook, options, limit))
        if key not in self._playbooks:
            found = resolve_playbook(
                self.settings,
                team,
                playbook=playbook,
                options=options,
                limit=limit,
                extra_vars_files=(),
                environment=self._environment,
            )
            fingerprint = playbook_fingerprint(
                self.settings, team, playbook, environment=self._environment
            )
            self._playbooks[key] = (found, fingerprint)
        return self._playbooks[key]

    def check_secrets(self, team: str, names: Iterable[str]) -> None:
        """Pass when a team has the secrets; their values are read again where a task runs.

        :raises NotFound: it has not.
        :raises VaultError: the vault cannot be opened.
        """
        wanted = {(team, name) for name in names} - self._secrets
        if wanted:
            asked = sorted(name for _rest, name in wanted)
            secret_values(self.settings, team, asked, environment=self._environment)
            self._secrets |= wanted

    def revision(self) -> str | None:
        """Return the home's git commit; ``None`` where there is none."""
        if not self._revisions:
            self._revisions.append(self._read_revision())
        return self._revisions[0]

    def _has(self, team: str, machine: str) -> bool:
        try:
            return machine in self.inventory(team).hosts
        except RediaccError:
            return False

    def _read_revision(self) -> str | None:
        if not (self.settings.home / ".git").exists():
            return None
        path = {"PATH": self._environment.get("PATH", "/usr/bin:/bin"), "HOME": "/nonexistent"}
        try:
            answer = run_probe(["git", "rev-parse", "HEAD"], self.settings.home, path, 10.0)
        except RediaccError:
            return None
        revision = answer.stdout.decode("ascii", "replace").strip()
        return revision if answer.returncode == 0 else None
