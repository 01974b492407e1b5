"""Making a home: files first, then the database with the first entry of its audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rediacc.access.identity import caller_of_process
from rediacc.audit.chain import append_entry
from rediacc.audit.checkpoint import remember_commits
from rediacc.errors import AccessDenied, RediaccError
from rediacc.requests import InitRequest
from rediacc.settings import Settings, load_settings
from rediacc.storage.engine import open_database
from rediacc.storage.schema import upgrade
from rediacc.teams.adoption import initialise
from rediacc.teams.known_hosts import unknown_machines
from rediacc.times import micros, utc_now
from rediacc.values import Proof
from rediacc.views import InitReport

__all__ = ["initialise_home"]


def initialise_home(request: InitRequest, *, environment: Mapping[str, str]) -> InitReport:
    """``home.init``: make a home of a directory; no existing file of it changes.

    :raises InvalidInput: a team or inventory cannot be meant.
    :raises AccessDenied: whoever asks came through sudo and is bound to a role.
    :raises Conflict: it is a home already.
    """
    caller = caller_of_process("cli", environment)
    if caller.proof is Proof.SUDO:
        raise AccessDenied(
            f"{caller.name} may not make a home of {caller.account} through sudo: "
            "it would be theirs to run anything with",
            hint=f"do it as {caller.account} itself",
        )
    report = initialise(request, environment=environment)
    settings = load_settings(Path(report.home), environment=environment)
    database = open_database(settings.database_url)
    remember_commits(database, settings.state_directory)
    try:
        upgrade(database)
        with database.write() as connection:
            append_entry(
                connection,
                actor=caller.name,
                channel=caller.channel,
                operation="home.init",
                object_name=report.home,
                outcome="done",
                detail={"teams": [list(team) for team in report.teams]},
                now=micros(utc_now()),
            )
    finally:
        database.close()
    return replace(report, unknown_keys=_count_unknown(settings, environment))


def _count_unknown(settings: Settings, environment: Mapping[str, str]) -> int | None:
    """Return how many machines have no recorded host key; ``None`` where nobody can tell."""
    try:
        return sum(
            len(unknown_machines(settings, team, environment=environment))
            for team in settings.teams
        )
    except RediaccError:
        return None
