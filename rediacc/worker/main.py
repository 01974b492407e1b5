"""The worker as a process: start-up, signals, the reasons to end."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import rediacc
from rediacc.audit.checkpoint import remember_commits
from rediacc.errors import DatabaseUnavailable, InvalidInput, RediaccError
from rediacc.execution.rundir import boot_id, runtime_directory
from rediacc.queue import workers
from rediacc.queue.reading import view_task
from rediacc.queue.remaining import remaining_work, stuck_tasks, stuck_words
from rediacc.queue.rules import rules_of
from rediacc.settings import STATE_NAME, Settings, load_settings
from rediacc.storage.engine import Database, open_database
from rediacc.storage.schema import upgrade
from rediacc.values import PublicState, Reason
from rediacc.worker.alerting import begin_alerting
from rediacc.worker.archiving import ARCHIVE_SECONDS, Archiving
from rediacc.worker.chores import Chores
from rediacc.worker.log import LOG, set_up_log
from rediacc.worker.loop import Worker
from rediacc.worker.measuring import begin_measuring
from rediacc.worker.outbox import FollowUps
from rediacc.worker.played import PLAYED_SECONDS, Played
from rediacc.worker.recovery import Recovery, sweep_directories

__all__ = ["run_temporary_worker", "run_worker"]

_RECOVER_SECONDS = 2.0
_LOG_NAME = "worker.log"
_MOST_TOLD = 10


def run_worker(
    home: Path,
    *,
    slots: int | None,
    once: bool,
    drain: bool,
    environment: Mapping[str, str],
    until_task: int | None = None,
    log_file: Path | None = None,
) -> int:
    """Work on the queue of `home` until told to end; return the process's exit status.

    :param once: end after what could be started at once has ended.
    :param drain: end when nothing is left that could run.
    :param until_task: end when this task is final or held, and what was started has ended.
    :param log_file: where the log goes; ``None`` for standard error.
    :raises InvalidInput: the settings or the number of slots cannot be meant.
    :raises DatabaseUnavailable: the database cannot be opened.
    """
    settings = load_settings(home, environment=environment)
    if slots is not None and not 1 <= slots <= 1000:
        raise InvalidInput(f"--slots {slots}: must be from 1 to 1000")
    os.umask(0o077)
    worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        set_up_log(sys.stderr, worker=worker_id, file=log_file)
    except OSError as exc:
        raise InvalidInput(f"cannot write the log {log_file}: {exc.strerror}") from exc
    database = open_database(settings.database_url)
    remember_commits(database, settings.state_directory)
    upgrade(database)
    try:
        process = _Process(
            database, settings, worker_id=worker_id, slots=slots, environment=environment
        )
        return process.run(once=once, drain=drain, until_task=until_task)
    finally:
        database.close()


@contextlib.contextmanager
def run_temporary_worker(
    home: Path, task_id: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a worker of its own process work on the queue until task `task_id` is settled.

    It ends by itself; leaving the block early (detaching) does not end it. The block is given
    the process, to notice when it ends too early.

    :raises RediaccError: it did not come up.
    """
    log = home / ".rediacc" / _LOG_NAME
    root = str(Path(rediacc.__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({root!r}); "
        "from rediacc.worker.main import temporary_main; "
        f"sys.exit(temporary_main({str(home)!r}, {task_id}))"
    )
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            env=dict(environment),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    try:
        yield process
    finally:
        if process.poll() not in (None, 0):
            LOG.error("the temporary worker failed: see %s", log)


def temporary_main(home: str, task_id: int) -> int:
    """Be the temporary worker; what it has to say goes to its log."""
    try:
        return run_worker(
            Path(home),
            slots=None,
            once=False,
            drain=False,
            environment=os.environ,
            until_task=task_id,
            log_file=Path(home) / STATE_NAME / _LOG_NAME,
        )
    except RediaccError as exc:
        LOG.error("%s", exc.message)
        return int(exc.exit_code)


class _Process:
    """One run of the worker's loop with its signals."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        worker_id: str,
        slots: int | None,
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._environment = environment
        self._identity = identity = workers.WorkerIdentity(
            id=worker_id,
            host=socket.gethostname(),
            boot_id=boot_id(),
            pid=os.getpid(),
            version=rediacc.__version__,
            slots=slots or settings.slots,
            urgent_slots=settings.urgent_slots,
        )
        rules = rules_of(settings)
        self._base = runtime_directory(settings, environment)
        self._worker = Worker(
            database=database,
            settings=settings,
            identity=identity,
            base=self._base,
            environment=environment,
        )
        self._recovery = Recovery(database=database, identity=identity, rules=rules)
        self._follow_ups = FollowUps(
            database=database, settings=settings, rules=rules, environment=environment
        )
        self._chores = Chores(database, identity.id)
        self._archiving = Archiving(
            database=database, settings=settings, is_stopping=lambda: self._chores.is_stopping
        )
        self._played = Played(
            database=database,
            settings=settings,
            environment=environment,
            is_stopping=lambda: self._chores.is_stopping,
        )
        self._signals = 0
        self._answered = 0
        self._stop_by: float | None = None
        self._grace = settings.stop_grace_seconds
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self, *, once: bool, drain: bool, until_task: int | None) -> int:
        self._listen()
        self._sweep_directories()
        self._worker.start()
        if until_task is None:
            self._begin_measuring()
            self._chores.add("archive", self._archiving.run, every_seconds=ARCHIVE_SECONDS)
            # Each worker looks: those on other hosts, or as another account, see other files.
            self._chores.add(
                "played", self._played.run, every_seconds=PLAYED_SECONDS, is_shared=False
            )
            begin_alerting(
                self._chores,
                database=self._database,
                settings=self._settings,
                environment=self._environment,
            )
        recovered = 0.0
        has_ticked = False
        try:
            while True:
                try:
                    if time.monotonic() - recovered >= _RECOVER_SECONDS:
                        recovered = time.monotonic()
                        for flight in self._recovery.recover(mine=self._worker.run_ids):
                            self._worker.adopt(flight)
                        self._worker.reconcile()
                        self._follow_ups.create()
                    self._worker.tick()
                    if self._is_done(has_ticked, once=once, drain=drain, until_task=until_task):
                        return 0
                    has_ticked = True
                except DatabaseUnavailable as exc:
                    LOG.warning("%s; trying again", exc.message)
                    if self._signals:
                        return int(exc.exit_code)
                    self._worker.selector.select(random.uniform(0.5, 1.5))
        finally:
            self._chores.stop()
            with contextlib.suppress(DatabaseUnavailable):
                self._worker.finish()

    def _begin_measuring(self) -> None:
        begin_measuring(
            self._chores,
            database=self._database,
            settings=self._settings,
            environment=self._environment,
            base=self._base,
            worker_id=self._identity.id,
        )

    def _listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._worker.selector.register(self._read_end, selectors.EVENT_READ, data=self._empty_pipe)

    def _note_signal(self, *_: object) -> None:
        self._signals += 1
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, b"x")

    def _empty_pipe(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_end, 4096)

    def _is_done(
        self, has_ticked: bool, *, once: bool, drain: bool, until_task: int | None
    ) -> bool:
        if self._signals:
            return self._is_stopped()
        if once and has_ticked:
            self._worker.is_claiming = False
            return self._worker.is_idle
        if not self._worker.is_idle or not has_ticked:
            if until_task is not None and self._is_settled(until_task):
                self._worker.is_claiming = False
            return False
        if until_task is not None:
            return self._is_settled(until_task)
        return drain and self._is_drained()

    def _is_stopped(self) -> bool:
        """After the first signal: no new work, and a moment for runs that are about to end.

        After the second: the runs are stopped, and their ends are waited for.
        """
        self._worker.is_claiming = False
        if self._answered < min(self._signals, 2):
            self._answered = min(self._signals, 2)
            if self._answered == 1:
                LOG.info(self._stopping_words())
                self._stop_by = time.monotonic() + self._grace
            else:
                LOG.info("stopping: ending the running tasks")
                self._stop_by = None
                self._worker.stop_runs()
        if self._worker.is_idle:
            return True
        is_late = self._stop_by is not None and time.monotonic() >= self._stop_by
        return is_late and self._worker.has_only_flights

    def _stopping_words(self) -> str:
        number = len(self._worker.run_ids)
        if not number:
            return "stopping: nothing runs"
        runs = "1 running task goes" if number == 1 else f"{number} running tasks go"
        return (
            f"stopping: {runs} on, and the next worker takes over; "
            "a second signal (Ctrl-C) ends what runs"
        )

    def _is_settled(self, task_id: int) -> bool:
        with self._database.read() as connection:
            view = view_task(connection, task_id)
        pending = (PublicState.PENDING, PublicState.RUNNING)
        return view.state not in pending or view.reason == Reason.HELD_LOST

    def _is_drained(self) -> bool:
        self._follow_ups.create()
        with self._database.read() as connection:
            if remaining_work(connection):
                return False
            stuck = stuck_tasks(connection)
        for task in stuck[:_MOST_TOLD]:
            LOG.warning("task %d stays: %s", task.id, stuck_words(task))
        if stuck[_MOST_TOLD:]:
            LOG.warning("and %d more tasks stay, for the same reasons", len(stuck) - _MOST_TOLD)
        return True

    def _sweep_directories(self) -> None:
        with self._database.read() as connection:
            names = frozenset(run.id for run in workers.open_runs(connection))
        sweep_directories(self._base, names)
