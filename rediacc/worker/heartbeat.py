"""The heartbeat: renews the worker's lease in a thread and with connections of its own."""

from __future__ import annotations

import threading
import time

from rediacc.errors import RediaccError
from rediacc.queue import workers
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.log import LOG

__all__ = ["Heartbeat"]


class Heartbeat:
    """Beats until stopped. What it cannot do once it tries again; nothing ends it but `stop`."""

    def __init__(
        self, database: Database, worker_id: str, *, interval_seconds: float, lease_seconds: float
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._interval = interval_seconds
        self._lease = lease_seconds
        self._stopping = threading.Event()
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def may_claim(self) -> bool:
        """Whether the lease is fresh enough to take on new work, by this host's steady clock."""
        return time.monotonic() - self._last < self._lease / 2

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            sent = time.monotonic()
            try:
                with self._database.write() as connection:
                    workers.beat(
                        connection, self._worker_id, state="running", now=micros(utc_now())
                    )
            except RediaccError as exc:
                LOG.warning("heartbeat failed: %s", exc.message)
            except Exception:  # a thread's top: one bad beat must not be the last
                LOG.exception("heartbeat failed")
            else:
                self._last = sent
