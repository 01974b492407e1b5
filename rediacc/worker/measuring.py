"""What a worker measures by the clock: the queue each minute, machines, and metrics for others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import rediacc
from rediacc.monitoring.exposition import exposition, write_textfile
from rediacc.monitoring.measures import Measures, read_measures
from rediacc.monitoring.recording import record_queue
from rediacc.monitoring.retention import forget_old
from rediacc.monitoring.samples import roll_up_samples
from rediacc.queue.rules import rules_of
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.chores import Chores
from rediacc.worker.metrics import MetricsEndpoint
from rediacc.worker.sampling import Sampler

__all__ = ["begin_measuring"]

_RECORD_SECONDS = 20.0
_FORGET_SECONDS = 300.0
_TEXTFILE_SECONDS = 60.0
_ENDPOINT_SECONDS = 15.0


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

    def measures() -> Measures:
        with database.read() as connection:
            return read_measures(
                connection,
                settings,
                rules=rules_of(settings),
                version=rediacc.__version__,
                now=micros(utc_now()),
            )

    chores.add("record queue", record, every_seconds=_RECORD_SECONDS)
    chores.add("forget samples", forget, every_seconds=_FORGET_SECONDS)
    textfile = settings.monitoring.textfile
    if textfile is not None:
        chores.add(
            "metrics file",
            lambda: write_textfile(textfile, exposition(measures())),
            every_seconds=_TEXTFILE_SECONDS,
        )
    if settings.monitoring.metrics is not None:
        endpoint = MetricsEndpoint(*settings.monitoring.metrics, measures)
        chores.add("metrics", endpoint.ensure, every_seconds=_ENDPOINT_SECONDS, is_shared=False)
        chores.at_end(endpoint.close)
    Sampler(
        database=database,
        settings=settings,
        environment=environment,
        base=base,
        worker_id=worker_id,
        chores=chores,
    ).begin()
