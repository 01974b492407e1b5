"""How Ansible would reach a machine by ssh, and what the user's own ssh makes of it.

``ssh -G`` is asked with the very arguments that Ansible would give, so that aliases, ``Match``
blocks, jump hosts and known_hosts files are the user's own. Nothing here opens a connection.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput
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
from rediacc.teams.files import one_line, read_limited, write_private
from rediacc.teams.inventory import read_inventory
from rediacc.teams.probes import error_line, run_probe
from rediacc.teams.vaults.ssh import ssh_arguments, uses_vault

__all__ = ["Endpoint", "SshSetup"]

_PROBE_SECONDS = 15.0
_SSH_CONNECTIONS = {"ssh", "smart", "ansible.builtin.ssh", ""}
_OPTIONS = ("ssh_args", "ssh_common_args", "ssh_extra_args", "port", "remote_user")
# What may stand in ssh's arguments and, through %h, in the user's own ProxyCommand: no spaces,
# no shell's characters, no leading dash.
_TARGET = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._:%-]{0,254}|:[A-Fa-f0-9:.]{1,60}(?:%[A-Za-z0-9_.-]+)?"
)
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@+%~-]{0,254}\$?")
_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_REFERENCE_DEPTH = 5


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where ssh goes for a machine and where it looks for the host key.

    :param arguments: what Ansible gives to ssh, without the target.
    :param lookup: the name in known_hosts: the alias, ``host``, or ``[host]:port``.
    :param files: the user's known_hosts files, the first of which new keys go to.
    :param is_direct: whether no jump host, proxy or bound address stands between.
    """

    machine: str
    target: str
    arguments: tuple[str, ...]
    hostname: str
    port: int
    lookup: str
    has_alias: bool
    files: tuple[Path, ...]
    global_files: tuple[Path, ...]
    hashes_names: bool
    is_direct: bool
    family: str = "any"


@dataclass(frozen=True, kw_only=True)
class _Defaults:
    """What ``ansible.cfg`` and the environment say for every machine."""

    transport: str
    values: Mapping[str, Any] = field(default_factory=dict)


