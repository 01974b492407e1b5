"""Sampling machines by the clock, beside the queue: samples are fresh exactly when it is busy.

One run of Ansible for all machines of a team that asks for it (``sample_every``). Looks are
stored as they come, so a machine that hangs delays nobody's. A round that is still going on when
the next is due is not followed by another: rounds never pile up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from rediacc.audit.chain import append_entry
from rediacc.execution.credentials import login_key
from rediacc.execution.prepare import RunSpec, spec_to_json
from rediacc.execution.records import read_records
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.sampling import machines_to_sample, prepare_sampling, round_deadline
from rediacc.monitoring.looks import look_of_record
from rediacc.monitoring.samples import store_samples
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.chores import Chores
from rediacc.worker.flight import start_supervisor
from rediacc.worker.log import LOG

__all__ = ["Sampler"]

_LOOK_SECONDS = 0.5
_JITTER_SHARE = 0.1
_MOST_JITTER_SECONDS = 10.0
_END_SECONDS = 8.0


class Sampler:
    """Samples the teams that ask for it, for as long as `chores` go on.

    :param base: the directory for runs on this host.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        environment: Mapping[str, str],
        base: Path,
        worker_id: str,
        chores: Chores,
    ) -> None:
        self._database = database
        self._settings = settings
        self._environment = environment
        self._base = base
        self._worker_id = worker_id
        self._chores = chores
        self._noted: set[str] = set()

    def begin(self) -> None:
        """Have each team that asks for it sampled from now on."""
        for team in self._settings.teams.values():
            every = team.sample_every_seconds
            if every is not None:
                self._add(team.name, every)

    def _add(self, team: str, every: float) -> None:
        def look() -> None:
            # Homes that share machines or a network must not all ask in the same second.
            pause = random.uniform(0.0, min(every * _JITTER_SHARE, _MOST_JITTER_SECONDS))
            if not self._chores.pause(pause):
                self.sample(team, every)

        # Named for its interval too: after a change nobody waits for the old one to pass.
        self._chores.add(f"sample {team} every {every:g}s", look, every_seconds=every)

    def sample(self, team: str, every_seconds: float) -> int:
        """Look once at every machine of `team`; return how many looks were stored.

        :raises RediaccError: the inventory cannot be read, or nothing can be prepared.
        """
        with self._turn(team) as is_free:
            if not is_free:
                LOG.warning("sampling skipped", extra={"context": {"team": team, "why": "busy"}})
                return 0
            machines = machines_to_sample(self._settings, team, environment=self._environment)
            if not machines:
                return 0
            self._note(team, every_seconds, len(machines))
            return self._round(team, machines, every_seconds)

    def _round(self, team: str, machines: tuple[str, ...], every_seconds: float) -> int:
        run_id = uuid.uuid4().hex
        deadline = round_deadline(
            len(machines), settings=self._settings, every_seconds=every_seconds
        )
        directory = RunDirectory.create(self._base, run_id)
        try:
            key = login_key(self._settings, team, environment=self._environment)
            spec = prepare_sampling(
                directory,
                run_id=run_id,
                team=team,
                machines=machines,
                deadline_seconds=deadline,
                settings=self._settings,
                environment=self._environment,
                key=key,
            )
            directory.write("spec.json", spec_to_json(spec))
            process = start_supervisor(directory, spec.environment, key=key)
            seen = self._collect(team, directory, spec, process, frozenset(machines))
            if process.returncode is not None and not self._chores.is_stopping:
                self._tell_of_missing(team, directory, machines, seen)
            return len(seen)
        finally:
            directory.remove()

    def _collect(
        self,
        team: str,
        directory: RunDirectory,
        spec: RunSpec,
        process: subprocess.Popen[bytes],
        machines: frozenset[str],
    ) -> set[str]:
        """Store looks as they come, until the run has ended or the worker is to end."""
        seen: set[str] = set()
        offset = 0
        try:
            while True:
                has_ended = process.poll() is not None
                records, offset = read_records(directory.records, nonce=spec.nonce, offset=offset)
                now = micros(utc_now())
                looks = [
                    look_of_record(
                        record,
                        team=team,
                        at=now,
                        timeout_seconds=self._settings.monitoring.timeout_seconds,
                    )
                    for record in records
                    if record.get("type") == "result"
                ]
                fresh = {look.machine: look for look in looks if look.machine in machines - seen}
                store_samples(self._database, list(fresh.values()))
                seen |= fresh.keys()
                if has_ended or self._chores.pause(_LOOK_SECONDS):
                    return seen
        finally:
            _end(process, directory)

    def _tell_of_missing(
        self, team: str, directory: RunDirectory, machines: tuple[str, ...], seen: set[str]
    ) -> None:
        """Log what was not looked at: that says nothing of the machines, so nothing is stored."""
        missing = [name for name in machines if name not in seen]
        if not missing:
            return
        told = directory.read_json("exit.json") or {}
        words = _last_line(directory)
        context = {
            "team": team,
            "machines": len(missing),
            "first": missing[0],
            "why": told.get("ending", "lost"),
            "ansible": told.get("error") or words,
        }
        LOG.warning("not sampled", extra={"context": context})

    def _note(self, team: str, every_seconds: float, machines: int) -> None:
        """Note in the audit that this worker samples a team now: once, not each round."""
        if team in self._noted:
            return
        with self._database.write() as connection:
            append_entry(
                connection,
                actor=self._worker_id,
                channel="worker",
                operation="machine.sample",
                object_name=f"team {team}",
                outcome="started",
                detail={"every_seconds": every_seconds, "machines": machines},
                now=micros(utc_now()),
            )
        self._noted.add(team)

    @contextlib.contextmanager
    def _turn(self, team: str) -> Iterator[bool]:
        """Whether nobody on this host samples `team` now; until the block ends it is ours."""
        path = self._base / f"sampling-{team}.lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)


def _end(process: subprocess.Popen[bytes], directory: RunDirectory) -> None:
    """End the run if it still goes on, and wait for that; nothing of it is left behind."""
    if process.poll() is not None:
        return
    directory.write("stop", "interrupt")
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        LOG.warning("a sampling run takes long to end; it ends by itself")


def _last_line(directory: RunDirectory) -> str:
    try:
        text = directory.stdout.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
