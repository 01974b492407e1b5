"""Finding a home and reading its ``rediacc.toml``.

A home is a directory with ``rediacc.toml``, found upward from the working directory like a git
checkout, or named by ``--home`` or ``REDIACC_HOME``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput, NotFound
from rediacc.settings.alerts import read_alerts
from rediacc.settings.model import CONFIG_NAME, LEVEL_LIMITS, STATE_NAME, Settings, TeamSettings
from rediacc.settings.monitoring import check_sample_every, read_monitoring
from rediacc.settings.reader import Reader
from rediacc.settings.retention import read_retention
from rediacc.settings.roles import read_roles
from rediacc.settings.vaults import read_vault

__all__ = ["find_home", "load_settings"]

_TEAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


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
    return _settings(
        Reader(path, document), home, environment if environment is not None else os.environ
    )


def _settings(reader: Reader, home: Path, environment: Mapping[str, str]) -> Settings:
    tables = ("ansible", "worker", "queue", "output", "retry", "teams")
    own = {"alerts", "database", "monitoring", "retention", "roles"}
    reader.known("", reader.document, {*tables, *own})
    ansible, worker, queue, output = (reader.table(name) for name in tables[:4])
    reader.known("ansible", ansible, {"directory", "pass_environment", "inventory_ttl"})
    reader.known("worker", worker, {"slots", "urgent_slots", "keep_runs", "lease", "stop_grace"})
    reader.known("queue", queue, {"machine_concurrency", "start_within", "timeout"})
    reader.known("output", output, {"head_bytes", "tail_bytes"})
    lease = reader.number(worker, "worker.lease", 30.0, low=3)
    directory = reader.text(ansible, "ansible.directory", None)
    return Settings(
        home=home,
        teams=_teams(reader),
        database_url=environment.get("REDIACC_DATABASE_URL")
        or reader.text(reader.document, "database", None)
        or f"sqlite:///{home / STATE_NAME / 'rediacc.db'}",
        ansible_directory=Path(directory).expanduser() if directory else None,
        pass_environment=reader.texts(ansible, "ansible.pass_environment"),
        slots=int(reader.number(worker, "worker.slots", 4, low=1, high=1000)),
        urgent_slots=int(reader.number(worker, "worker.urgent_slots", 10, low=0, high=1000)),
        machine_concurrency=int(
            reader.number(queue, "queue.machine_concurrency", 1, low=1, high=1000)
        ),
        level_limits=_limits(reader, queue),
        lease_seconds=lease,
        heartbeat_seconds=lease / 3,
        stop_grace_seconds=reader.number(worker, "worker.stop_grace", 5.0, low=0),
        default_timeout_seconds=reader.number(queue, "queue.timeout", 0.0, low=0) or None,
        inventory_ttl_seconds=reader.number(ansible, "ansible.inventory_ttl", 60.0, low=0),
        output_head_bytes=reader.size(output, "output.head_bytes"),
        output_tail_bytes=reader.size(output, "output.tail_bytes"),
        keep_runs=reader.flag(worker, "worker.keep_runs"),
        retry=reader.table("retry"),
        alerts=read_alerts(reader),
        roles=read_roles(reader),
        monitoring=read_monitoring(reader, home),
        retention=read_retention(reader),
    )


def _teams(reader: Reader) -> dict[str, TeamSettings]:
    teams = {}
    keys = {
        "alerts",
        "inventory",
        "managed",
        "ssh",
        "weight",
        "concurrency",
        "machine_concurrency",
        "retry",
        "sample_every",
        "vault",
    }
    for name, table in reader.table("teams").items():
        where = f"teams.{name}"
        if not isinstance(table, dict):
            raise reader.bad(where, "is no table")
        if not _TEAM_NAME.fullmatch(name):
            raise reader.bad(where, "is no team name: lower-case letters, digits, - and _")
        reader.known(where, table, keys)
        inventory = reader.text(table, f"{where}.inventory", None)
        if not inventory:
            raise reader.bad(f"{where}.inventory", "is missing")
        ssh = reader.text(table, f"{where}.ssh", "user")
        if ssh not in ("user", "vault"):
            raise reader.bad(f"{where}.ssh", 'must be "user" or "vault"')
        concurrency = int(reader.number(table, f"{where}.concurrency", 0, low=0))
        per_machine = int(reader.number(table, f"{where}.machine_concurrency", 0, low=0))
        teams[name] = TeamSettings(
            name=name,
            inventory=inventory,
            is_managed=reader.flag(table, f"{where}.managed"),
            ssh=ssh,
            weight=int(reader.number(table, f"{where}.weight", 1, low=1, high=1000)),
            concurrency=concurrency or None,
            machine_concurrency=per_machine or None,
            sample_every_seconds=_sample_every(reader, table, where),
            retry=table.get("retry", {}),
            vault=read_vault(reader, table, where),
        )
    return teams


def _sample_every(reader: Reader, table: dict[str, Any], where: str) -> float | None:
    """Return how often a team's machines are sampled; 0 and nothing mean never."""
    seconds = reader.number(table, f"{where}.sample_every", 0, low=0)
    if not seconds:
        return None
    try:
        check_sample_every(seconds, "0 (never), or it")
    except InvalidInput as exc:
        raise reader.bad(f"{where}.sample_every", f"must be {exc.message}") from exc
    return seconds


def _limits(reader: Reader, queue: dict[str, Any]) -> dict[int, float]:
    given = queue.get("start_within", {})
    if not isinstance(given, dict):
        raise reader.bad("queue.start_within", "is no table of level = seconds")
    limits = dict(LEVEL_LIMITS)
    for level, seconds in given.items():
        if level not in {"1", "2", "3", "4", "5"}:
            raise reader.bad(f"queue.start_within.{level}", "is no level from 1 to 5")
        limits[int(level)] = reader.number(given, f"queue.start_within.{level}", 0, low=0)
        del seconds
    return limits
