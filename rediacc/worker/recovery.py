"""What a dead worker left: claims go back, runs are adopted, settled, or told to be lost.

A run that still goes on, or that ended unseen, is found by its directory on this host. What was
started and cannot be found is lost, and the task's own rule (``onLost``) decides.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from rediacc.errors import StaleClaim
from rediacc.execution.rundir import RunDirectory
from rediacc.queue import settle as settling
from rediacc.queue import workers
from rediacc.queue.claim import Claimed
from rediacc.queue.reading import view_task
from rediacc.queue.rules import QueueRules
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now
from rediacc.worker.flight import Flight
from rediacc.worker.items import about_task, work_of
from rediacc.worker.log import LOG

__all__ = ["Recovery", "end_leftovers", "sweep_directories"]

_CLOCK_SLACK_SECONDS = 5.0
_YOUNG_SECONDS = 60.0
# A process that is forked while its parent is being ended is found in the next round.
_END_ROUNDS = 5
_END_SECONDS = 1.0


class Recovery:
    """Looks for what dead workers left, on behalf of a live one."""

    def __init__(
        self,
        *,
        database: Database,
        identity: workers.WorkerIdentity,
        rules: QueueRules,
    ) -> None:
        self._database = database
        self._identity = identity
        self._rules = rules

    def recover(self, *, mine: frozenset[str]) -> list[Flight]:
        """Return the runs to adopt; everything else that dead workers left is settled here.

        :param mine: the runs that this worker watches already.
        """
        with self._database.read() as connection:
            standing = workers.standing_workers(connection)
        alive = self._alive(standing)
        self._give_back_claims(alive)
        with self._database.read() as connection:
            runs = workers.open_runs(connection)
        adopted = [
            flight
            for run in runs
            if run.worker_id not in alive and run.id not in mine
            for flight in self._take_over(run)
        ]
        self._bury([worker.id for worker in standing if worker.id not in alive])
        return adopted

    def _bury(self, gone: list[str]) -> None:
        if gone:
            with self._database.write() as connection:
                workers.bury(connection, gone, now=_now())

    def _alive(self, standing: Sequence[workers.StandingWorker]) -> set[str]:
        """Workers whose process is there (this host) or whose lease holds (other hosts)."""
        now = _now()
        alive = {self._identity.id}
        for worker in standing:
            is_here = worker.host == self._identity.host
            if is_here and worker.boot_id != self._identity.boot_id:
                continue
            if is_here and not _is_running(worker.pid, worker.started_at):
                continue
            if is_here or worker.beat_at > now - seconds(self._rules.lease_seconds):
                alive.add(worker.id)
        return alive

    def _give_back_claims(self, alive: set[str]) -> None:
        with self._database.read() as connection:
            vanished = workers.vanished_claims(connection, sorted(alive))
        for task_id, epoch, owner in vanished:
            self._give_back(task_id, epoch, f"worker {owner} died before it started")

    def _take_over(self, run: workers.OpenRun) -> list[Flight]:
        directory = RunDirectory(Path(run.directory))
        if not run.is_present:
            self._close(run, directory)
            return []
        is_here = run.host == self._identity.host and run.boot_id == self._identity.boot_id
        if is_here and self._was_never_begun(directory):
            self._give_back_run(run, directory)
            return []
        with self._database.write() as connection:
            if not workers.adopt(connection, run, worker_id=self._identity.id):
                return []
        flight = self._flight(run, directory)
        if flight.directory.exists() and flight.is_over() and not directory.has("exit.json"):
            end_leftovers(run.id)
        return [flight]

    def _was_never_begun(self, directory: RunDirectory) -> bool:
        """Whether Ansible was provably not started: nobody holds the lock, and nobody ever will."""
        if not directory.exists() or directory.has("begun"):
            return False
        lock = directory.take_lock()
        if lock is None:
            return False
        directory.write("void", "")
        os.close(lock)
        return not directory.has("begun")

    def _give_back_run(self, run: workers.OpenRun, directory: RunDirectory) -> None:
        self._give_back(run.task_id, run.epoch, "its worker died before Ansible began")
        self._close(run, directory)

    def _give_back(self, task_id: int, epoch: int, why: str) -> None:
        try:
            with self._database.write() as connection:
                settling.give_back(
                    connection, task_id, epoch, actor=self._identity.id, why=why, now=_now()
                )
        except StaleClaim:
            return
        LOG.info("given back", extra=about_task(self._database, task_id, why=why))

    def _close(self, run: workers.OpenRun, directory: RunDirectory) -> None:
        with self._database.write() as connection:
            settling.end_run(connection, run.id, now=_now())
        directory.remove()

    def _flight(self, run: workers.OpenRun, directory: RunDirectory) -> Flight:
        spec = directory.read_json("spec.json") if directory.exists() else None
        told = directory.read_json("supervisor.json") if directory.exists() else None
        with self._database.read() as connection:
            view = view_task(connection, run.task_id)
            claimed = Claimed(
                id=run.task_id,
                epoch=run.epoch,
                team=run.team,
                level=view.priority,
                attempt=view.attempt,
                machines=run.machines,
                uses_urgent_slot=view.priority == 1,
            )
            work = work_of(connection, claimed)
            seen = workers.machines_with_results(connection, run.task_id, run.epoch)
            stored = workers.stored_output(connection, run.task_id, run.epoch)
        return Flight(
            run_id=run.id,
            work=work,
            level=view.priority,
            attempt=view.attempt,
            directory=directory,
            nonce=spec["nonce"] if spec else "",
            uses_urgent_slot=claimed.uses_urgent_slot,
            pid=told["pid"] if told else None,
            seen=set(seen),
            output_offset=stored,
        )


def end_leftovers(run_id: str) -> None:
    """End Ansible's processes of a run whose supervisor was killed: they report to nobody.

    Else they would go on beside the attempt that follows.
    """
    for _turn in range(_END_ROUNDS):
        ended = [process for process in psutil.process_iter() if _end_if_of(process, run_id)]
        if not ended:
            return
        psutil.wait_procs(ended, timeout=_END_SECONDS)


def _end_if_of(process: psutil.Process, run_id: str) -> bool:
    try:
        environment = process.environ()
        if environment.get("REDIACC_RUN") != run_id or "REDIACC_RECORDS" not in environment:
            return False
        process.kill()
    except psutil.Error:
        return False
    return True


def sweep_directories(base: Path, open_runs: frozenset[str]) -> None:
    """Remove directories of runs that were settled but not cleaned up before a crash."""
    for path in base.iterdir():
        is_run = len(path.name) == 32 and path.is_dir() and not path.is_symlink()
        if not is_run or path.name in open_runs:
            continue
        directory = RunDirectory(path)
        owner = directory.read_json("owner.json")
        if _is_young(path) if owner is None else psutil.pid_exists(owner["pid"]):
            continue  # being prepared by a worker beside this one
        lock = directory.take_lock()
        if lock is not None:
            directory.remove()
            os.close(lock)


def _is_young(path: Path) -> bool:
    """Whether a directory without an owner may be one that is being made or removed just now."""
    try:
        return time.time() - path.stat().st_mtime < _YOUNG_SECONDS
    except FileNotFoundError:
        return True


def _is_running(pid: int, started_at: int) -> bool:
    """Whether the worker's process is there: the same pid, and not begun after the worker did."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        return False
    return created <= started_at / 1e6 + _CLOCK_SLACK_SECONDS


def _now() -> int:
    return micros(utc_now())
