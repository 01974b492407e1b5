"""What ``rediacc.toml`` and the environment say, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import NotFound
from rediacc.settings.alerts import AlertSettings
from rediacc.settings.monitoring import MonitoringSettings
from rediacc.settings.retention import Retention
from rediacc.settings.roles import RoleSettings
from rediacc.settings.vaults import VaultSettings

__all__ = [
    "CONFIG_NAME",
    "LEVEL_LIMITS",
    "PASSED_ENVIRONMENT",
    "STATE_NAME",
    "Settings",
    "TeamSettings",
]

CONFIG_NAME = "rediacc.toml"
STATE_NAME = ".rediacc"

# What Ansible sees of the worker's environment. Paths and switches, never values that are
# secrets by themselves; `pass_environment` in rediacc.toml adds names.
PASSED_ENVIRONMENT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "KRB5CCNAME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "VIRTUAL_ENV",
    "ANSIBLE_CONFIG",
    "ANSIBLE_HOME",
    "ANSIBLE_VAULT_PASSWORD_FILE",
    "ANSIBLE_VAULT_IDENTITY",
    "ANSIBLE_VAULT_IDENTITY_LIST",
    "ANSIBLE_VAULT_ENCRYPT_IDENTITY",
    "ANSIBLE_VAULT_ID_MATCH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)

LEVEL_LIMITS = {1: 60.0, 2: 600.0, 3: 1800.0, 4: 7200.0, 5: 28800.0}


@dataclass(frozen=True, kw_only=True)
class TeamSettings:
    """One ``[teams.NAME]`` table.

    :param inventory: the inventory as written: relative to the home, or absolute.
    :param is_managed: whether rediacc keeps the inventory's files.
    :param ssh: ``user`` or ``vault``.
    :param weight: the team's share among teams at one level.
    :param concurrency: how many of its tasks may run at once; ``None`` for no limit.
    :param sample_every_seconds: how often its machines are sampled; ``None`` for never.
    """

    name: str
    inventory: str
    is_managed: bool = False
    ssh: str = "user"
    weight: int = 1
    concurrency: int | None = None
    machine_concurrency: int | None = None
    sample_every_seconds: float | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)
    vault: VaultSettings = field(default_factory=VaultSettings)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A home's settings, checked.

    :param level_limits: seconds after which a waiting task of a level is overdue; 0 for never.
    :param retry: retry tables of ``rediacc.toml``: ``default``, ``kind``, ``level``.
    :param ansible_directory: where ``ansible-playbook`` and its companions lie; ``None`` takes
        those that came with rediacc.
    """

    home: Path
    teams: Mapping[str, TeamSettings]
    database_url: str
    ansible_directory: Path | None = None
    pass_environment: tuple[str, ...] = ()
    slots: int = 4
    urgent_slots: int = 10
    machine_concurrency: int = 1
    level_limits: Mapping[int, float] = field(default_factory=lambda: dict(LEVEL_LIMITS))
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 10.0
    stop_grace_seconds: float = 5.0
    default_timeout_seconds: float | None = None
    inventory_ttl_seconds: float = 60.0
    output_head_bytes: int = 65536
    output_tail_bytes: int = 65536
    keep_runs: bool = False
    retry: Mapping[str, Any] = field(default_factory=dict)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    roles: Mapping[str, RoleSettings] = field(default_factory=dict)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    retention: Retention = field(default_factory=Retention)

    @property
    def state_directory(self) -> Path:
        """``.rediacc/``: the database, caches; private, out of git."""
        return self.home / STATE_NAME

    @property
    def home_id(self) -> str:
        """A short name for this home on this host, for paths that must stay short."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    def team(self, name: str) -> TeamSettings:
        """Return the settings of team `name`.

        :raises NotFound: no such team.
        """
        found = self.teams.get(name)
        if found is None:
            known = ", ".join(sorted(self.teams)) or "none yet: rediacc create team NAME"
            raise NotFound(f"there is no team {name!r}", hint=f"teams: {known}")
        return found
