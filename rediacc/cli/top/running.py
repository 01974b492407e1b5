"""Running the view: the first look before the screen is cleared, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from rediacc.cli.session import Session
from rediacc.cli.top.app import TopApp
from rediacc.cli.top.source import Source
from rediacc.requests import OverviewRequest

__all__ = ["run_top"]


def run_top(session: Session, *, team: str | None, every_seconds: float) -> None:
    """Show the view until the person leaves it.

    :raises RediaccError: the home cannot be looked at to begin with.
    """
    with contextlib.closing(Source(session.open_office)) as source:
        # What is wrong now is said in one line on an ordinary screen.
        first = source.perform("overview.read", OverviewRequest(team=team))
        _Ending(
            source, first, home=str(session.home()), team=team, every_seconds=every_seconds
        ).run()


class _Ending(TopApp):
    """The view, which leaves the terminal as it was also when it is told to end."""

    def on_load(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
