"""SSH machines of our own on loopback addresses, for tests and for the demo.

Each machine is a real SSH server with its own address, port, host key, home directory and PATH;
whoever starts them logs in as himself with a key that is made for the occasion. The servers are
OpenSSH's where its server is installed, else asyncssh's. They belong to a keeper process
(:mod:`keeper`), which ends them and everything that runs on them when its starter is gone.
"""

from __future__ import annotations

import functools
import grp
import json
import os
import pwd
import random
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

__all__ = ["MARK", "Machine", "Machines", "MachinesError", "remote_python", "sshd_is_usable"]

MARK = "MACHINE_OF"
"""The environment variable that every process on a machine carries: ``<token>/<machine>``."""

_Backend = Literal["auto", "sshd", "asyncssh"]
_HERE = Path(__file__).parent
_STAND_IN = _HERE / "systemctl-stand-in"
_SSHD_PATHS = ("/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd")
_SFTP_PATHS = (
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/lib/ssh/sftp-server",
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ADDRESS_TRIES = 50


class MachinesError(Exception):
    """The machines could not be started or did not obey."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One SSH machine: all that a client needs to reach it.

    :param host_key_line: its line for a known_hosts file.
    """

    name: str
    address: str
    port: int
    user: str
    key_path: Path
    home: Path
    host_key_line: str


def remote_python() -> str:
    """Return the interpreter for ``ansible_python_interpreter`` on these machines."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def sshd_is_usable() -> bool:
    """Whether OpenSSH's server is installed and would let the current user in."""
    if _first(_SSHD_PATHS, "sshd") is None or _first(_SFTP_PATHS, "sftp-server") is None:
        return False
    account = pwd.getpwuid(os.getuid())
    if Path(account.pw_shell or "/bin/sh").name in {"nologin", "false"}:
        return False
    if os.getuid() == 0:
        return not _is_locked(account.pw_name)
    return _terminals_are_usable()


class Machines:
    """SSH servers by name, alive while the context is.

    :param directory: where they keep keys, logs and homes; it is made and stays afterwards.
    :param names: one machine each.
    :param backend: ``sshd`` (OpenSSH), ``asyncssh`` (pure Python), or the first that is there.
    :param systemctl_stand_in: put a labelled stand-in for ``systemctl`` on their PATH, so that no
        test and no demo can reach the services of the computer that it runs on.
    """

    def __init__(
        self,
        directory: Path,
        names: Sequence[str],
        backend: _Backend = "auto",
        systemctl_stand_in: bool = True,
    ) -> None:
        self.directory = directory.absolute()
        self.backend = _choose(backend)
        self._stand_in = systemctl_stand_in
        self._names = tuple(names)
        self._token = secrets.token_hex(8)
        self._user = pwd.getpwuid(os.getuid()).pw_name
        self._machines: dict[str, Machine] = {}
        self._keeper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.backend == "sshd" and os.getuid() == 0:
            # OpenSSH's server of root insists on this directory, whatever its configuration says.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._key_path = self.directory / "id_ed25519"
        _make_key(self._key_path, "the machines' key")
        self._keeper = subprocess.Popen(
            [sys.executable, str(_HERE / "keeper.py"), f"{MARK}={self._token}/"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Out of the terminal's process group: Ctrl-C ends the demo, which then ends us.
            start_new_session=True,
        )
        try:
            for name in self._names:
                self._add(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()

    def machine(self, name: str) -> Machine:
        """Return how to reach machine `name`."""
        return self._machines[name]

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._machines.values())

    def known_hosts(self, path: Path) -> Path:
        """Write the current host keys of all machines to `path`."""
        path.write_text("".join(f"{machine.host_key_line}\n" for machine in self))
        return path

    def ssh_config(self, path: Path, *, jumps: Mapping[str, str] | None = None) -> Path:
        """Write an OpenSSH client configuration for all machines to `path`.

        :param jumps: machine name → name of the machine that it is reached through.
        """
        known_hosts = self.known_hosts(path.with_name(path.name + ".known_hosts"))
        blocks = []
        for machine in self:
            lines = [
                f"Host {machine.name}",
                f"HostName {machine.address}",
                f"Port {machine.port}",
                f"User {machine.user}",
                f'IdentityFile "{machine.key_path}"',
                "IdentitiesOnly yes",
                f'UserKnownHostsFile "{known_hosts}"',
                "StrictHostKeyChecking yes",
            ]
            if jumps and machine.name in jumps:
                lines.append(f"ProxyJump {jumps[machine.name]}")
            blocks.append("\n    ".join(lines) + "\n")
        path.write_text("\n".join(blocks))
        return path

    def stop(self, name: str) -> None:
        """Make `name` unreachable: its server and its connections end, its commands go on."""
        self._ask({"do": "stop", "name": name})

    def start(self, name: str) -> None:
        """Bring `name` back on its old address and port."""
        self._ask({"do": "start", "spec": self._spec(self.machine(name))})

    def swap_host_key(self, name: str) -> None:
        """Give `name` another host key, as a reinstalled or an impersonated machine has."""
        self.stop(name)
        path = self._host_key(name)
        path.unlink()
        path.with_suffix(".pub").unlink()
        old = self.machine(name)
        self._put(name, old.address, old.port)
        self.start(name)

    def reset(self, name: str) -> None:
        """Empty the home directory of `name`; nothing may be running on it."""
        home = self.machine(name).home
        shutil.rmtree(home)
        self._furnish(home)

    def processes(self, name: str) -> list[int]:
        """Return the processes that run on `name` now, whoever is their parent."""
        mark = f"{MARK}={self._token}/{name}".encode()
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and mark in _environment(entry)
        ]

    def connections(self, name: str) -> int:
        """Return how many logins `name` has accepted so far."""
        return self._log(name).read_text(errors="replace").count("Accepted publickey for ")

    def log(self, name: str) -> str:
        """Return what the server of `name` has logged."""
        return self._log(name).read_text(errors="replace")

    def _add(self, name: str) -> None:
        self._furnish(self._own(name) / "home")
        for _turn in range(_ADDRESS_TRIES):
            address, port = _free_endpoint()
            self._put(name, address, port)
            answer = self._tell({"do": "start", "spec": self._spec(self.machine(name))})
            if answer == "ok":
                return
            if answer != "taken":
                raise MachinesError(f"machine {name} did not start: {answer}\n{self.log(name)}")
        raise MachinesError(f"machine {name}: no free loopback address in {_ADDRESS_TRIES} tries")

    def _put(self, name: str, address: str, port: int) -> None:
        host_key = self._host_key(name)
        _make_key(host_key, name)
        kind, public = host_key.with_suffix(".pub").read_text().split()[:2]
        self._machines[name] = Machine(
            name=name,
            address=address,
            port=port,
            user=self._user,
            key_path=self._key_path,
            home=self._own(name) / "home",
            host_key_line=f"[{address}]:{port} {kind} {public}",
        )

    def _furnish(self, home: Path) -> None:
        tools = home / "bin"
        tools.mkdir(parents=True, exist_ok=True)
        if self._stand_in:
            shutil.copyfile(_STAND_IN, tools / "systemctl")
            (tools / "systemctl").chmod(0o755)

    def _spec(self, machine: Machine) -> dict[str, Any]:
        environment = {
            "HOME": str(machine.home),
            "PATH": f"{machine.home}/bin:{_SYSTEM_PATH}",
            MARK: f"{self._token}/{machine.name}",
        }
        spec: dict[str, Any] = {
            "name": machine.name,
            "address": machine.address,
            "port": machine.port,
            "backend": self.backend,
            "log": str(self._log(machine.name)),
        }
        if self.backend == "sshd":
            config = self._sshd_config(machine, environment)
            return {**spec, "argv": [_first(_SSHD_PATHS, "sshd"), "-D", "-e", "-f", str(config)]}
        return {
            **spec,
            "user": machine.user,
            "host_key": str(self._host_key(machine.name)),
            "authorized_keys": str(self._key_path.with_suffix(".pub")),
            "environment": environment,
            "shell": _shell(),
        }

    def _sshd_config(self, machine: Machine, environment: Mapping[str, str]) -> Path:
        own = self._own(machine.name)
        # The server starts commands in the account's real home directory and offers no setting
        # for that, so an entry script goes to the machine's home first.
        entry = own / "entry"
        entry.write_text(
            "#!/bin/sh\n"
            'cd "$HOME" || exit 255\n'
            "command=$SSH_ORIGINAL_COMMAND\n"
            "unset SSH_ORIGINAL_COMMAND\n"
            'if [ -z "$command" ]; then exec "$SHELL"; fi\n'
            'exec "$SHELL" -c "$command"\n'
        )
        entry.chmod(0o755)
        variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
        lines = [
            f"ListenAddress {machine.address}:{machine.port}",
            f'HostKey "{self._host_key(machine.name)}"',
            f'AuthorizedKeysFile "{self._key_path.with_suffix(".pub")}"',
            f"AllowUsers {machine.user}",
            "AuthenticationMethods publickey",
            "PermitRootLogin prohibit-password",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "UseDNS no",
            "PermitUserRC no",
            "MaxStartups 1000:30:2000",
            "MaxSessions 100",
            f"SetEnv {variables}",
            f"Subsystem sftp {_first(_SFTP_PATHS, 'sftp-server')}",
            f"ForceCommand exec {shlex.quote(str(entry))}",
        ]
        if _sshd_version() >= (9, 8):
            # Else failed logins of one test would lock 127.0.0.1 out for the next.
            lines.append("PerSourcePenalties no")
        config = own / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        return config

    def _ask(self, request: Mapping[str, Any]) -> None:
        answer = self._tell(request)
        if answer != "ok":
            raise MachinesError(f"{request['do']}: {answer}")

    def _tell(self, request: Mapping[str, Any]) -> str:
        keeper = self._keeper
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            raise MachinesError("the machines are not running")
        keeper.stdin.write(json.dumps(request) + "\n")
        keeper.stdin.flush()
        return keeper.stdout.readline().rstrip("\n") or "the keeper has died"

    def _own(self, name: str) -> Path:
        return self.directory / name

    def _host_key(self, name: str) -> Path:
        return self._own(name) / "host_key"

    def _log(self, name: str) -> Path:
        return self._own(name) / "server.log"


def _choose(backend: _Backend) -> Literal["sshd", "asyncssh"]:
    if backend == "auto":
        return "sshd" if sshd_is_usable() else "asyncssh"
    return backend


def _first(paths: Sequence[str], name: str) -> str | None:
    return next((path for path in paths if os.access(path, os.X_OK)), shutil.which(name))


def _shell() -> str:
    shell = pwd.getpwuid(os.getuid()).pw_shell
    return "/bin/sh" if Path(shell or "false").name in {"nologin", "false"} else shell


def _is_locked(user: str) -> bool:
    """Whether the account has a locked password, which OpenSSH without PAM turns away."""
    lines = Path("/etc/shadow").read_text().splitlines()
    return any(line.startswith(f"{user}:!") for line in lines)


@functools.cache
def _sshd_version() -> tuple[int, int]:
    # Older servers know no -V; they complain and print their version all the same.
    done = subprocess.run(
        [_first(_SSHD_PATHS, "sshd") or "sshd", "-V"], capture_output=True, text=True, check=False
    )
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", done.stderr + done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _make_key(path: Path, comment: str) -> None:
    if not path.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@functools.cache
def _terminals_are_usable() -> bool:
    """Whether an ordinary user's terminals have the owner that OpenSSH's server insists on.

    Where they have not (some containers), its sessions end at once, and Ansible without
    pipelining asks for a terminal.
    """
    controller, terminal = os.openpty()
    try:
        return os.fstat(terminal).st_gid == grp.getgrnam("tty").gr_gid
    except KeyError:
        return False
    finally:
        os.close(controller)
        os.close(terminal)


def _free_endpoint() -> tuple[str, int]:
    """Draw a loopback address and a port below the ephemeral ones that nobody listens on."""
    draw = random.SystemRandom()
    while True:
        address = f"127.0.{draw.randint(1, 254)}.{draw.randint(1, 254)}"
        port = draw.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return address, port


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        # Gone meanwhile, or another user's and so none of ours.
        return []
