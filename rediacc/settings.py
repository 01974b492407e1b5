"""Where a home is and what ``rediacc.toml`` and the environment say.

A home is a directory with ``rediacc.toml``, found upward from the working directory like a git
checkout, or named by ``--home`` or ``REDIACC_HOME``.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput, NotFound

__all__ = [
    "CONFIG_NAME",
    "PASSED_ENVIRONMENT",
    "STATE_NAME",
    "Settings",
    "TeamSettings",
    "find_home",
    "load_settings",
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
    "ANSIBLE_VAULT_IDENTITY_LIST",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)

_TEAM = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_LIMIT_DEFAULTS = {1: 60.0, 2: 600.0, 3: 1800.0, 4: 7200.0, 5: 28800.0}


@dataclass(frozen=True, kw_only=True)
class TeamSettings:
    """One ``[teams.NAME]`` table.

    :param inventory: the inventory as written: relative to the home, or absolute.
    :param is_managed: whether rediacc keeps the inventory's files.
    :param ssh: ``user`` or ``vault``.
    :param weight: the team's share among teams at one level.
    :param concurrency: how many of its tasks may run at once; ``None`` for no limit.
    """

    name: str
    inventory: str
    is_managed: bool = False
    ssh: str = "user"
    weight: int = 1
    concurrency: int | None = None
    machine_concurrency: int | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)


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
    level_limits: Mapping[int, float] = field(default_factory=lambda: dict(_LIMIT_DEFAULTS))
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 10.0
    stop_grace_seconds: float = 5.0
    default_timeout_seconds: float | None = None
    inventory_ttl_seconds: float = 60.0
    output_head_bytes: int = 65536
    output_tail_bytes: int = 65536
    keep_runs: bool = False
    retry: Mapping[str, Any] = field(default_factory=dict)

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


def find_home(start: Path, *, environment: Mapping[str, str], option: str | None = None) -> Path:
    """Return the home that holds from `start`: the option, ``REDIACC_HOME``, else found upward.

    :raises NotFound: there is none.
    """
    named = option or environment.get("REDIACC_HOME")
    if named:
        home = Path(named).expanduser().resolve()
        if not (home / CONFIG_NAME).is_file():
            raise NotFound(
                f"{home} is no rediacc home: it has no {CONFIG_NAME}", hint=f"rediacc init {home}"
            )
        return home
    for directory in (start.resolve(), *start.resolve().parents):
        if (directory / CONFIG_NAME).is_file():
            return directory
    raise NotFound(
        f"no rediacc home here: no {CONFIG_NAME} in {start.resolve()} or above it",
        hint="run 'rediacc init' in your Ansible repository, or set REDIACC_HOME",
    )


def load_settings(home: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check `home`'s ``rediacc.toml``; unknown keys are refused.

    :raises InvalidInput: the file cannot be meant.
    """
    path = home / CONFIG_NAME
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InvalidInput(f"cannot read {path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidInput(f"{path} is not valid TOML: {exc}") from exc
    return _Reader(path, document).settings(
        home, environment if environment is not None else os.environ
    )


class _Reader:
    """Turns the parsed document into settings, naming the key in every complaint."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self._path = path
        self._document = document

    def settings(self, home: Path, environment: Mapping[str, str]) -> Settings:
        tables = ("ansible", "worker", "queue", "output", "retry", "teams")
        self._known("", self._document, {*tables, "database"})
        ansible, worker, queue, output = (self._table(name) for name in tables[:4])
        self._known("ansible", ansible, {"directory", "pass_environment", "inventory_ttl"})
        self._known("worker", worker, {"slots", "urgent_slots", "keep_runs", "lease", "stop_grace"})
        self._known("queue", queue, {"machine_concurrency", "start_within", "timeout"})
        self._known("output", output, {"head_bytes", "tail_bytes"})
        lease = self._number(worker, "worker.lease", 30.0, low=3)
        directory = self._text(ansible, "ansible.directory", None)
        return Settings(
            home=home,
            teams=self._teams(),
            database_url=environment.get("REDIACC_DATABASE_URL")
            or self._text(self._document, "database", None)
            or f"sqlite:///{home / STATE_NAME / 'rediacc.db'}",
            ansible_directory=Path(directory).expanduser() if directory else None,
            pass_environment=self._texts(ansible, "ansible.pass_environment"),
            slots=int(self._number(worker, "worker.slots", 4, low=1, high=1000)),
            urgent_slots=int(self._number(worker, "worker.urgent_slots", 10, low=0, high=1000)),
            machine_concurrency=int(
                self._number(queue, "queue.machine_concurrency", 1, low=1, high=1000)
            ),
            level_limits=self._limits(queue),
            lease_seconds=lease,
            heartbeat_seconds=lease / 3,
            stop_grace_seconds=self._number(worker, "worker.stop_grace", 5.0, low=0),
            default_timeout_seconds=self._number(queue, "queue.timeout", 0.0, low=0) or None,
            inventory_ttl_seconds=self._number(ansible, "ansible.inventory_ttl", 60.0, low=0),
            output_head_bytes=self._bytes(output, "output.head_bytes"),
            output_tail_bytes=self._bytes(output, "output.tail_bytes"),
            keep_runs=self._flag(worker, "worker.keep_runs"),
            retry=self._table("retry"),
        )

    def _teams(self) -> dict[str, TeamSettings]:
        teams = {}
        keys = {
            "inventory",
            "managed",
            "ssh",
            "weight",
            "concurrency",
            "machine_concurrency",
            "retry",
        }
        for name, table in self._table("teams").items():
            where = f"teams.{name}"
            if not isinstance(table, dict):
                raise self._bad(where, "is no table")
            if not _TEAM.fullmatch(name):
                raise self._bad(where, "is no team name: lower-case letters, digits, - and _")
            self._known(where, table, keys)
            inventory = self._text(table, f"{where}.inventory", None)
            if not inventory:
                raise self._bad(f"{where}.inventory", "is missing")
            ssh = self._text(table, f"{where}.ssh", "user")
            if ssh != "user":
                raise self._bad(f"{where}.ssh", 'must be "user"')
            concurrency = int(self._number(table, f"{where}.concurrency", 0, low=0))
            per_machine = int(self._number(table, f"{where}.machine_concurrency", 0, low=0))
            teams[name] = TeamSettings(
                name=name,
                inventory=inventory,
                is_managed=self._flag(table, f"{where}.managed"),
                ssh=ssh,
                weight=int(self._number(table, f"{where}.weight", 1, low=1, high=1000)),
                concurrency=concurrency or None,
                machine_concurrency=per_machine or None,
                retry=table.get("retry", {}),
            )
        return teams

    def _limits(self, queue: dict[str, Any]) -> dict[int, float]:
        given = queue.get("start_within", {})
        if not isinstance(given, dict):
            raise self._bad("queue.start_within", "is no table of level = seconds")
        limits = dict(_LIMIT_DEFAULTS)
        for level, seconds in given.items():
            if level not in {"1", "2", "3", "4", "5"}:
                raise self._bad(f"queue.start_within.{level}", "is no level from 1 to 5")
            limits[int(level)] = self._number(given, f"queue.start_within.{level}", 0, low=0)
            del seconds
        return limits

    def _table(self, name: str) -> dict[str, Any]:
        table = self._document.get(name, {})
        if not isinstance(table, dict):
            raise self._bad(name, "is no table")
        return table

    def _known(self, where: str, table: dict[str, Any], keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                raise self._bad(
                    f"{where}.{key}".lstrip("."), f"is unknown; known: {', '.join(sorted(keys))}"
                )

    def _text(self, table: dict[str, Any], where: str, default: str | None) -> str | None:
        value = table.get(where.rpartition(".")[2], default)
        if value is not None and not isinstance(value, str):
            raise self._bad(where, "must be a text")
        return value

    def _texts(self, table: dict[str, Any], where: str) -> tuple[str, ...]:
        value = table.get(where.rpartition(".")[2], [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._bad(where, "must be a list of texts")
        return tuple(value)

    def _flag(self, table: dict[str, Any], where: str) -> bool:
        value = table.get(where.rpartition(".")[2], False)
        if not isinstance(value, bool):
            raise self._bad(where, "must be true or false")
        return value

    def _number(
        self, table: dict[str, Any], where: str, default: float, *, low: float, high: float = 1e9
    ) -> float:
        value = table.get(where.rpartition(".")[2], default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self._bad(where, f"must be a number from {low:g} to {high:g}")
        return value

    def _bytes(self, table: dict[str, Any], where: str) -> int:
        return int(self._number(table, where, 65536, low=256, high=8 << 20))

    def _bad(self, where: str, what: str) -> InvalidInput:
        return InvalidInput(f"{self._path}: {where} {what}")
