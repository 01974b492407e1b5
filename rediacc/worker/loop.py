"""The worker: claims tasks, starts their runs, stores what they tell, settles them.

One thread decides; preparing runs happens in threads beside it, so that a slow inventory does
not keep an urgent task waiting. Runs live in supervisors of their own and outlive the worker.
"""

from __future__ import annotations

import random
import selectors
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import StatementError

from rediacc.errors import InvalidInput, PreparationFailed, StaleClaim
from rediacc.execution.harvest import unreadable_result
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
from rediacc.worker.flight import Flight
from rediacc.worker.heartbeat import Heartbeat
from rediacc.worker.items import about_claim, about_task
from rediacc.worker.launch import Launched, Launcher
from rediacc.worker.log import LOG, task_context
from rediacc.worker.recovery import end_leftovers
from rediacc.worker.stops import Stops

__all__ = ["Worker"]

_TICK_SECONDS = 0.05
_LOOK_SECONDS = 1.0
_SWEEP_SECONDS = 30.0
_OUTPUT_SECONDS = 0.3
# Data that no column takes. One machine's answer must never end the worker of all others.
_UNSTORABLE = (
    ArithmeticError, RecursionError, TypeError, ValueError, StatementError, InvalidInput
)  # fmt: skip


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
        self._rules = rules_of(settings)
        self._flights: dict[int, Flight] = {}
        self._claimed: dict[int, Claimed] = {}
        self._unwritten: list[Launched] = []
        self._launcher = Launcher(
            database=database,
            settings=settings,
            identity=identity,
            base=base,
            environment=environment,
        )
        self._stops = Stops(
            database=database,
            settings=settings,
            identity=identity,
            base=base,
            environment=environment,
        )
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
        return not self._claimed and not self._flights and self._stops.is_idle

    @property
    def has_only_flights(self) -> bool:
        """Whether all that goes on can go on without this worker, or is done by the next one."""
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
        self._stops.close()
        self._launcher.close()
        self._take_launched()
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
        self._take_launched()
        self._watch_flights()
        mark = self._database.change_mark()
        now = time.monotonic()
        is_due = self._due_at is not None and _now() >= self._due_at
        if mark != self._mark or is_due or now - self._looked >= _LOOK_SECONDS:
            self._mark, self._looked = mark, now
            self._deliver_cancels()
            if self.is_claiming:
                self._stops.begin()
            self._claim()
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            self._sweep()
        is_storing = any(not flight.steps.is_empty for flight in self._flights.values())
        for key, _events in self._selector.select(0 if is_storing else _TICK_SECONDS):
            if callable(key.data):
                key.data()

    def reconcile(self) -> None:
        """Give back claims that the database has and this worker does not.

        A commit whose answer was lost leaves them behind.
        """
        with self._database.read() as connection:
            held = workers.claims_of(connection, self._identity.id)
        for task_id, epoch in held:
            if task_id not in self._claimed:
                self._give_back(task_id, epoch, "its claim was not noticed")

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
            self._launcher.begin(item)

    def _settle_unstarted(self, claimed: Claimed, problem: PreparationFailed) -> None:
        message = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        verdict = settling.Verdict(
            ending=Ending.NOT_STARTED,
            failure_reason=Reason(problem.reason),
            message=message,
        )
        LOG.error("not started: %s", message, extra=about_claim(claimed))
        self._write_settlement(claimed.id, claimed.epoch, verdict)

    def _give_back(self, task_id: int, epoch: int, why: str) -> None:
        context = about_task(self._database, task_id, why=why)
        try:
            with self._database.write() as connection:
                settling.give_back(
                    connection, task_id, epoch, actor=self._identity.id, why=why, now=_now()
                )
        except StaleClaim as exc:
            LOG.warning("not given back: %s", exc.message, extra=context)
        else:
            LOG.info("given back", extra=context)

    def _take_launched(self) -> None:
        """Note what became of claims; what cannot be written now is kept for the next tick."""
        self._unwritten += self._launcher.finished()
        while self._unwritten:
            item = self._unwritten[0]
            if item.flight is not None:
                self._flights[item.claimed.id] = item.flight
                LOG.info("task started", extra=self._about(item.flight))
            elif item.problem is not None:
                self._settle_unstarted(item.claimed, item.problem)
            else:
                self._give_back(item.claimed.id, item.claimed.epoch, item.give_back)
            self._unwritten.pop(0)
            self._claimed.pop(item.claimed.id, None)
            self.look_again()

    def _watch_flights(self) -> None:
        with_output = time.monotonic() - self._stored >= _OUTPUT_SECONDS
        if with_output:
            self._stored = time.monotonic()
        for task_id, flight in list(self._flights.items()):
            if flight.is_over():
                self._conclude(flight)
                self._store_steps(flight)
                if not flight.steps.is_empty:
                    continue  # a claim may come between
                self._settle(flight)
                del self._flights[task_id]
                self.look_again()
            else:
                self._store_progress(flight, with_output=with_output)
                if with_output:
                    self._store_steps(flight)

    def _conclude(self, flight: Flight) -> None:
        if flight.is_concluded:
            return
        if flight.has_vanished():
            end_leftovers(flight.run_id)
        flight.verdict()

    def _store_steps(self, flight: Flight) -> None:
        """Store some of the steps; what no column takes must not keep the task from its end."""
        if flight.steps.is_empty:
            return
        try:
            flight.steps.store_some(self._database, flight.work.task_id, flight.work.epoch)
        except StaleClaim as exc:
            LOG.error("stale: %s", exc.message, extra=self._about(flight))
            flight.steps.clear()
        except _UNSTORABLE as exc:
            LOG.error("steps not kept: %s", type(exc).__name__, extra=self._about(flight))
            flight.steps.clear()

    def _store_progress(self, flight: Flight, *, with_output: bool) -> None:
        flight.collect(with_output=with_output)
        if not flight.results and not flight.output:
            return
        try:
            with self._database.write() as connection:
                self._store(connection, flight)
        except StaleClaim as exc:
            LOG.error("stale: %s", exc.message, extra=self._about(flight))
            flight.stop("interrupt")
        except _UNSTORABLE as exc:
            LOG.error("cannot be stored: %s", type(exc).__name__, extra=self._about(flight))
            flight.withhold(type(exc).__name__)
            with self._database.write() as connection:
                self._store(connection, flight)
        flight.clear()

    def _store(self, connection: Connection, flight: Flight) -> None:
        task_id, epoch = flight.work.task_id, flight.work.epoch
        if flight.results:
            result_store.record_results(connection, task_id, epoch, flight.results, now=_now())
        if flight.output:
            result_store.append_output(connection, task_id, epoch, flight.output, now=_now())

    def _settle(self, flight: Flight) -> None:
        work = flight.work
        verdict = flight.verdict()
        try:
            self._write_settlement(work.task_id, work.epoch, verdict, flight=flight)
        except _UNSTORABLE as exc:
            why = type(exc).__name__
            LOG.error("cannot be stored: %s", why, extra=self._about(flight))
            flight.withhold(why)
            plain = [unreadable_result(result.machine, why) for result in verdict.results]
            readable = replace(verdict, results=plain)
            self._write_settlement(work.task_id, work.epoch, readable, flight=flight)
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
                if flight is not None:
                    self._store(connection, flight)
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
            LOG.error("stale: %s", exc.message, extra=about_task(self._database, task_id))
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
            found = sweep(connection, now=_now())
        for violation in found:
            LOG.error("invariant broken: %s", violation, extra={"context": self._context()})

    def _context(self) -> dict[str, object]:
        identity = self._identity
        return {"worker": identity.id, "slots": identity.slots, "pid": identity.pid}

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
