"""Moving what is over to the archive by the clock, as ``[retention]`` says."""

from __future__ import annotations

from collections.abc import Callable

from rediacc.archives.mover import Mover, cutoffs
from rediacc.errors import Conflict
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.log import LOG

__all__ = ["ARCHIVE_SECONDS", "Archiving"]

ARCHIVE_SECONDS = 3600.0


class Archiving:
    """The chore; a temporary worker has none.

    :param is_stopping: whether the worker ends: the rest is for the next time.
    """

    def __init__(
        self, *, database: Database, settings: Settings, is_stopping: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._mover = Mover(
            database,
            settings.state_directory,
            actor="rediacc",
            channel="worker",
            is_stopping=is_stopping,
        )

    def run(self) -> None:
        """Move what is due now."""
        before = cutoffs(self._settings.retention, now=micros(utc_now()))
        try:
            answer = self._mover.run(before)
        except Conflict as exc:
            LOG.info("archive: %s", exc.message)
            return
        for moved in answer.sorts:
            if moved.rows:
                context = {"sort": moved.sort, "rows": moved.rows, "bytes": moved.bytes}
                LOG.info("archived", extra={"context": {**context, "files": len(moved.files)}})
