"""What a worker does by the clock beside its runs: each chore in a thread of its own.

Several workers share the chores of one database: whoever writes the next due time first does it,
so that a chore runs once for all of them. A chore that fails is logged and comes again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import text

from rediacc.errors import RediaccError
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now
from rediacc.worker.log import LOG, doing

__all__ = ["Chores"]

_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 10.0
_DUE = text("SELECT 1 FROM chore WHERE name = :name AND next_at > :now")
_TAKE = text(
    "INSERT INTO chore (name, worker_id, next_at) VALUES (:name, :worker, :next_at) "
    "ON CONFLICT (name) DO UPDATE SET worker_id = :worker, next_at = :next_at "
    "WHERE chore.next_at <= :now"
)


class Chores:
    """Chores by name, until stopped.

    :param worker_id: who says that it does them.
    """

    def __init__(self, database: Database, worker_id: str) -> None:
        self._database = database
        self._worker_id = worker_id
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._endings: list[Callable[[], object]] = []

    @property
    def is_stopping(self) -> bool:
        """Whether a chore that takes long should end."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until the chores are to end; return whether they are."""
        return self._stopping.wait(seconds)

    def add(
        self,
        name: str,
        work: Callable[[], object],
        *,
        every_seconds: float,
        is_shared: bool = True,
    ) -> None:
        """Have `work` done every so many seconds, from now on.

        :param is_shared: whether one worker does it for all workers of the database.
        """
        thread = threading.Thread(
            target=self._run,
            args=(name, work, every_seconds, is_shared),
            name=f"chore-{name}",
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()

    def at_end(self, work: Callable[[], object]) -> None:
        """Have `work` done when the chores have ended."""
        self._endings.append(work)

    def stop(self) -> None:
        """Begin no chore any more, and wait a moment for what is being done."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_CLOSE_SECONDS)
        for work in self._endings:
            work()

    def _run(
        self, name: str, work: Callable[[], object], every_seconds: float, is_shared: bool
    ) -> None:
        pause = min(_LOOK_SECONDS, every_seconds) if is_shared else every_seconds
        while True:
            with doing(chore=name):
                self._do(name, work, every_seconds, is_shared)
            if self._stopping.wait(pause):
                return

    def _do(
        self, name: str, work: Callable[[], object], every_seconds: float, is_shared: bool
    ) -> None:
        try:
            if not is_shared or self._take(name, every_seconds):
                work()
        except RediaccError as exc:
            LOG.warning("%s failed: %s", name, exc.message)
        except Exception:  # a thread's top: one failure must not be the last try
            LOG.exception("%s failed", name)

    def _take(self, name: str, every_seconds: float) -> bool:
        """Return whether the chore is due and this worker is the one to do it."""
        now = micros(utc_now())
        with self._database.read() as connection:
            if connection.execute(_DUE, {"name": name, "now": now}).one_or_none() is not None:
                return False
        values = {
            "name": name,
            "worker": self._worker_id,
            "now": now,
            "next_at": now + seconds(every_seconds),
        }
        with self._database.write() as connection:
            return connection.execute(_TAKE, values).rowcount == 1
