"""The worker: claims tasks, starts their runs, stores what they tell, settles them.

One thread decides; preparing runs happens in threads beside it, so that a slow inventory does
not keep an urgent task waiting. Runs live in supervisors of their own and outlive the worker.
"""

from __future__ import annotations

import queue
import random
import selectors
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import PreparationFailed, RediaccError, StaleClaim
from rediacc.execution.prepare import prepare, spec_to_json
from rediacc.execution.rundir import RunDirectory
from rediacc.queue import results as result_store
from rediacc.queue import settle as settling
from rediacc.queue import workers
from rediacc.queue.claim import Claimed, claim, next_due_at
from rediacc.queue.outcome import Ending
from rediacc.queue.rules import rules_of
from rediacc.queue.sweep import sweep
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.values import Reason, State
from rediacc.worker.flight import Flight, start_supervisor
from rediacc.worker.heartbeat import Heartbeat
from rediacc.worker.items import work_of
from rediacc.worker.log import LOG, task_context

__all__ = ["Worker"]

_TICK_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_SWEEP_SECONDS = 30.0
_OUTPUT_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class _Started:
    """A preparation that came to its end: a flight, or nothing more to do."""

    claimed: Claimed
    flight: Flight | None


class Worker:
    """One worker process.

    :param base: the directory for runs on this host.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        identity: workers.WorkerIdentity,
        base: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._identity = identity
        self._base = base
        self._environment = environment
        self._rules = rules_of(settings)
        self._flights: dict[int, Flight] = {}
        self._claimed: dict[int, Claimed] = {}
        self._ready: queue.SimpleQueue[_Started] = queue.SimpleQueue()
        size = identity.slots + identity.urgent_slots
        self._threads = ThreadPoolExecutor(max_workers=min(size, 16), thread_name_prefix="prepare")
        self._selector = selectors.DefaultSelector()
        self._heartbeat = Heartbeat(
            database,
            identity.id,
            interval_seconds=settings.heartbeat_seconds,
            lease_seconds=settings.lease_seconds,
        )
        self._mark = -1
        self._due_at: int | None = None
        self._looked = 0.0
        self._swept = time.monotonic()
        self._stored = 0.0
        self.is_claiming = True

    @property
    def selector(self) -> selectors.BaseSelector:
        """Where the process's signals wake the loop."""
        return self._selector

    @property
    def is_idle(self) -> bool:
        """Whether nothing of this worker is prepared or runs."""
        return not self._claimed and not self._flights

    @property
    def has_only_flights(self) -> bool:
        """Whether nothing is between its claim and the start of its run."""
        return not self._claimed

    @property
    def run_ids(self) -> frozenset[str]:
        """The runs that this worker watches."""
        return frozenset(flight.run_id for flight in self._flights.values())

    def start(self) -> None:
        """Register and begin to beat."""
        with self._database.write() as connection:
            workers.register(connection, self._identity, now=_now())
        self._heartbeat.start()
        LOG.info("worker started", extra={"context": self._context()})

    def finish(self) -> None:
        """Say that this worker ended; what still runs is left to adoption."""
        self._threads.shutdown(wait=True)
        self._take_started()
        self._heartbeat.stop()
        with self._database.write() as connection:
            workers.stop(connection, self._identity.id, now=_now())
        left = len(self._flights)
        LOG.info("worker stopped", extra={"context": {**self._context(), "left_running": left}})

    def adopt(self, flight: Flight) -> None:
        """Take over a run that outlived its worker."""
        self._flights[flight.work.task_id] = flight
        LOG.info("run adopted", extra=self._about(flight))

    def tick(self) -> None:
        """Do what is due, then wait for a moment or for something to happen.

        :raises DatabaseUnavailable: the database is away; calling again later goes on.
        """
        self._take_started()
        self._watch_flights()
        mark = self._database.change_mark()
        now = time.monotonic()
        is_due = self._due_at is not None and _now() >= self._due_at
        if mark != self._mark or is_due or now - self._looked >= _LOOK_SECONDS:
            self._mark, self._looked = mark, now
            self._deliver_cancels()
            self._claim()
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            self._sweep()
        for key, _events in self._selector.select(_TICK_SECONDS):
            if callable(key.data):
                key.data()

    def look_again(self) -> None:
        """Claim at the next tick even if the database did not change."""
        self._mark = -1

    def stop_runs(self) -> None:
        """Ask every run to end now."""
        for flight in self._flights.values():
            flight.stop("interrupt")

    def _claim(self) -> None:
        urgent = sum(item.uses_urgent_slot for item in self._claimed.values())
        urgent += sum(flight.uses_urgent_slot for flight in self._flights.values())
        used = len(self._claimed) + len(self._flights) - urgent
        free = max(0, self._identity.slots - used)
        free_urgent = max(0, self._identity.urgent_slots - urgent)
        may_claim = self.is_claiming and self._heartbeat.may_claim()
        if not may_claim or not (free or free_urgent):
            return
        with self._database.write() as connection:
            claimed = claim(
                connection,
                self._identity.id,
                free_slots=free,
                free_urgent_slots=free_urgent,
                rules=self._rules,
                now=_now(),
            )
            self._due_at = next_due_at(connection)
        for item in claimed:
            self._claimed[item.id] = item
            self._threads.submit(self._prepare, item)

    def _prepare(self, claimed: Claimed) -> None:
        """In a thread: prepare, commit `started`, start the supervisor."""
        flight = None
        try:
            flight = self._launch(claimed)
        except PreparationFailed as exc:
            self._settle_unstarted(claimed, exc)
        except StaleClaim:
            self._give_back(claimed, "the claim ended while it was prepared")
        except Exception as exc:  # a thread's top: the task must not be left claimed for ever
            LOG.exception("preparing failed", extra=self._about_claim(claimed))
            problem = PreparationFailed(f"{type(exc).__name__}: {exc}", reason=Reason.INTERNAL)
            self._settle_unstarted(claimed, problem)
        finally:
            self._ready.put(_Started(claimed=claimed, flight=flight))

    def _launch(self, claimed: Claimed) -> Flight:
        with self._database.read() as connection:
            work = work_of(connection, claimed)
        run_id = uuid.uuid4().hex
        directory = RunDirectory.create(self._base, run_id)
        try:
            spec = prepare(
                work,
                directory,
                run_id=run_id,
                settings=self._settings,
                environment=self._environment,
            )
            directory.write("spec.json", spec_to_json(spec))
            run = settling.RunStart(
                id=run_id,
                worker_id=self._identity.id,
                host=self._identity.host,
                boot_id=self._identity.boot_id,
                directory=str(directory.path),
            )
            members = [(claimed.id, claimed.epoch)]
            with self._database.write() as connection:
                settling.mark_started(connection, run, members, now=_now())
        except BaseException:
            directory.remove()
            raise
        process = start_supervisor(directory, spec.environment)
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

    def _settle_unstarted(self, claimed: Claimed, problem: PreparationFailed) -> None:
        message = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        verdict = settling.Verdict(
            ending=Ending.NOT_STARTED,
            failure_reason=Reason(problem.reason),
            message=message,
        )
        LOG.error("not started: %s", message, extra=self._about_claim(claimed))
        self._write_settlement(claimed.id, claimed.epoch, verdict)

    def _give_back(self, claimed: Claimed, why: str) -> None:
        try:
            with self._database.write() as connection:
                settling.give_back(
                    connection,
                    claimed.id,
                    claimed.epoch,
                    actor=self._identity.id,
                    why=why,
                    now=_now(),
                )
        except RediaccError as exc:
            LOG.warning("not given back: %s", exc.message, extra=self._about_claim(claimed))

    def _take_started(self) -> None:
        while not self._ready.empty():
            started = self._ready.get()
            self._claimed.pop(started.claimed.id, None)
            self.look_again()
            if started.flight is not None:
                self._flights[started.claimed.id] = started.flight
                LOG.info("task started", extra=self._about(started.flight))

    def _watch_flights(self) -> None:
        store_output = time.monotonic() - self._stored >= _OUTPUT_SECONDS
        if store_output:
            self._stored = time.monotonic()
        for task_id, flight in list(self._flights.items()):
            if flight.is_over():
                self._settle(flight)
                del self._flights[task_id]
                self.look_again()
            else:
                self._store_progress(flight, with_output=store_output)

    def _store_progress(self, flight: Flight, *, with_output: bool) -> None:
        results = flight.new_results()
        output = flight.new_output() if with_output else b""
        if not results and not output:
            return
        work = flight.work
        try:
            with self._database.write() as connection:
                if results:
                    result_store.record_results(
                        connection, work.task_id, work.epoch, results, now=_now()
                    )
                if output:
                    result_store.append_output(
                        connection, work.task_id, work.epoch, output, now=_now()
                    )
        except StaleClaim as exc:
            LOG.error("stale: %s", exc.message, extra=self._about(flight))
            flight.stop("interrupt")

    def _settle(self, flight: Flight) -> None:
        work = flight.work
        output = flight.new_output(is_last=True)
        if output:
            with self._database.write() as connection:
                result_store.append_output(connection, work.task_id, work.epoch, output, now=_now())
        verdict = flight.verdict()
        self._write_settlement(work.task_id, work.epoch, verdict, flight=flight)
        if not self._settings.keep_runs:
            flight.directory.remove()

    def _write_settlement(
        self,
        task_id: int,
        epoch: int,
        verdict: settling.Verdict,
        *,
        flight: Flight | None = None,
    ) -> None:
        try:
            with self._database.write() as connection:
                conclusion = settling.settle(
                    connection,
                    task_id,
                    epoch,
                    verdict,
                    actor=self._identity.id,
                    rules=self._rules,
                    now=_now(),
                    draw=random.random(),
                )
                if flight is not None:
                    settling.end_run(connection, flight.run_id, now=_now())
        except StaleClaim as exc:
            LOG.error("stale: %s", exc.message, extra={"context": {"task": task_id}})
            with self._database.write() as connection:
                settling.note_stale(connection, task_id, epoch, actor=self._identity.id, now=_now())
                if flight is not None:
                    settling.end_run(connection, flight.run_id, now=_now())
            return
        if flight is not None:
            about = self._about(flight)
            about["context"] |= {"reason": str(conclusion.reason), "rc": conclusion.rc}
            level = LOG.info if conclusion.state is State.SUCCEEDED else LOG.warning
            level("task %s", conclusion.state.name.lower(), extra=about)

    def _deliver_cancels(self) -> None:
        if not self._flights:
            return
        with self._database.read() as connection:
            cancels = workers.orders(connection, self._identity.id).cancels
        for task_id in cancels:
            if task_id in self._flights:
                self._flights[task_id].stop("cancel")

    def _sweep(self) -> None:
        with self._database.write() as connection:
            found = sweep(connection)
        for violation in found:
            LOG.error("invariant broken: %s", violation, extra={"context": self._context()})

    def _context(self) -> dict[str, object]:
        identity = self._identity
        return {"worker": identity.id, "slots": identity.slots, "pid": identity.pid}

    def _about_claim(self, claimed: Claimed) -> dict[str, dict[str, object]]:
        return task_context(
            task=claimed.id,
            attempt=claimed.attempt,
            team=claimed.team,
            machines=claimed.machines,
            priority=claimed.level,
        )

    def _about(self, flight: Flight) -> dict[str, dict[str, object]]:
        return task_context(
            task=flight.work.task_id,
            attempt=flight.attempt,
            team=flight.work.team,
            machines=flight.work.machines,
            priority=flight.level,
            run=flight.run_id,
        )


def _now() -> int:
    return micros(utc_now())
