"""A team's inventory, read by the user's own Ansible and cached.

Two files hold a cached inventory: names, groups and places in one, the variables in another that
is read only for the machines concerned. No decrypted value ever gets into either.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.settings import Settings
from rediacc.teams.ansible_command import (
    Configuration,
    Installation,
    ask,
    cache_directory,
    locate_ansible,
    read_configuration,
    run_environment,
)
from rediacc.teams.files import checked_text, exclusive_lock, one_line
from rediacc.teams.inventory_cache import Record, load_record, open_inventory, store_record
from rediacc.teams.inventory_data import Group, Inventory, machines_of
from rediacc.teams.inventory_slice import slice_inventory
from rediacc.teams.inventory_sources import Marks, Watched, look_for_marks, watch
from rediacc.teams.names import looks_secret
from rediacc.teams.probes import error_line
from rediacc.teams.vaults.client import vault_arguments

__all__ = [
    "INVENTORY_TIMEOUT_SECONDS",
    "Inventory",
    "find_team",
    "other_teams_addresses",
    "read_inventory",
    "slice_inventory",
]

INVENTORY_TIMEOUT_SECONDS = 60.0
# Ansible's slowest: a megabyte of YAML on a busy machine. Large inventories get more time.
_READ_BYTES_PER_SECOND = 20_000
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_CONNECTION_NAMES = ("ansible_host", "ansible_port", "ansible_user")

_log = logging.getLogger(__name__)


def read_inventory(
    settings: Settings,
    team_name: str,
    *,
    environment: Mapping[str, str],
    refresh: bool = False,
) -> Inventory:
    """Return the team's inventory: from the cache while its files say the same, else by Ansible.

    :param refresh: ask Ansible even when the cache is fresh.
    :raises NotFound: no such team, or its inventory does not exist.
    :raises InvalidInput: Ansible cannot read it; the message carries Ansible's own last line.
    """
    team = settings.team(team_name)
    installation = locate_ansible(settings, environment)
    configuration = read_configuration(settings, installation, environment)
    reader = _Reader(settings, team.name, team.inventory, installation, configuration, environment)
    return reader.read(refresh=refresh)


class _Reader:
    """Reads one team's inventory once."""

    def __init__(
        self,
        settings: Settings,
        team: str,
        inventory: str,
        installation: Installation,
        configuration: Configuration,
        environment: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._team = team
        self._named = checked_text(inventory, f"inventory of team {team}")
        self._installation = installation
        self._configuration = configuration
        self._environment = environment
        self._directory = cache_directory(settings)

    def read(self, *, refresh: bool) -> Inventory:
        asked_at = time.time()
        watched = watch(self._settings.home, self._named)
        if not refresh:
            cached = self._cached(watched, since=0.0)
            if cached is not None:
                return cached
        # One reader asks Ansible; those who waited for it take its answer.
        with exclusive_lock(self._directory / f"{self._stem()}.lock"):
            watched = watch(self._settings.home, self._named)
            cached = self._cached(watched, since=asked_at if refresh else 0.0)
            return cached if cached is not None else self._ask()

    def _stem(self) -> str:
        return f"inventory-{self._team}"

    def _key(self, watched: Watched) -> str:
        passed = run_environment(self._settings, self._environment)
        relevant = {name: passed[name] for name in passed if name.startswith(("ANSIBLE_", "HOME"))}
        parts = (
            watched.stamp,
            watched.source,
            str(self._installation.directory),
            self._installation.version,
            astuple(self._configuration),
            sorted(relevant.items()),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _cached(self, watched: Watched, *, since: float) -> Inventory | None:
        record = load_record(self._directory, self._stem())
        if record is None or record.key != self._key(watched):
            return None
        now = time.time()
        if record.is_dynamic:
            age = now - record.read_at
            if not 0 <= age < self._settings.inventory_ttl_seconds:
                return None
        if since and record.read_at < since:
            return None
        return self._opened(record)

    def _opened(self, record: Record) -> Inventory | None:
        return open_inventory(
            self._directory, record, team=self._team, ask_ansible=self._resolve_by_ansible
        )

    def _ask(self) -> Inventory:
        for _turn in range(3):
            watched = watch(self._settings.home, self._named)
            marks = look_for_marks(watched, self._settings.home, self._configuration)
            read_at = time.time()
            answer, warnings = self._list(watched)
            # Files that changed meanwhile may have been encrypted when Ansible read them.
            if watch(self._settings.home, self._named).stamp == watched.stamp:
                break
        else:
            raise InvalidInput(
                f"the inventory of team {self._team} changes while it is read",
                hint="try again when its files are at rest",
            )
        structure = _structure(answer)
        machines = machines_of(structure, "all")
        variables, is_hidden = _storable(answer, machines, marks)
        record = store_record(
            self._directory,
            self._stem(),
            key=self._key(watched),
            read_at=read_at,
            source=watched.source,
            structure=structure,
            machines=machines,
            variables=variables,
            is_dynamic=marks.is_dynamic,
            has_hidden_variables=is_hidden,
            has_uncertain_trust=marks.has_plugin,
            warnings=warnings,
        )
        opened = self._opened(record)
        if opened is None:
            raise RediaccError(f"the cache in {self._directory} was removed while it was written")
        return opened

    def _list(self, watched: Watched) -> tuple[dict[str, Any], tuple[str, ...]]:
        answer = ask(
            self._settings,
            self._installation,
            "ansible-inventory",
            # Not by Ansible's display: a log file of the user's must not get the variables.
            (
                *("-i", watched.source, "--list", "--playbook-dir", str(self._settings.home)),
                *("--output", "/dev/stdout"),
                *vault_arguments(self._settings, self._team),
            ),
            environment=self._environment,
            timeout_seconds=INVENTORY_TIMEOUT_SECONDS + watched.size_bytes / _READ_BYTES_PER_SECOND,
        )
        if answer.returncode == 0:
            try:
                listed = json.loads(answer.stdout)
            except ValueError:
                listed = None
            if isinstance(listed, dict):
                return listed, _warnings(answer.stderr)
        raise InvalidInput(
            f"Ansible cannot read the inventory of team {self._team}: "
            f"{_reason(answer.stderr, watched.source)}",
            hint=f"try it by hand in {self._settings.home}: "
            f"ansible-inventory -i {self._named} --list",
        )

    def _resolve_by_ansible(self, pattern: str) -> tuple[str, ...]:
        checked_text(pattern, "host pattern")
        source = watch(self._settings.home, self._named).source
        answer = ask(
            self._settings,
            self._installation,
            "ansible",
            (
                *("-i", source, "--list-hosts"),
                *(*vault_arguments(self._settings, self._team), "--", pattern),
            ),
            environment=self._environment,
            timeout_seconds=INVENTORY_TIMEOUT_SECONDS,
        )
        lines = answer.stdout.decode(errors="replace").splitlines()
        if answer.returncode != 0 or not lines or not lines[0].startswith("  hosts ("):
            raise InvalidInput(
                f"Ansible cannot resolve the pattern {pattern!r}: {error_line(answer.stderr)}"
            )
        return tuple(line.strip() for line in lines[1:] if line.strip())


def _structure(answer: Mapping[str, Any]) -> dict[str, Group]:
    """Return every group by name, parents first; Ansible leaves empty ones out of its list."""
    structure: dict[str, Group] = {}
    waiting = ["all"]
    for name in waiting:
        if name in structure:
            continue
        listed = answer.get(name, {})
        group = Group(
            machines=tuple(listed.get("hosts", ())), children=tuple(listed.get("children", ()))
        )
        for machine in group.machines:
            checked_text(machine, "machine name in the inventory")
        structure[name] = group
        waiting.extend(group.children)
    return structure


def _storable(
    answer: Mapping[str, Any], machines: Iterable[str], marks: Marks
) -> tuple[dict[str, dict[str, Any]], bool]:
    """Return the variables that may be kept, and whether any had to be left out."""
    variables: dict[str, dict[str, Any]] = answer.get("_meta", {}).get("hostvars", {})
    hides = marks.may_hide or (
        (marks.has_plugin or marks.has_program)
        and any(_has_plain_secret(own) for own in variables.values())
    )
    if not hides:
        return variables, False
    kept = {}
    for machine in machines:
        own = variables.get(machine, {})
        kept[machine] = {
            name: own[name]
            for name in _CONNECTION_NAMES
            if name in own and (name, str(own[name])) in marks.plain
        }
    return kept, True


def _has_plain_secret(value: Any) -> bool:
    """Return whether a program or plugin gave out what is named like a secret, in plain text."""
    if isinstance(value, dict):
        return any(
            (
                isinstance(item, str)
                and item
                and "{{" not in item
                and name != "__ansible_vault"
                and looks_secret(name)
            )
            or _has_plain_secret(item)
            for name, item in value.items()
        )
    return isinstance(value, list) and any(_has_plain_secret(item) for item in value)


def _blocks(stderr: str) -> list[str]:
    found = re.split(r"^(?=\[[A-Z ]+\]:)", stderr, flags=re.MULTILINE)
    return [block for block in found if block.startswith("[WARNING]:")]


def _warnings(stderr: str) -> tuple[str, ...]:
    firsts = (re.split(r"\n\s*\n", block)[0] for block in _blocks(stderr))
    return tuple(one_line(first.removeprefix("[WARNING]:")) for first in firsts)


def _reason(stderr: str, source: str) -> str:
    """Return why Ansible failed: its error, or the plugin's complaint that led to it."""
    line = error_line(stderr)
    if "No inventory was parsed" not in line:
        return line
    complaints = [block for block in _blocks(stderr) if "Failed to parse inventory" in block]
    wanted = ("'yaml'", "'auto'") if source.endswith((".yml", ".yaml", ".json")) else ("'ini'",)
    for plugin in ("'script'", *wanted):
        for block in complaints:
            if plugin in block:
                return error_line("[ERROR]:" + block.removeprefix("[WARNING]:"))
    return line


def find_team(settings: Settings, machine: str, *, environment: Mapping[str, str]) -> str:
    """Return the one team that has `machine`.

    :raises NotFound: no team has it; the hint names what is spelled alike.
    :raises Conflict: several teams have it.
    """
    checked_text(machine, "machine name")
    having: list[str] = []
    names: set[str] = set()
    unreadable: RediaccError | None = None
    for team in settings.teams:
        try:
            inventory = read_inventory(settings, team, environment=environment)
        except RediaccError as exc:
            unreadable = exc
            continue
        names.update(inventory.hosts)
        if machine in inventory.hosts:
            having.append(team)
    if len(having) == 1:
        return having[0]
    if having:
        raise Conflict(
            f"machine {machine} is in several teams: {', '.join(having)}",
            hint="say which one with --team",
        )
    if unreadable is not None:
        raise unreadable
    alike = difflib.get_close_matches(machine, names, n=3)
    raise NotFound(
        f"no team has a machine {machine!r}",
        hint=f"did you mean {', '.join(alike)}?" if alike else "rediacc list machines",
    )


def other_teams_addresses(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Return names and addresses of machines of other teams that are none of `team`'s.

    For a team whose inventory cannot be read at the moment, what was read last holds.
    """
    mine = read_inventory(settings, team, environment=environment)
    own = {*mine.hosts, *mine.addresses.values(), *_LOCAL_NAMES}
    found: dict[str, None] = {}
    for other in settings.teams:
        if other == team:
            continue
        machines, addresses = _known_addresses(settings, other, environment)
        for machine in machines:
            address = addresses.get(machine, machine)
            if machine not in own:
                found[machine] = None
            if address not in own:
                found[address] = None
    return tuple(found)


def _known_addresses(
    settings: Settings, team: str, environment: Mapping[str, str]
) -> tuple[Iterable[str], Mapping[str, str]]:
    """Return a team's machines and addresses as they are, else as they were read last."""
    try:
        inventory = read_inventory(settings, team, environment=environment)
    except RediaccError as exc:
        _log.warning("cannot read the inventory of team %s: %s", team, exc.message)
        record = load_record(cache_directory(settings), f"inventory-{team}")
        return (record.machines, record.addresses) if record is not None else ((), {})
    return inventory.hosts, inventory.addresses
