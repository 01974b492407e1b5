"""Ending what earlier attempts may have left on machines, for tasks that are to be cancelled.

In threads beside the loop: a machine that does not answer keeps nothing else waiting.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rediacc.errors import DatabaseUnavailable, PreparationFailed, StaleClaim
from rediacc.execution.leftovers import prepare_stop
from rediacc.execution.prepare import spec_to_json
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.stopping import confirmed_machines
from rediacc.execution.work import Work
from rediacc.queue import stopping
from rediacc.queue.claim import Claimed
from rediacc.queue.workers import WorkerIdentity
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now
from rediacc.worker.flight import start_supervisor
from rediacc.worker.items import work_of
from rediacc.worker.log import LOG
from rediacc.worker.recovery import end_leftovers

__all__ = ["Stops"]

_MOST_THREADS = 4
_LOOK_SECONDS = 0.2
_END_SECONDS = 8.0


class Stops:
    """Takes care of stopping tasks.

    :param base: the directory for runs on this host.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        identity: WorkerIdentity,
        base: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._identity = identity
        self._base = base
        self._environment = environment
        self._threads = ThreadPoolExecutor(max_workers=_MOST_THREADS, thread_name_prefix="stop")
        self._busy: set[int] = set()
        self._ending = threading.Event()

    @property
    def is_idle(self) -> bool:
        """Whether no stopping task is being taken care of."""
        return not self._busy

    def begin(self) -> None:
        """Take care of the stopping tasks that no living worker takes care of.

        :raises DatabaseUnavailable: the database is away.
        """
        since = micros(utc_now()) - seconds(self._settings.lease_seconds)
        worker = self._identity.id
        with self._database.read() as connection:
            due = stopping.due_stops(connection, worker, live_since=since)
        for stop in due:
            if stop.task_id in self._busy:
                continue
            with self._database.write() as connection:
                is_ours = stopping.take_stop(connection, stop, worker, live_since=since)
            if is_ours:
                self._busy.add(stop.task_id)
                self._threads.submit(self._carry_out, stop)

    def close(self) -> None:
        """End what is being done; the tasks are left to the next worker."""
        self._ending.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _carry_out(self, stop: stopping.Stop) -> None:
        context = {"context": {"task": stop.task_id, "team": stop.team}}
        try:
            clean, why = self._ask(stop)
            if self._ending.is_set():
                return
            with self._database.write() as connection:
                reason = stopping.conclude_stop(
                    connection,
                    stop,
                    clean,
                    actor=self._identity.id,
                    now=micros(utc_now()),
                    why=why,
                )
            LOG.info("task %s", reason, extra=context)
        except (DatabaseUnavailable, StaleClaim) as exc:
            LOG.warning("not stopped: %s", exc.message, extra=context)
        except Exception:  # a thread's top: the task stays stopping and is looked at again
            LOG.exception("stopping failed", extra=context)
            self._ending.wait(_END_SECONDS)
        finally:
            self._busy.discard(stop.task_id)

    def _ask(self, stop: stopping.Stop) -> tuple[frozenset[str], str]:
        """Return the machines where nothing is left, and why no other answered."""
        work, left = self._read(stop)
        now = micros(utc_now())
        ages = {one.run_id: (now - (one.started_at or 0)) / 1e6 for one in left}
        for marker in ages:
            end_leftovers(marker)
        run_id = uuid.uuid4().hex
        directory = RunDirectory.create(self._base, run_id)
        try:
            spec = prepare_stop(
                work,
                directory,
                run_id=run_id,
                ages=ages,
                may_have_become=any(one.may_have_become is not False for one in left),
                settings=self._settings,
                environment=self._environment,
            )
            directory.write("spec.json", spec_to_json(spec))
            self._wait(start_supervisor(directory, spec.environment), directory)
            clean = confirmed_machines(directory.records, nonce=spec.nonce, markers=len(ages))
            return clean, ""
        except PreparationFailed as exc:
            return frozenset(), exc.message
        finally:
            directory.remove()

    def _read(self, stop: stopping.Stop) -> tuple[Work, tuple[stopping.Leftover, ...]]:
        with self._database.read() as connection:
            left = stopping.leftovers(connection, stop.task_id)
            machines = tuple(dict.fromkeys(name for one in left for name in one.machines))
            claimed = Claimed(
                id=stop.task_id,
                epoch=stop.epoch,
                team=stop.team,
                level=1,
                attempt=left[-1].number,
                machines=machines,
                uses_urgent_slot=False,
            )
            return replace(work_of(connection, claimed), shown_machines=machines), left

    def _wait(self, process: subprocess.Popen[bytes], directory: RunDirectory) -> None:
        """Wait for the run's end, which its supervisor enforces; end it when the worker ends."""
        while process.poll() is None:
            if not self._ending.wait(_LOOK_SECONDS):
                continue
            directory.write("stop", "interrupt")
            process.send_signal(signal.SIGTERM)
            process.wait(_END_SECONDS + self._settings.stop_grace_seconds)
            return
