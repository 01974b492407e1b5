"""What a worker does about alerts by the clock: it looks, and it sends; neither holds up a run."""

from __future__ import annotations

from collections.abc import Mapping

from rediacc.alerts.service import deliverer_for, watch_for
from rediacc.alerts.vault import TeamVaults
from rediacc.alerts.watch import Scope
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.worker.chores import Chores
from rediacc.worker.log import LOG

__all__ = ["begin_alerting"]

_LOOK_SECONDS = 2.0
_MACHINES_SECONDS = 15.0
# Each look reads the whole chain.
_AUDIT_SECONDS = 3600.0
_DELIVER_SECONDS = 1.0
_END_SECONDS = 2.0


def begin_alerting(
    chores: Chores, *, database: Database, settings: Settings, environment: Mapping[str, str]
) -> None:
    """Look after alerts for as long as `chores` go on."""
    watch = watch_for(database, settings)
    deliverer = deliverer_for(
        database,
        settings,
        secrets=TeamVaults(settings, environment),
        environment=environment,
    )

    def deliver() -> None:
        deliverer.step()
        while deliverer.errors:
            error = deliverer.errors.pop()
            LOG.error("a message could not be looked after: %s", error, exc_info=error)

    # Each worker does these two: they read, and write only where there is something to write,
    # while sharing a chore costs a transaction each time. Two at once do nothing twice.
    chores.add(
        "alerts", lambda: watch.look(Scope.CHEAP), every_seconds=_LOOK_SECONDS, is_shared=False
    )
    chores.add("alerts deliver", deliver, every_seconds=_DELIVER_SECONDS, is_shared=False)
    chores.add(
        "alerts machines", lambda: watch.look(Scope.MACHINES), every_seconds=_MACHINES_SECONDS
    )
    chores.add("alerts audit", lambda: watch.look(Scope.AUDIT), every_seconds=_AUDIT_SECONDS)
    # What is being sent is noted as sent, where the receiver takes no longer than this.
    chores.at_end(lambda: deliverer.wait(seconds_to_wait=_END_SECONDS))
