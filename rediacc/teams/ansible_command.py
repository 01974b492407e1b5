"""Whose Ansible reads and runs a home, with which environment and under which configuration.

Ansible's own programs are asked (``ansible-config``, ``ansible-inventory`` …), always in the
home's directory, without a terminal, with a time limit; nothing of Ansible is imported here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pwd
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.settings import PASSED_ENVIRONMENT, Settings
from rediacc.teams.files import private_directory, write_private
from rediacc.teams.probes import Answer, error_line, run_probe

__all__ = [
    "PROBE_TIMEOUT_SECONDS",
    "Configuration",
    "Installation",
    "ask",
    "cache_directory",
    "find_user_ansible",
    "locate_ansible",
    "read_configuration",
    "run_environment",
]

PROBE_TIMEOUT_SECONDS = 60.0
_LOWEST, _ABOVE = (2, 19), (2, 23)
_PROGRAMS = ("ansible", "ansible-config", "ansible-inventory", "ansible-playbook")
_USUAL_INVENTORY_PLUGINS = {"host_list", "script", "auto", "yaml", "ini", "toml"}
_VERSION = re.compile(r"\[core (\d+\.\d+[^\]\s]*)\]")

# What only the probes get: nothing here changes what Ansible finds, only how it prints.
_PROBE_ENVIRONMENT = {
    "ANSIBLE_VERBOSITY": "0",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_INVENTORY_EXPORT": "0",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
    "PYTHONWARNINGS": "ignore",
    # So that the collection's inventory plugin, found in a team's own inventory, does not ask back.
    "REDIACC_READS_INVENTORY": "1",
}


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The directory of Ansible's programs, and their version."""

    directory: Path
    version: str


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Ansible's effective settings in a home, as far as rediacc needs them.

    :param config_file: the ``ansible.cfg`` in force; ``None`` without one.
    :param is_from_repository: whether that file lies inside the home.
    :param host_key_checking: false only when a file inside the home says so.
    :param pipelining: ``None`` when nobody set it.
    :param inventory: the configured default inventories.
    :param vars_plugins: enabled vars plugins beside Ansible's own ``host_group_vars``.
    :param inventory_plugins: enabled inventory plugins beside those that Ansible enables itself.
    :param vars_plugin_paths: directories whose vars plugins Ansible loads by itself.
    :param vault_identities: configured vault ids, ``name@file`` or ``file``.
    :param vault_password_file: the one password file that is configured beside them.
    :param vault_identity: the name of a vault id that has none.
    :param vault_encrypt_identity: the vault id to write with; empty where nobody said.
    """

    config_file: str | None
    is_from_repository: bool
    collections_paths: tuple[str, ...]
    callbacks_enabled: tuple[str, ...]
    host_key_checking: bool
    pipelining: bool | None
    inventory: tuple[str, ...]
    forks: int
    vars_plugins: tuple[str, ...] = ()
    vars_plugin_paths: tuple[str, ...] = ()
    inventory_plugins: tuple[str, ...] = ()
    vault_identities: tuple[str, ...] = ()
    vault_password_file: str = ""
    vault_identity: str = "default"
    vault_encrypt_identity: str = ""


def run_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that Ansible gets: allow-listed names, UTF-8, ssh that never asks."""
    return _allowed(environment, (*PASSED_ENVIRONMENT, *settings.pass_environment))


