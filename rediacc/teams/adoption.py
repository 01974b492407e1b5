"""Turn a directory into a home: files are added, none is changed.

An existing Ansible repository goes on working as it did; deleting ``rediacc.toml`` and
``.rediacc/`` undoes everything.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit

from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.requests import InitRequest
from rediacc.settings import CONFIG_NAME, STATE_NAME, Settings, TeamSettings, load_settings
from rediacc.settings.monitoring import check_sample_every
from rediacc.teams.ansible_command import find_user_ansible, locate_ansible, read_configuration
from rediacc.teams.discovery import Candidate, discover_inventories
from rediacc.teams.files import checked_text, one_line, write_private
from rediacc.teams.inventory import read_inventory
from rediacc.teams.names import check_team
from rediacc.views import InitReport

__all__ = ["LAUNCHER_NAME", "Candidate", "discover_inventories", "initialise"]

LAUNCHER_NAME = "rediacc"
_IGNORE_ALL = "# Everything here belongs to rediacc and to this host alone.\n*\n"


def initialise(request: InitRequest, *, environment: Mapping[str, str]) -> InitReport:
    """Add what makes ``request.directory`` a home; without success nothing of it remains.

    An inventory that cannot be read yet, for example because its vault password is missing,
    becomes a note.

    :raises Conflict: it is a home already, or a file is in the way.
    :raises InvalidInput: a team's name or inventory cannot be meant.
    :raises NotFound: an inventory that was named does not exist.
    """
    checked_text(request.directory, "directory")
    if request.sample_every_seconds is not None:
        check_sample_every(request.sample_every_seconds, "sample_every")
    home = Path(request.directory).expanduser().resolve()
    _check_free(home, with_launcher=request.launcher)
    teams = _named_teams(home, request.teams)
    addition = _Addition(home)
    try:
        return _Adoption(home, request, environment, addition).run(teams)
    except BaseException:
        addition.undo()
        raise


def _check_free(home: Path, *, with_launcher: bool) -> None:
    if home.exists() and not home.is_dir():
        raise InvalidInput(f"{home} is no directory")
    if os.path.lexists(home / CONFIG_NAME):
        raise Conflict(
            f"{home} is a home already: it has a {CONFIG_NAME}",
            hint=f"edit {CONFIG_NAME}, or add a team with 'rediacc create team'",
        )
    if with_launcher and os.path.lexists(home / LAUNCHER_NAME):
        raise Conflict(f"{home / LAUNCHER_NAME} exists; it is left as it is", hint="--no-launcher")


def _named_teams(home: Path, teams: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Check the teams that a person named, and return their inventories from the home."""
    named = []
    owners: dict[str, str] = {}
    for name, given in teams.items():
        check_team(name)
        checked_text(given, f"inventory of team {name}")
        path = Path(os.path.normpath(home / Path(given).expanduser()))
        if path.exists():
            shown = str(path.relative_to(home) if path.is_relative_to(home) else path)
        elif "," in given:
            shown = given
        else:
            raise NotFound(f"the inventory {given} of team {name} does not exist in {home}")
        if shown in owners:
            raise InvalidInput(f"teams {owners[shown]} and {name} have the same inventory {shown}")
        owners[shown] = name
        named.append(Candidate(name=name, path=shown))
    return tuple(named)


class _Addition:
    """Remembers what was added, to take it away again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.files: list[Path] = []
        self._directories: list[Path] = []

    def directory(self, path: Path, *, mode: int) -> None:
        """Make `path` and what is missing above it."""
        if path.is_dir():
            return
        if not path.parent.is_dir():
            self.directory(path.parent, mode=0o755)
        try:
            path.mkdir(mode=mode)
        except OSError as exc:
            raise InvalidInput(f"cannot make the directory {path}: {exc.strerror}") from exc
        self._directories.append(path)

    def file(self, path: Path, content: str, *, mode: int) -> None:
        """Write a new file in one step; what stands there already is never replaced."""
        draft = self.home / STATE_NAME / f"{path.name}.new"
        write_private(draft, content, mode=mode)
        try:
            os.link(draft, path)
        except FileExistsError as exc:
            raise Conflict(f"{path} exists; it is left as it is") from exc
        except OSError as exc:
            raise RediaccError(f"cannot write {path}: {exc.strerror}") from exc
        finally:
            draft.unlink()
        self.files.append(path)

    def undo(self) -> None:
        for file in reversed(self.files):
            file.unlink(missing_ok=True)
        for directory in reversed(self._directories):
            shutil.rmtree(directory, ignore_errors=True)


class _Adoption:
    """One run of ``init``."""

    def __init__(
        self,
        home: Path,
        request: InitRequest,
        environment: Mapping[str, str],
        addition: _Addition,
    ) -> None:
        self._home = home
        self._request = request
        self._environment = environment
        self._add = addition
        self._notes: list[str] = []

    def run(self, named: tuple[Candidate, ...]) -> InitReport:
        state = self._home / STATE_NAME
        self._add.directory(state, mode=0o700)
        if not os.path.lexists(state / ".gitignore"):
            self._add.file(state / ".gitignore", _IGNORE_ALL, mode=0o644)
        directory = self._ansible_directory()
        settings = self._settings(directory, named)
        installation = locate_ansible(settings, self._environment)
        teams = named or self._discovered(settings)
        settings = self._settings(directory, teams)
        counted = tuple((team.name, team.path, self._count(settings, team)) for team in teams)
        self._write(directory, teams)
        load_settings(self._home, environment=self._environment)
        return InitReport(
            home=str(self._home),
            teams=counted,
            written=tuple(str(file.relative_to(self._home)) for file in self._add.files),
            ansible=f"ansible-core {installation.version} in {installation.directory}",
            sample_every_seconds=self._request.sample_every_seconds,
            notes=tuple(self._notes),
        )

    def _ansible_directory(self) -> Path | None:
        """Return the user's own Ansible, when it is another than the one of rediacc."""
        found = find_user_ansible(self._environment)
        on_path = shutil.which("ansible-playbook", path=self._environment.get("PATH", os.defpath))
        if found is None and on_path is not None:
            self._notes.append(
                f"{on_path} is not supported (ansible-core 2.19 to 2.22 is): "
                "the Ansible that came with rediacc is used"
            )
        return None if found == Path(sys.executable).parent else found

    def _settings(self, directory: Path | None, teams: Sequence[Candidate]) -> Settings:
        return Settings(
            home=self._home,
            teams={team.name: TeamSettings(name=team.name, inventory=team.path) for team in teams},
            database_url="",
            ansible_directory=directory,
        )

    def _discovered(self, settings: Settings) -> tuple[Candidate, ...]:
        installation = locate_ansible(settings, self._environment)
        configuration = read_configuration(settings, installation, self._environment)
        if (self._home / "ansible.cfg").is_file() and configuration.config_file is None:
            self._notes.append("Ansible ignores ansible.cfg: others may write to this directory")
        return discover_inventories(self._home, configuration.inventory)

    def _count(self, settings: Settings, team: Candidate) -> int:
        try:
            inventory = read_inventory(settings, team.name, environment=self._environment)
        except RediaccError as exc:
            self._notes.append(one_line(f"team {team.name}: {exc.message}"))
            return 0
        if not inventory.hosts:
            self._notes.extend(f"team {team.name}: {warning}" for warning in inventory.warnings)
        return len(inventory.hosts)

    def _write(self, directory: Path | None, teams: Sequence[Candidate]) -> None:
        if self._request.launcher:
            self._add.file(self._home / LAUNCHER_NAME, _launcher(), mode=0o755)
        text = _config_text(directory, teams, self._request.sample_every_seconds)
        self._add.file(self._home / CONFIG_NAME, text, mode=0o644)


