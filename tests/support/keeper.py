"""The process that owns the SSH servers of one :class:`machines.Machines`.

It starts and stops servers as its standard input says (one JSON object a line, one word back),
and it is the reaper of everything that they leave behind. When its starter is gone, however that
came, it ends the servers and every process on their machines, and then itself.

Usage: keeper.py VARIABLE=PREFIX, the start of the mark in the environment of those processes.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
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
    servers: dict[str, int] = {}
    try:
        _serve(servers, parent)
    finally:
        for pid in servers.values():
            _end(pid, with_connections=True)
        _clear(mark)
    return 0


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def _serve(servers: dict[str, int], parent: int) -> None:
    pending = b""
    while os.getppid() == parent:
        _reap(servers)
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


def _obey(servers: dict[str, int], request: dict[str, Any]) -> str:
    if request["do"] == "stop":
        pid = servers.pop(request["name"], None)
        if pid is None:
            return "is not running"
        _end(pid, with_connections=True)
        return "ok"
    spec = request["spec"]
    if spec["name"] in servers:
        return "is running already"
    if _is_taken(spec):
        return "taken"
    pid = _start_openssh(spec) if spec["backend"] == "sshd" else _start_asyncssh(spec)
    if not _answers(spec, pid):
        _end(pid, with_connections=True)
        return "taken" if _is_taken(spec) else "does not answer"
    servers[spec["name"]] = pid
    return "ok"


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


def _is_taken(spec: dict[str, Any]) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((spec["address"], spec["port"]))
        except OSError:
            return True
    return False


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


def _end(pid: int, *, with_connections: bool) -> None:
    """Kill a server and the processes of its connections, not the commands that they started."""
    family = [pid, *(_sessions(pid) if with_connections else [])]
    for member in family:
        _kill(member)
    while any(_is_alive(member) for member in family):
        _reap({})
        time.sleep(0.005)


def _sessions(pid: int) -> list[int]:
    """The server's descendants that run the server's own program."""
    found = []
    for child in _children(pid):
        if _program(child) == _program(pid):
            found += [child, *_sessions(child)]
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _program(pid: int) -> str:
    # The command line, not /proc/PID/exe: OpenSSH's session processes forbid a look at that.
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
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
        _reap({})
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


def _reap(servers: dict[str, int]) -> None:
    while True:
        try:
            pid, _pid = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for name in [name for name, server in servers.items() if server == pid]:
            del servers[name]


if __name__ == "__main__":
    sys.exit(main())
