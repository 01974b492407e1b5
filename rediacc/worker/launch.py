"""From a claim to a run in flight, in threads: prepare, commit `started`, start the supervisor.

Threads only report; the worker's loop writes what becomes of a claim that did not fly, so that a
database that is away for a moment costs no task.
"""

from __future__ import annotations

import queue
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import DatabaseUnavailable, PreparationFailed, StaleClaim
from rediacc.execution.credentials import login_key
from rediacc.execution.prepare import prepare, spec_to_json
from rediacc.execution.rundir import RunDirectory
from rediacc.queue import settle as settling
from rediacc.queue.claim import Claimed
from rediacc.queue.workers import WorkerIdentity
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.values import Reason
from rediacc.worker.flight import Flight, start_supervisor
from rediacc.worker.items import about_claim, work_of
from rediacc.worker.log import LOG

__all__ = ["Launched", "Launcher"]

_MOST_THREADS = 16


@dataclass(frozen=True, kw_only=True)
class Launched:
    """What became of a claim: it flies, it cannot, or it goes back to the queue.

    :param problem: why it cannot run as asked.
    :param give_back: why it goes back; nothing of it reached a machine.
    """

    claimed: Claimed
    flight: Flight | None = None
    problem: PreparationFailed | None = None
    give_back: str = ""


class Launcher:
    """Prepares and starts runs beside the loop, so that a slow one keeps no other waiting."""

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
        self._done: queue.SimpleQueue[Launched] = queue.SimpleQueue()
        size = min(identity.slots + identity.urgent_slots, _MOST_THREADS)
        self._threads = ThreadPoolExecutor(max_workers=size, thread_name_prefix="launch")

    def begin(self, claimed: Claimed) -> None:
        """Start to launch `claimed`; :meth:`finished` tells what became of it."""
        self._threads.submit(lambda: self._done.put(self._launched(claimed)))

    def finished(self) -> list[Launched]:
        """Return what came to its end since the last call."""
        found = []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def close(self) -> None:
        """Wait for what is being launched."""
        self._threads.shutdown(wait=True)

    def _launched(self, claimed: Claimed) -> Launched:
        try:
            return Launched(claimed=claimed, flight=self._launch(claimed))
        except PreparationFailed as exc:
            return Launched(claimed=claimed, problem=exc)
        except StaleClaim:
            return Launched(claimed=claimed, give_back="it was cancelled or taken, or expired")
        except DatabaseUnavailable as exc:
            return Launched(claimed=claimed, give_back=exc.message)
        except Exception as exc:  # a thread's top: the task must not stay claimed for ever
            LOG.exception("launching failed", extra=about_claim(claimed))
            problem = PreparationFailed(f"{type(exc).__name__}: {exc}", reason=Reason.INTERNAL)
            return Launched(claimed=claimed, problem=problem)

    def _launch(self, claimed: Claimed) -> Flight:
        with self._database.read() as connection:
            work = work_of(connection, claimed)
        run_id = uuid.uuid4().hex
        directory = RunDirectory.create(self._base, run_id)
        try:
            key = login_key(self._settings, work.team, environment=self._environment)
            spec = prepare(
                work,
                directory,
                run_id=run_id,
                settings=self._settings,
                environment=self._environment,
                key=key,
            )
            directory.write("spec.json", spec_to_json(spec))
            self._mark_started(claimed, run_id, directory)
            process = start_supervisor(directory, spec.environment, key=key)
        except BaseException:
            directory.remove()
            raise
        return Flight(
            run_id=run_id,
            work=work,
            level=claimed.level,
            attempt=claimed.attempt,
            directory=directory,
            nonce=spec.nonce,
            uses_urgent_slot=claimed.uses_urgent_slot,
            process=process,
        )

    def _mark_started(self, claimed: Claimed, run_id: str, directory: RunDirectory) -> None:
        run = settling.RunStart(
            id=run_id,
            worker_id=self._identity.id,
            host=self._identity.host,
            boot_id=self._identity.boot_id,
            directory=str(directory.path),
        )
        with self._database.write() as connection:
            now = micros(utc_now())
            settling.mark_started(connection, run, [(claimed.id, claimed.epoch)], now=now)
