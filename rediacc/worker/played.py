"""Plays that somebody started by hand and whose records wait: brought in by the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rediacc.history.ledger import OwnLedger
from rediacc.history.recording import bring_in
from rediacc.history.spool import spools_of
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.worker.log import LOG

__all__ = ["PLAYED_SECONDS", "Played"]

PLAYED_SECONDS = 30.0


class Played:
    """The chore. Files of other accounts are for them, or for root.

    :param is_stopping: whether the worker ends: the rest is for the next time.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        environment: Mapping[str, str],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._settings = settings
        self._environment = environment
        self._is_stopping = is_stopping
        self._ledger = OwnLedger(database=database, settings=settings, channel="worker")

    def run(self) -> None:
        """Bring in the plays that are over."""
        for spool in spools_of(self._settings, self._environment):
            for spool_id in spool.waiting():
                if self._is_stopping():
                    return
                brought = bring_in(
                    spool,
                    spool_id,
                    self._ledger,
                    database=self._database,
                    settings=self._settings,
                    environment=self._environment,
                )
                if brought is None:
                    continue
                context = {"play": brought.id, "task": brought.task_id, "team": brought.team}
                if brought.task_id is None:
                    LOG.warning("play not recorded: %s", brought.why, extra={"context": context})
                else:
                    LOG.info("play recorded", extra={"context": context})