def _quoted(text: str) -> str:
    return str(tomlkit.string(text).as_string())


def _config_text(
    directory: Path | None, teams: Sequence[Candidate], sample_every: float | None
) -> str:
    ansible = (
        f"directory = {_quoted(str(directory))}"
        if directory is not None
        else '# directory = "/path/to/bin"    # the Ansible that came with rediacc is used'
    )
    sampling = "" if sample_every is None else f"sample_every = {sample_every:g}\n"
    tables = "".join(
        f"\n[teams.{team.name}]\ninventory = {_quoted(team.path)}\n{sampling}" for team in teams
    )
    return f"""\
# This directory is a rediacc home. Ansible does not read this file, and rediacc changes none of
# yours. What stands behind '#' is the default.

[ansible]
# Whose ansible, ansible-playbook and ansible-inventory run your work.
{ansible}
# pass_environment = []    # names of variables that Ansible gets beside the usual ones
# inventory_ttl = 60       # seconds for which a dynamic inventory's answer counts

[worker]
# slots = 4                # runs at once
# urgent_slots = 10        # further runs, for tasks of level 1 only

[queue]
# machine_concurrency = 1  # tasks at once on one machine
# timeout = 0              # seconds a task may run where it does not say; 0 for any time

[retention]
# How long it stays in the database before a worker moves it to .rediacc/archive/; or "never".
# tasks = "90d"            # finished tasks with their results, output and events
# samples = "1d"           # single looks at machines
# audit = "365d"           # entries of the audit; its chain goes on over archives

[monitoring]
# timeout = 10             # seconds that a machine has to tell its health
# forks = 20               # machines asked at once
# cpu_limit = 90           # percent from which a machine is overloaded; also memory_limit = 95
# disk_limit = 95          # and the fullest disk: --any passes over overloaded machines
# metrics = "127.0.0.1:9750"        # where a worker serves metrics for Prometheus; off by default
# textfile = "/path/rediacc.prom"   # where it writes them each minute; off by default

[alerts]
# What is wrong lands in an inbox without any of this: rediacc list alerts.
# late = 10                # seconds after which a task of level 1 should have started
# depth = 1000             # tasks of a team that may wait
# disk = 90                # percent of a machine's fullest disk; also cpu = 95, memory = 95
# off = []                 # rules that are switched off, such as "queue-deep"
# [alerts.channels.oncall]   # where messages go
# secret = "pager_url"     # the vault's name of an Apprise URL; or webhook, command, file

# Roles of your own, beside viewer, operator and maintainer (rediacc list permissions):
# [roles.deployer]
# operations = ["task.create", "task.cancel"]   # or "task.*"
# highest_priority = 3                          # gives no task a higher level

# A team is an inventory and what belongs to it. Paths are from here. With sample_every = 60 a
# worker looks at CPU, memory and disk of its machines every 60 seconds; without it never.
# It may also have:
# ssh = "vault"        # log in with the key ssh_private_key of its vault, not as you do
# [teams.NAME.vault]         # without this: what ansible.cfg says, else a key in .rediacc/keys/
# key_command = "pass show ansible/NAME"    # prints the vault's key
# id = "NAME"              # or: the vault id of ansible.cfg that its files are written with
{tables or "# [teams.prod]" + chr(10) + '# inventory = "inventories/prod"' + chr(10)}"""


def _launcher() -> str:
    program = Path(sys.executable).parent / "rediacc"
    command = (
        shlex.quote(str(program))
        if os.access(program, os.X_OK)
        else f"{shlex.quote(sys.executable)} -m rediacc"
    )
    return f"""\
#!/bin/sh
# Starts rediacc for the home that this file lies in.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
REDIACC_HOME=$here
export REDIACC_HOME
exec {command} "$@"
"""
