"""What a worker measures by the clock: the queue each minute, machines, and metrics for others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rediacc.monitoring.recording import record_queue
from rediacc.monitoring.retention import forget_old
from rediacc.monitoring.samples import roll_up_samples
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.chores import Chores
from rediacc.worker.sampling import Sampler

__all__ = ["begin_measuring"]

_RECORD_SECONDS = 20.0
_FORGET_SECONDS = 300.0


def begin_measuring(
    chores: Chores,
    *,
    database: Database,
    settings: Settings,
    environment: Mapping[str, str],
    base: Path,
    worker_id: str,
) -> None:
    """Measure for as long as `chores` go on.

    :param base: the directory for runs on this host.
    """

    def record() -> None:
        now = micros(utc_now())
        record_queue(database, now=now)
        roll_up_samples(database, now=now)

    def forget() -> None:
        forget_old(database, now=micros(utc_now()))

    chores.add("record queue", record, every_seconds=_RECORD_SECONDS)
    chores.add("forget samples", forget, every_seconds=_FORGET_SECONDS)
    Sampler(
        database=database,
        settings=settings,
        environment=environment,
        base=base,
        worker_id=worker_id,
        chores=chores,
    ).begin()
