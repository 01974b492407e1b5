"""What the worker and operations need of alerts, put together for one home."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from sqlalchemy import Connection

from rediacc.alerts.delivery import Deliverer
from rediacc.alerts.messages import Place
from rediacc.alerts.sending import Secrets
from rediacc.alerts.watch import Watch
from rediacc.audit.verify import verify_chain
from rediacc.settings import Settings
from rediacc.storage.engine import Database

__all__ = ["deliverer_for", "place_of", "watch_for"]


def place_of(settings: Settings) -> Place:
    """Return what messages say of where they come from."""
    return Place(home=str(settings.home), home_id=settings.home_id, host=socket.gethostname())


def watch_for(database: Database, settings: Settings) -> Watch:
    """Return what looks at the home."""

    def audit_problem(connection: Connection) -> str:
        return verify_chain(connection, settings.state_directory).problem

    return Watch(database, settings, place=place_of(settings), audit_problem=audit_problem)


def deliverer_for(
    database: Database,
    settings: Settings,
    *,
    secrets: Secrets,
    environment: Mapping[str, str],
) -> Deliverer:
    """Return what sends the home's messages."""
    return Deliverer(
        database,
        settings,
        place=place_of(settings),
        secrets=secrets,
        environment=environment,
    )
