"""Plays that somebody started by hand: how they ended comes to the outbox, and from it to alerts.

A key names each end, so that one that is told twice counts once. The same playbook that ends
well on a machine, by hand or by the queue, takes it out of the alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import postgresql, sqlite

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.book import Book
from rediacc.alerts.causes import cause_of, event_key
from rediacc.alerts.finding import Detail, Finding, Subject
from rediacc.settings import Settings
from rediacc.storage.tables.work import Outbox
from rediacc.times import seconds
from rediacc.values import Kind

__all__ = ["PLAY_ENDED", "PlayEnd", "apply_play", "record_play"]

PLAY_ENDED = "play.ended"
# So long an end that was told again is known.
_KEPT_SECONDS = 30 * 86400.0
_O = Outbox.__table__  # type: ignore[attr-defined]
_FORGET = text(
    "DELETE FROM outbox WHERE kind = 'play.ended' AND delivered_at IS NOT NULL AND at < :before"
)
_OPEN = text("SELECT 1 FROM alert WHERE key = :key AND state <> 'resolved'")
_UNTOLD = text("SELECT 1 FROM outbox WHERE kind = 'play.ended' AND delivered_at IS NULL LIMIT 1")


@dataclass(frozen=True, kw_only=True)
class PlayEnd:
    """How a play ended.

    :param key: names this end.
    :param what: the playbook; with the team it names the cause.
    :param machines: what is wrong with each machine, in a few words.
    :param fine: the machines on which it went well.
    :param why: lines about what went wrong.
    :param who: the person who started it.
    """

    key: str
    team: str
    what: str
    machines: Mapping[str, str]
    fine: Sequence[str]
    why: Sequence[str]
    who: str
    severity: Severity

    @property
    def cause(self) -> str:
        """The key of its alert."""
        cause = cause_of(named=None, kind=str(Kind.PLAYBOOK), title=self.what)
        return event_key(AlertRule.PLAY_FAILED, self.team, cause)


def record_play(connection: Connection, end: PlayEnd, *, now: int) -> bool:
    """Write `end` for the next look at alerts; false when there is nothing new in it."""
    connection.execute(_FORGET, {"before": now - seconds(_KEPT_SECONDS)})
    if not end.machines and not _is_of_interest(connection, end):
        return False
    if connection.execute(select(_O.c.id).where(_O.c.key == _key(end))).first() is not None:
        return False
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {
        "key": _key(end),
        "kind": PLAY_ENDED,
        "payload": {
            "key": end.key,
            "team": end.team,
            "what": end.what,
            "machines": dict(end.machines),
            "fine": list(end.fine),
            "why": list(end.why),
            "who": end.who,
            "severity": str(end.severity),
        },
        "at": now,
    }
    done = connection.execute(insert(_O).values(values).on_conflict_do_nothing())
    return done.rowcount == 1


def _key(end: PlayEnd) -> str:
    return f"{PLAY_ENDED}:{end.team}:{end.key}"


def _is_of_interest(connection: Connection, end: PlayEnd) -> bool:
    """Say whether an end without a failure may close something."""
    is_open = connection.execute(_OPEN, {"key": end.cause}).first() is not None
    return is_open or connection.execute(_UNTOLD).first() is not None


def apply_play(book: Book, payload: Mapping[str, Any], *, at: int, settings: Settings) -> None:
    """Open or count the alert of a play's end, and take out of it what went well."""
    end = PlayEnd(**{**payload, "severity": Severity(payload["severity"])})
    if end.machines and settings.alerts.is_on(AlertRule.PLAY_FAILED, end.team):
        book.raise_alert(_finding(end, at))
    if end.fine:
        book.note_fine(end.cause, dict.fromkeys(end.fine, at), why="the playbook ended well")


def _finding(end: PlayEnd, at: int) -> Finding:
    return Finding(
        key=end.cause,
        rule=AlertRule.PLAY_FAILED,
        team=end.team,
        severity=end.severity,
        at=at,
        detail=Detail(
            what=end.what,
            subjects={name: Subject(at=at, words=words) for name, words in end.machines.items()},
            why=tuple(end.why),
            who=(end.who,),
        ),
    )