def _allowed(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    passed = {name: environment[name] for name in names if name in environment}
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if not _is_utf8(passed.get(name, "")):
            passed.pop(name, None)
    if not passed.keys() & {"LC_ALL", "LC_CTYPE", "LANG"}:
        passed["LANG"] = "C.UTF-8"
    passed.setdefault("PATH", os.defpath)
    if "HOME" not in passed:
        passed["HOME"] = _account_home()
    # No terminal is ever there to answer: a question must fail at once, not hang.
    passed["SSH_ASKPASS"] = "/bin/false"
    passed["SSH_ASKPASS_REQUIRE"] = "force"
    return passed


def _is_utf8(locale: str) -> bool:
    return locale.lower().replace("-", "").partition("@")[0].endswith("utf8")


def _account_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def locate_ansible(settings: Settings, environment: Mapping[str, str]) -> Installation:
    """Return the Ansible of this home: the recorded one, else the one that came with rediacc.

    :raises InvalidInput: it is not there, or its version is not supported.
    """
    own = Path(sys.executable).parent
    recorded = settings.ansible_directory
    directory = own if recorded is None else settings.home / recorded
    program = directory / "ansible-playbook"
    if not os.access(program, os.X_OK):
        raise InvalidInput(
            f"there is no ansible-playbook in {directory}",
            hint="set 'directory' in [ansible] of rediacc.toml to where ansible-playbook lies",
        )
    if directory == own:
        version = _bundled_version() or _cached_version(settings, program, environment)
    else:
        version = _cached_version(settings, program, environment)
    if not _is_supported(version):
        raise InvalidInput(
            f"ansible-core {version} in {directory} is not supported",
            hint="rediacc works with ansible-core 2.19 to 2.22; change 'directory' in [ansible] "
            "of rediacc.toml, or remove it to use the one that came with rediacc",
        )
    return Installation(directory=directory, version=version)


def find_user_ansible(environment: Mapping[str, str]) -> Path | None:
    """Return the directory of the ``ansible-playbook`` on the PATH, if rediacc supports it."""
    found = shutil.which("ansible-playbook", path=environment.get("PATH", os.defpath))
    if found is None:
        return None
    program = Path(found).absolute()
    directory = program.parent
    if not all(os.access(directory / name, os.X_OK) for name in _PROGRAMS):
        # A link to one program only: its companions lie beside what it points to.
        directory = program.resolve().parent
        if not all(os.access(directory / name, os.X_OK) for name in _PROGRAMS):
            return None
    try:
        version = _ask_version(
            directory / "ansible-playbook", _allowed(environment, PASSED_ENVIRONMENT)
        )
    except InvalidInput:
        return None
    return directory if _is_supported(version) else None


def _is_supported(version: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and _LOWEST <= (int(numbers[1]), int(numbers[2])) < _ABOVE


def _bundled_version() -> str | None:
    try:
        return importlib.metadata.version("ansible-core")
    except importlib.metadata.PackageNotFoundError:
        return None


def _ask_version(program: Path, environment: Mapping[str, str]) -> str:
    answer = run_probe([str(program), "--version"], Path("/"), environment, PROBE_TIMEOUT_SECONDS)
    found = _VERSION.search(answer.stdout.decode(errors="replace"))
    if answer.returncode != 0 or found is None:
        raise InvalidInput(
            f"{program} does not say its version: {error_line(answer.stderr)}",
            hint=f"try it by hand: {program} --version",
        )
    return found[1]


def _cached_version(settings: Settings, program: Path, environment: Mapping[str, str]) -> str:
    """Ask once for each state of the program: an upgrade rewrites it."""
    stat = program.stat()
    key = f"{program}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"
    cached = _load(cache_directory(settings) / "ansible.json")
    if cached.get("key") == key and isinstance(cached.get("version"), str):
        return str(cached["version"])
    version = _ask_version(program, run_environment(settings, environment))
    _store(cache_directory(settings) / "ansible.json", {"key": key, "version": version})
    return version


def cache_directory(settings: Settings) -> Path:
    """Return the home's private cache directory, made where it is missing."""
    return private_directory(private_directory(settings.state_directory) / "cache")


def ask(
    settings: Settings,
    installation: Installation,
    program: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout_seconds: float = PROBE_TIMEOUT_SECONDS,
    added: Mapping[str, str] | None = None,
) -> Answer:
    """Run one of Ansible's programs in the home and return what it said.

    :param added: variables that it gets beside the allow-listed ones, for example to log in.
    :raises InvalidInput: it could not be started or did not end in time.
    """
    probe = run_environment(settings, environment) | _PROBE_ENVIRONMENT | dict(added or {})
    argv = [str(installation.directory / program), *arguments]
    return run_probe(argv, settings.home, probe, timeout_seconds)


def read_configuration(
    settings: Settings, installation: Installation, environment: Mapping[str, str]
) -> Configuration:
    """Return Ansible's effective settings in the home, cached until what decides them changes.

    :raises InvalidInput: Ansible cannot read its configuration.
    """
    path = cache_directory(settings) / "configuration.json"
    key = _configuration_key(settings, installation, environment)
    cached = _load(path)
    if cached.get("key") == key:
        return _from_cache(cached["configuration"])
    configuration = _ask_configuration(settings, installation, environment)
    _store(path, {"key": key, "configuration": asdict(configuration)})
    return configuration


def _configuration_key(
    settings: Settings, installation: Installation, environment: Mapping[str, str]
) -> str:
    passed = run_environment(settings, environment)
    named = passed.get("ANSIBLE_CONFIG")
    candidates = [
        *([settings.home / Path(named).expanduser()] if named else []),
        *([settings.home / Path(named).expanduser() / "ansible.cfg"] if named else []),
        settings.home / "ansible.cfg",
        Path(passed["HOME"]) / ".ansible.cfg",
        Path("/etc/ansible/ansible.cfg"),
    ]
    fields = ",".join(entry.name for entry in dataclasses.fields(Configuration))
    digest = hashlib.sha256(f"{fields}\0{installation.directory}\0{installation.version}".encode())
    digest.update(f"\0{settings.home}\0{settings.home.stat().st_mode & 0o2}".encode())
    for candidate in candidates:
        digest.update(f"\0{candidate}\0".encode())
        try:
            digest.update(hashlib.sha256(candidate.read_bytes()).digest())
        except OSError:
            digest.update(b"none")
    for name in sorted(passed):
        if name.startswith("ANSIBLE_") or name in ("HOME", "XDG_CONFIG_HOME"):
            digest.update(f"\0{name}={passed[name]}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _ask_configuration(
    settings: Settings, installation: Installation, environment: Mapping[str, str]
) -> Configuration:
    # Host key checking is a matter of the repository's files only: without these variables the
    # answer names the file that decides.
    ignored = {"ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"}
    asked = {name: value for name, value in environment.items() if name not in ignored}
    base = _dump(settings, installation, asked, ())
    config_file = base.get("CONFIG_FILE", {}).get("value")
    is_set = config_file or any(
        name.startswith("ANSIBLE_") for name in run_environment(settings, asked)
    )
    # Without a file and variables nothing but defaults is left to ask for.
    ssh = _dump(settings, installation, asked, ("--type", "connection", "ssh")) if is_set else {}
    checking = ssh.get("host_key_checking", base.get("HOST_KEY_CHECKING", {}))
    pipelining = ssh.get("pipelining", {})
    return Configuration(
        config_file=str(config_file) if config_file else None,
        is_from_repository=_is_inside(config_file, settings.home),
        collections_paths=_texts(base, "COLLECTIONS_PATHS"),
        callbacks_enabled=_texts(base, "CALLBACKS_ENABLED"),
        host_key_checking=not (
            checking.get("value") is False and _is_inside(checking.get("origin"), settings.home)
        ),
        pipelining=None
        if pipelining.get("origin", "default") == "default"
        else bool(pipelining.get("value")),
        inventory=_texts(base, "DEFAULT_HOST_LIST"),
        forks=int(base.get("DEFAULT_FORKS", {}).get("value") or 5),
        vars_plugins=tuple(
            name
            for name in _texts(base, "VARIABLE_PLUGINS_ENABLED")
            if name.rpartition(".")[2] != "host_group_vars"
        ),
        vars_plugin_paths=_texts(base, "DEFAULT_VARS_PLUGIN_PATH"),
        inventory_plugins=tuple(
            name
            for name in _texts(base, "INVENTORY_ENABLED")
            if name.removeprefix("ansible.builtin.") not in _USUAL_INVENTORY_PLUGINS
        ),
        vault_identities=_texts(base, "DEFAULT_VAULT_IDENTITY_LIST"),
        vault_password_file=_text(base, "DEFAULT_VAULT_PASSWORD_FILE"),
        vault_identity=_text(base, "DEFAULT_VAULT_IDENTITY") or "default",
        vault_encrypt_identity=_text(base, "DEFAULT_VAULT_ENCRYPT_IDENTITY"),
    )


def _dump(
    settings: Settings,
    installation: Installation,
    environment: Mapping[str, str],
    arguments: tuple[str, ...],
) -> dict[str, dict[str, Any]]:
    """Return ``ansible-config dump`` as a table by name."""
    answer = ask(
        settings,
        installation,
        "ansible-config",
        ("dump", "--format", "json", *arguments),
        environment=environment,
    )
    try:
        entries = json.loads(answer.stdout)
    except ValueError as exc:
        raise InvalidInput(
            f"Ansible cannot read its configuration: {error_line(answer.stderr)}",
            hint=f"try it by hand in {settings.home}: ansible-config dump",
        ) from exc
    plugin = entries[0].get("ssh") if entries and "ssh" in entries[0] else entries
    return {entry["name"]: entry for entry in plugin or () if "name" in entry}


def _texts(table: Mapping[str, Mapping[str, Any]], name: str) -> tuple[str, ...]:
    value = table.get(name, {}).get("value") or ()
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _text(table: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return str(table.get(name, {}).get("value") or "")


def _is_inside(path: object, home: Path) -> bool:
    if not isinstance(path, str) or not path.startswith("/"):
        return False
    return Path(path).resolve().is_relative_to(home.resolve())


def _from_cache(stored: Mapping[str, Any]) -> Configuration:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    return Configuration(**fields)


def _load(path: Path) -> dict[str, Any]:
    """Return a cache file's content; an unreadable or half-known one counts as empty."""
    try:
        loaded = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _store(path: Path, content: Mapping[str, Any]) -> None:
    write_private(path, json.dumps(content))