class SshSetup:
    """The ssh set-up of one team, read once.

    :param environment: the caller's environment, of which Ansible would get its share.
    """

    def __init__(self, settings: Settings, team: str, *, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._given = environment
        self.environment = run_environment(settings, environment) | {"LC_ALL": "C"}
        self.hosts = read_inventory(settings, team, environment=environment).hosts
        self._defaults = self._read_defaults()
        # What a run gives ssh in place of the configured arguments.
        self._own = ssh_arguments(settings, team) if uses_vault(settings, team) else None

    def endpoint(self, machine: str) -> Endpoint | None:
        """Return where ssh goes for `machine`; ``None`` when Ansible would not use ssh.

        :raises InvalidInput: its address, user or options must not reach ssh, or ssh refuses them.
        """
        variables = {**self.hosts[machine], "inventory_hostname": machine}
        connection = self._text(variables, "ansible_connection") or self._defaults.transport
        if connection not in _SSH_CONNECTIONS:
            return None
        target = self._text(variables, "ansible_host", "ansible_ssh_host") or machine
        if not _TARGET.fullmatch(target):
            raise InvalidInput(f"machine {machine}: {target[:80]!r} is no address for ssh")
        return self._ask_ssh(machine, target, self._arguments(machine, variables))

    def probe(self, *argv: str, timeout_seconds: float = _PROBE_SECONDS) -> tuple[int, str, str]:
        """Run a program of OpenSSH in the home; return its status, output and complaints."""
        answer = run_probe(argv, self._settings.home, self.environment, timeout_seconds)
        return answer.returncode, answer.stdout.decode(errors="replace"), answer.stderr

    def _read_defaults(self) -> _Defaults:
        """Ask Ansible once for each state of its configuration."""
        installation = locate_ansible(self._settings, self._given)
        configuration = read_configuration(self._settings, installation, self._given)
        key = self._key(configuration, installation)
        path = cache_directory(self._settings) / "ssh.json"
        try:
            cached = json.loads(path.read_bytes())
        except (OSError, ValueError):
            cached = None
        if isinstance(cached, dict) and cached.get("key") == key:
            return _Defaults(transport=cached["transport"], values=cached["values"])
        base = self._dump(installation, ())
        ssh = self._dump(installation, ("--type", "connection", "ssh"))
        transport = str(base.get("DEFAULT_TRANSPORT") or "ssh")
        values = {name: ssh.get(name) for name in _OPTIONS}
        write_private(path, json.dumps({"key": key, "transport": transport, "values": values}))
        return _Defaults(transport=transport, values=values)

    def _key(self, configuration: Configuration, installation: Installation) -> str:
        file = configuration.config_file
        passed = sorted(
            (name, value)
            for name, value in self.environment.items()
            if name.startswith("ANSIBLE_") or name == "HOME"
        )
        content = read_limited(Path(file)) if file else b""
        digest = hashlib.sha256(repr((file, passed, str(installation))).encode() + content)
        return digest.hexdigest()

    def _dump(self, installation: Installation, arguments: tuple[str, ...]) -> dict[str, Any]:
        answer = ask(
            self._settings,
            installation,
            "ansible-config",
            ("dump", "--format", "json", *arguments),
            environment=self._given,
        )
        try:
            entries = json.loads(answer.stdout)
        except ValueError as exc:
            raise InvalidInput(
                f"Ansible cannot read its configuration: {error_line(answer.stderr)}",
                hint=f"try it by hand in {self._settings.home}: ansible-config dump",
            ) from exc
        if entries and "ssh" in entries[0]:
            entries = entries[0]["ssh"]
        return {entry["name"]: entry["value"] for entry in entries if "name" in entry}

    def _arguments(self, machine: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
        """Put them in Ansible's order: for ssh the first of several values counts."""
        if self._own is not None and "ansible_ssh_args" not in variables:
            arguments = [*self._own]
        else:
            arguments = self._option(machine, variables, "ssh_args", "ansible_ssh_args")
        port = self._text(variables, "ansible_port", "ansible_ssh_port") or self._default("port")
        if port:
            if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
                raise InvalidInput(f"machine {machine}: {port[:40]!r} is no port")
            arguments += ["-o", f"Port={port}"]
        user = self._text(variables, "ansible_user", "ansible_ssh_user")
        user = user or self._default("remote_user")
        if user:
            if not _USER.fullmatch(user):
                raise InvalidInput(f"machine {machine}: {user[:80]!r} is no user for ssh")
            arguments += ["-o", f'User="{user}"']
        for name in ("ssh_common_args", "ssh_extra_args"):
            arguments += self._option(machine, variables, name, f"ansible_{name}")
        return tuple(arguments)

    def _option(
        self, machine: str, variables: Mapping[str, Any], name: str, variable: str
    ) -> list[str]:
        text = self._text(variables, variable)
        if text is None:
            text = self._default(name) or ""
        try:
            return shlex.split(text)
        except ValueError as exc:
            raise InvalidInput(f"machine {machine}: {variable} is not well quoted: {exc}") from exc

    def _default(self, name: str) -> str | None:
        value = self._defaults.values.get(name)
        return None if value is None else str(value)

    def _text(self, variables: Mapping[str, Any], *names: str) -> str | None:
        """Return the last of the variables that is set, plain references resolved."""
        for name in reversed(names):
            value = variables.get(name)
            if value is not None:
                return _resolved(str(value), variables)
        return None

    def _ask_ssh(self, machine: str, target: str, arguments: tuple[str, ...]) -> Endpoint:
        status, output, complaint = self.probe("ssh", "-G", *arguments, "--", target)
        if status != 0:
            raise InvalidInput(f"machine {machine}: ssh refuses its set-up: {one_line(complaint)}")
        said = dict(line.partition(" ")[::2] for line in output.splitlines())
        hostname, port = said["hostname"].lower(), int(said["port"])
        alias = said.get("hostkeyalias", "")
        proxies = ("proxyjump", "proxycommand", "bindaddress", "bindinterface")
        return Endpoint(
            machine=machine,
            target=target,
            arguments=arguments,
            hostname=hostname,
            port=port,
            lookup=alias.lower() or (hostname if port == 22 else f"[{hostname}]:{port}"),
            has_alias=bool(alias),
            files=_files(said, "userknownhostsfile"),
            global_files=_files(said, "globalknownhostsfile"),
            hashes_names=said.get("hashknownhosts") == "yes",
            is_direct=all(said.get(name, "none") == "none" for name in proxies),
            family=said.get("addressfamily", "any"),
        )


def _resolved(text: str, variables: Mapping[str, Any]) -> str:
    """Put in what plain references to the machine's own variables mean; leave the rest alone."""
    for _turn in range(_REFERENCE_DEPTH):
        if "{{" not in text:
            break
        text = _REFERENCE.sub(lambda found: str(variables.get(found[1], found[0])), text)
        if len(text) > 4096:
            break
    return text


def _files(said: Mapping[str, str], name: str) -> tuple[Path, ...]:
    files = []
    for part in said.get(name, "").split():
        if part in ("none", "/dev/null"):
            continue
        # ssh takes the account's home, not HOME.
        text = _expanded_tokens(part, said)
        home = pwd.getpwuid(os.getuid()).pw_dir
        files.append(Path(f"{home}{text[1:]}" if text.startswith("~/") else text))
    return tuple(files)


def _expanded_tokens(text: str, said: Mapping[str, str]) -> str:
    account = pwd.getpwuid(os.getuid())
    tokens = {
        "%%": "%",
        "%d": account.pw_dir,
        "%h": said["hostname"],
        "%i": str(account.pw_uid),
        "%k": said.get("hostkeyalias") or said["hostname"],
        "%n": said.get("host", said["hostname"]),
        "%p": said["port"],
        "%r": said.get("user", ""),
        "%u": account.pw_name,
    }
    return re.sub("%.", lambda found: tokens.get(found[0], found[0]), text)
