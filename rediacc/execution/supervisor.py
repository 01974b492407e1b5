"""The supervisor: a small process of its own for each run, which outlives its worker.

It starts ansible-runner, holds the deadline, stops the run truly when asked (here and on the
machines), and writes how it ended. It never touches the database.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rediacc.errors import RediaccError
from rediacc.execution.processes import become_subreaper, descendants, end_descendants
from rediacc.execution.rundir import RunDirectory, boot_id
from rediacc.execution.runner import AnsibleCall, run_ansible
from rediacc.execution.stopping import doubtful_machines, stop_on_machines
from rediacc.teams.vaults.agent import Agent

__all__ = ["main"]

# How long machines have to answer that nothing of a stopped run is left on them.
_STOP_SECONDS = 60.0
# How much longer than the run its agent keeps the key, for ending what the run left on machines.
_KEY_SLACK_SECONDS = 120.0


def main(path: str) -> int:
    """Run the run in the directory `path` to its end; returns the process's exit status."""
    directory = RunDirectory(Path(path))
    lock = directory.take_lock()
    if lock is None or directory.has("void"):
        return 1
    os.umask(0o077)
    directory.write_json("supervisor.json", {"pid": os.getpid(), "boot_id": boot_id()})
    become_subreaper()
    spec = directory.read_json("spec.json")
    if spec is None:
        return 1
    key = sys.stdin.read() if spec["agent"] is not None else ""
    if spec["agent"] is not None and not key:
        return 1  # the worker died before it handed the key over: nothing has begun
    try:
        agent = _start_agent(spec, key)
    except (RediaccError, OSError) as exc:
        directory.write_json("exit.json", _never_begun(str(exc)))
        return 0
    del key
    with agent or contextlib.nullcontext():
        told = _Supervision(directory, spec, agent).run()
    told["left_here"] = end_descendants(grace_seconds=float(spec["grace_seconds"]))
    directory.write_json("exit.json", told)
    return 0


def _start_agent(spec: Mapping[str, Any], key: str) -> Agent | None:
    if spec["agent"] is None:
        return None
    allowed = spec["deadline_seconds"]
    lifetime = None if allowed is None else float(allowed) + _KEY_SLACK_SECONDS
    return Agent(Path(spec["agent"]), key, lifetime_seconds=lifetime)


def _never_begun(error: str) -> dict[str, Any]:
    return {"ending": "finished", "rc": None, "error": error, "stopped": {}, "left_here": 0}


class _Supervision:
    """One run under supervision."""

    def __init__(
        self, directory: RunDirectory, spec: Mapping[str, Any], agent: Agent | None
    ) -> None:
        self._directory = directory
        self._spec = spec
        # The agent lives on until machines have been asked to end what is left there.
        self._spared = () if agent is None else (agent.pid,)
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._rc: int | None = None
        self._error = ""

    def run(self) -> dict[str, Any]:
        signal.signal(signal.SIGTERM, lambda *_: self._wake())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        deadline = self._deadline()
        self._directory.write("begun", "")
        thread = threading.Thread(target=self._call_ansible, name="ansible-runner", daemon=True)
        thread.start()
        why = self._watch(thread, deadline)
        has_ended = why == "finished"
        if not has_ended:
            self._stop_here(thread)
        machines = doubtful_machines(self._directory, self._spec, has_ended=has_ended)
        stopped = self._stop_there(machines) if machines else {}
        return {"ending": why, "rc": self._rc, "error": self._error, "stopped": stopped}

    def _deadline(self) -> float | None:
        allowed = self._spec["deadline_seconds"]
        return None if allowed is None else time.monotonic() + float(allowed)

    def _call_ansible(self) -> None:
        try:
            self._rc = run_ansible(AnsibleCall.of_spec(self._directory, self._spec))
        except Exception as exc:  # the thread's top: whatever it was, the run ended with it
            self._error = f"{type(exc).__name__}: {exc}"
        finally:
            self._wake()

    def _watch(self, thread: threading.Thread, deadline: float | None) -> str:
        """Wait for the end, the deadline or the word to stop; return which it was."""
        while True:
            if not thread.is_alive():
                return "finished"
            stop = self._directory.path / "stop"
            if stop.exists():
                return {"cancel": "cancelled"}.get(stop.read_text(encoding="ascii"), "interrupted")
            wait = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            if wait <= 0:
                return "timed out"
            select.select([self._read_end], [], [], wait)
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_end, 4096)

    def _stop_here(self, thread: threading.Thread) -> None:
        """Ask Ansible to end, give it time, then end everything that is left of it."""
        grace = float(self._spec["grace_seconds"])
        for process in descendants(spared=self._spared):
            if process.ppid() == os.getpid():
                with contextlib.suppress(Exception):
                    process.send_signal(signal.SIGTERM)
        thread.join(grace)
        end_descendants(grace_seconds=grace, spared=self._spared)
        thread.join(grace)

    def _stop_there(self, machines: Sequence[str]) -> dict[str, Any]:
        """End what the run started on machines; without an answer in time nothing is confirmed."""
        stopped: dict[str, Any] = dict.fromkeys(machines, False)

        def stop() -> None:
            try:
                stopped.update(stop_on_machines(self._directory, self._spec, machines=machines))
            except Exception as exc:  # not confirmed then; how the run ended is still told
                self._error = self._error or f"{type(exc).__name__}: {exc}"

        thread = threading.Thread(target=stop, name="stop", daemon=True)
        thread.start()
        thread.join(_STOP_SECONDS + float(self._spec["grace_seconds"]))
        if thread.is_alive():
            end_descendants(grace_seconds=1.0, spared=self._spared)
            thread.join(_STOP_SECONDS)
        return dict(stopped)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, b"x")
