"""Offering to sample machines, where a home or a team is made."""

from __future__ import annotations

import click

from rediacc.cli.parse_times import parse_duration
from rediacc.cli.session import Session, View

__all__ = ["wished_sampling"]

_USUAL_SECONDS = 60.0
_QUESTION = "Have a worker look at CPU, memory and disk of the machines every minute?"


def wished_sampling(session: Session, view: View, given: str | None) -> float | None:
    """Return how often machines are to be sampled, in seconds; ``None`` for never.

    Who did not say is asked where there is a terminal; without one the answer is never.

    :param given: the value of ``--sample-every``.
    :raises InvalidInput: it is no time.
    """
    if given is not None:
        return parse_duration(given, option="--sample-every", allow_zero=True) or None
    is_asked = view.is_for_people and not view.is_quiet and session.has_terminal
    if is_asked and click.confirm(_QUESTION, default=False, err=True):
        return _USUAL_SECONDS
    return None
