"""The process that owns the SSH servers of one :class:`machines.Machines`.

It starts and stops servers as its standard input says (one JSON object a line, one word back),
and it is the reaper of everything that they leave behind. When its starter is gone, however that
came, it ends the servers and every process on their machines, and then itself.

Usage: keeper.py VARIABLE=PREFIX, the start of the mark in the environment of those processes.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_START_SECONDS = 20.0
_PARENT_CHECK_SECONDS = 1.0


def main() -> int:
    """Serve requests until the starter is gone; leave nothing behind."""
    mark = sys.argv[1].encode()
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else _leave)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    servers = Servers()
    try:
        _serve(servers, parent)
    finally:
        for name in list(servers.pids):
            servers.end(name)
        _clear(mark)
    return 0


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def _serve(servers: Servers, parent: int) -> None:
    pending = b""
    while os.getppid() == parent:
        servers.reap()
        # A process that was forked, not started, could hold the pipe open: so look at the
        # parent, too.
        if not select.select([0], [], [], _PARENT_CHECK_SECONDS)[0]:
            continue
        data = os.read(0, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            print(_obey(servers, json.loads(line)), flush=True)


def _obey(servers: Servers, request: dict[str, Any]) -> str:
    if request["do"] == "stop":
        return "ok" if servers.end(request["name"]) else "is not running"
    return servers.start(request["spec"])


class Servers:
    """The servers that run, and the addresses that are kept for those that do not."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self._kept: dict[str, socket.socket] = {}

    def start(self, spec: dict[str, Any]) -> str:
        """Start a server; ``taken`` only for an address that it has not had before."""
        name = spec["name"]
        if name in self.pids:
            return "is running already"
        if name not in self._kept:
            kept = _keep_address(spec)
            if kept is None:
                return "taken"
            self._kept[name] = kept
        pid = _start_openssh(spec) if spec["backend"] == "sshd" else _start_asyncssh(spec)
        self.pids[name] = pid
        if _answers(spec, pid):
            return "ok"
        self.end(name)
        return "does not answer"

    def end(self, name: str) -> bool:
        """Kill a server and its connections' processes, not the commands that they started.

        The server's address is free when this returns. Returns whether it was running.
        """
        pid = self.pids.pop(name, None)
        if pid is None:
            return False
        self._kill([pid])
        # Nobody accepts connections any more, and the processes of those that stand are ours now.
        self._kill(
            session
            for child in _children(os.getpid())
            if child not in self.pids.values() and _is_session(child)
            for session in (child, *_sessions(child))
        )
        return True

    def reap(self) -> None:
        """Take note of what has ended."""
        ended = _reap()
        self.pids = {name: pid for name, pid in self.pids.items() if pid not in ended}

    def _kill(self, pids: Iterable[int]) -> None:
        """Kill processes that are ours or become so, and wait until they have let go of all."""
        family = list(pids)
        for pid in family:
            _kill(pid)
        # A zombie is not enough: with threads left it still holds its sockets until it is reaped.
        while any(Path(f"/proc/{pid}").exists() for pid in family):
            self.reap()
            time.sleep(0.005)


def _start_openssh(spec: dict[str, Any]) -> int:
    with open(spec["log"], "ab") as log:
        return subprocess.Popen(
            spec["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,
        ).pid


def _start_asyncssh(spec: dict[str, Any]) -> int:
    # Imported before the fork, so that ten machines pay for it once.
    import asyncssh_server

    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _die_with_parent()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        asyncssh_server.serve(spec)
        code = 0
    finally:
        os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _keep_address(spec: dict[str, Any]) -> socket.socket | None:
    """Bind an address that its server can bind beside us, and nobody else: until we end.

    Returns ``None`` when somebody has it.
    """
    kept = socket.socket()
    try:
        kept.bind((spec["address"], spec["port"]))
    except OSError:
        kept.close()
        return None
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return kept


def _answers(spec: dict[str, Any], pid: int) -> bool:
    """Wait until the server greets; false when it has died or keeps silent."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
        try:
            with socket.create_connection((spec["address"], spec["port"]), timeout=1.0) as probe:
                if probe.recv(4) == b"SSH-":
                    return True
        except OSError:
            time.sleep(0.01)
    return False


def _sessions(pid: int) -> list[int]:
    """OpenSSH's processes for connections below `pid`."""
    found = []
    for child in _children(pid):
        if _is_session(child):
            found += [child, *_sessions(child)]
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _is_session(pid: int) -> bool:
    # The name, not /proc/PID/exe: OpenSSH's session processes forbid a look at that.
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")
    except OSError:
        return False


def _clear(mark: bytes) -> None:
    """Kill everything that carries the mark until nothing does."""
    while marked := [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _carries(entry, mark)
    ]:
        for pid in marked:
            _kill(pid)
        _reap()
        time.sleep(0.01)


def _carries(process: Path, mark: bytes) -> bool:
    try:
        return any(
            variable.startswith(mark)
            for variable in (process / "environ").read_bytes().split(b"\0")
        )
    except OSError:
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap() -> set[int]:
    ended = set()
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            ended.add(found[0])
    return ended


if __name__ == "__main__":
    sys.exit(main())
