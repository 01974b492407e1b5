"""A short-lived ssh-agent that holds one key, handed over in memory: it is never on a disk.

The agent serves one run or one probe. It ends with the process that started it, whatever ends
that (``PR_SET_PDEATHSIG``, prctl(2)), and lets the key go after a time in any case.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from rediacc.errors import VaultError
from rediacc.settings import Settings
from rediacc.teams.files import one_line
from rediacc.teams.vaults.ssh import checked_key, ssh_arguments, uses_vault

__all__ = ["Agent", "login_environment", "socket_path", "ssh_environment"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SECONDS = 10.0
# A socket's path is limited to 107 bytes (unix(7)).
_LONGEST_SOCKET = 100
_PROBE_LIFETIME_SECONDS = 900
_LIBC = ctypes.CDLL(None, use_errno=True)


def socket_path(directory: Path, name: str) -> Path:
    """Return a place for an agent's socket: in `directory`, else in a private one of its own.

    :param name: a random word that nobody can guess.
    """
    path = directory / "agent"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        return path
    return Path(tempfile.gettempdir()) / f"rd-{name[:20]}" / "agent"


class Agent:
    """An ssh-agent with one key.

    :param lifetime_seconds: after which the agent forgets the key; ``None`` for never.
    """

    def __init__(self, socket: Path, key: str, *, lifetime_seconds: float | None) -> None:
        self.socket = socket
        self._owns_directory = not socket.parent.exists()
        if self._owns_directory:
            socket.parent.mkdir(mode=0o700)
        self._process = _start(["ssh-agent", "-D", "-a", str(socket)])
        try:
            self._await_socket()
            self._add(key, lifetime_seconds)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The agent's process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agent; the key is gone with it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.socket.unlink(missing_ok=True)
        if self._owns_directory:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _await_socket(self) -> None:
        # It prints its variables once it listens.
        stream = self._process.stdout
        if stream is None or not stream.readline():
            raise VaultError("ssh-agent did not start", hint="is OpenSSH's ssh-agent whole?")

    def _add(self, key: str, lifetime_seconds: float | None) -> None:
        lifetime = [] if lifetime_seconds is None else ["-t", str(max(1, int(lifetime_seconds)))]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "SSH_AUTH_SOCK": str(self.socket),
            "SSH_ASKPASS_REQUIRE": "never",
        }
        try:
            done = subprocess.run(
                ["ssh-add", "-q", *lifetime, "-"],
                input=key if key.endswith("\n") else f"{key}\n",
                env=environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise VaultError(f"the vault's key could not be given to an ssh-agent: {exc}") from exc
        if done.returncode != 0:
            raise VaultError(
                f"the vault's key could not be given to an ssh-agent: {one_line(done.stderr)}",
                hint="does the key have a passphrase?",
            )


@contextlib.contextmanager
def login_environment(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Have what a probe that logs in to a team's machines needs in its environment.

    Empty for a team that logs in as its people do.

    :raises VaultError: the vault has no key, or cannot be opened.
    """
    if not uses_vault(settings, team):
        yield {}
        return
    key = checked_key(settings, team, environment=environment)
    with (
        tempfile.TemporaryDirectory(prefix="rediacc-login-") as directory,
        Agent(Path(directory, "agent"), key, lifetime_seconds=_PROBE_LIFETIME_SECONDS) as agent,
    ):
        yield ssh_environment(settings, team, agent.socket, control_path=None)


def ssh_environment(
    settings: Settings, team: str, socket: Path, *, control_path: Path | None
) -> dict[str, str]:
    """Return how Ansible is told to log in with the key that the agent at `socket` holds.

    :param control_path: a directory for shared connections, of this team and key alone; ``None``
        for connections that nobody shares.
    """
    sharing = (
        ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]
        if control_path is not None
        else ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
    )
    environment = {
        "SSH_AUTH_SOCK": str(socket),
        "ANSIBLE_SSH_ARGS": shlex.join([*ssh_arguments(settings, team), *sharing]),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
    }
    if control_path is not None:
        environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(control_path)
    return environment


def _start(argv: list[str]) -> subprocess.Popen[str]:
    parent = os.getpid()

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Debian's ssh-agent is set-group-ID, and such a program would lose the death signal.
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )
    except OSError as exc:
        raise VaultError(
            f"ssh-agent cannot be started: {exc.strerror}", hint="install OpenSSH's client"
        ) from exc
