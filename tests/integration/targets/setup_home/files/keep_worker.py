#!/usr/bin/env python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a real worker for the time of a play: ``keep_worker.py HOME start|stop``.

The worker ends when it is told to, and with the ``ansible-playbook`` that started it, however that
ends: a keeper between the two watches both.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

DEADLINE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


def main(home, action):
    pid_file = home / ".rediacc" / "keeper.pid"
    if action == "stop":
        stop(pid_file)
    elif running(pid_file) is None:
        start(home, pid_file)
        print("started")
    return 0


def start(home, pid_file):
    """Fork the keeper; return when its number is written."""
    owner = play()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        keeper = os.fork()
        if keeper == 0:
            try:
                keep(home, owner)
            finally:
                os._exit(0)
        pid_file.write_text(str(keeper))
        os._exit(0)
    os.waitpid(pid, 0)


def stop(pid_file):
    """End the keeper and so the worker; return when both are gone."""
    pid = running(pid_file)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while running(pid_file) is not None:
        if time.monotonic() > deadline:
            sys.exit("the worker does not end")
        time.sleep(PAUSE_SECONDS)


def running(pid_file):
    """Return the keeper's number, if it is there and is one."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        if "keep_worker.py" in words_of(pid):
            return pid
    return None


def play():
    """Return the outermost ansible-playbook above this process, else what started this."""
    pid, found = os.getppid(), os.getppid()
    while pid > 1:
        if "ansible-playbook" in words_of(pid):
            found = pid
        pid = parent_of(pid)
    return found


def words_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def parent_of(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def keep(home, owner):
    """Have a worker until a signal comes or the owner is gone."""
    is_told = []
    signal.signal(signal.SIGTERM, lambda *_: is_told.append(True))
    python = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    with open(os.devnull, "r+b") as nothing:
        for number in range(3):
            os.dup2(nothing.fileno(), number)
        worker = subprocess.Popen(
            [sys.executable, "-m", "rediacc", "worker", "--log-file", str(home / "worker.log")],
            cwd=home,
            env=environment,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
        )
    while worker.poll() is None and not is_told and os.path.exists(f"/proc/{owner}"):
        time.sleep(PAUSE_SECONDS)
    end(worker)


def end(worker):
    """End the worker: the first signal lets what runs go on, the second one ends that too."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    signals = 0
    while worker.poll() is None:
        if signals < 2:
            worker.terminate()
            signals += 1
        elif time.monotonic() > deadline:
            worker.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(0.3)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
