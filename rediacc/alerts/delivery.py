"""Messages on their way: each is sent until it arrives or is given up; a repeat has the same key.

A message is marked as being tried, for a limited time, before it is sent, and as delivered after.
Whoever dies between the two leaves it to be sent again when that time is over.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.book import Book
from rediacc.alerts.finding import Detail, Finding
from rediacc.alerts.messages import Place
from rediacc.alerts.sending import Answer, Secrets, send
from rediacc.settings import Settings
from rediacc.settings.alerts import Channel
from rediacc.storage.engine import Database
from rediacc.times import micros, seconds, utc_now

__all__ = ["Deliverer", "pause_after"]

_BATCH = 10
_LONGEST_PAUSE_SECONDS = 3600.0
# Above what one sender may take for its first message, so that nobody takes it for dead.
_LEASE_SLACK_SECONDS = 30.0
# In order for each alert and channel: a receiver must not hear of the end before the beginning.
_FIRST = (
    "FROM delivery d WHERE d.state = 'pending' AND d.next_at <= :now "
    "AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.alert_id = d.alert_id "
    "AND e.channel = d.channel AND e.id < d.id AND e.state = 'pending')"
)
_CHANNELS = text(f"SELECT DISTINCT d.channel, d.team {_FIRST}")
_DUE = text(
    f"SELECT d.id, d.key, d.alert_id, d.payload, d.tries, d.created_at {_FIRST} "
    "AND d.channel = :channel AND d.team = :team ORDER BY d.id LIMIT :limit"
).columns(payload=JSON)
_TAKE = text(
    "UPDATE delivery SET tries = tries + 1, next_at = :until WHERE id = :id "
    "AND state = 'pending' AND next_at <= :now"
)
_DELIVERED = text(
    "UPDATE delivery SET state = 'delivered', delivered_at = :now, error = '' "
    "WHERE id = :id AND state = 'pending'"
)
_FAILED = text(
    "UPDATE delivery SET next_at = :next, error = :error, tries = tries - :untried "
    "WHERE id = :id AND state = 'pending'"
)
_GIVEN_UP = text(
    "UPDATE delivery SET state = 'given up', error = :error WHERE id = :id AND state = 'pending'"
)


def pause_after(tries: int, *, first: float, draw: float | None = None) -> float:
    """Return how many seconds to wait after the try number `tries`: ever longer, with jitter.

    :param first: the pause after the first try.
    :param draw: a number from 0 to 1.
    """
    pause = min(first * 2.0 ** min(tries - 1, 30), max(first, _LONGEST_PAUSE_SECONDS))
    return pause * (0.75 + 0.5 * (random.random() if draw is None else draw))


@dataclass(frozen=True, kw_only=True)
class _Message:
    id: int
    key: str
    payload: Mapping[str, Any]
    tries: int
    created_at: int


class Deliverer:
    """Sends what is due, each channel in a thread and a process of its own.

    :param environment: of which the senders get what they need.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        place: Place,
        secrets: Secrets,
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._place = place
        self._secrets = secrets
        self._environment = environment
        self._busy: dict[tuple[str, str], threading.Thread] = {}
        self.errors: list[BaseException] = []

    def step(self) -> int:
        """Begin to send what is due through channels that are not busy; return how many are."""
        self._busy = {name: one for name, one in self._busy.items() if one.is_alive()}
        with self._database.read() as connection:
            due = connection.execute(_CHANNELS, {"now": _now()}).all()
        for row in due:
            name = (row.channel, row.team)
            if name in self._busy:
                continue
            thread = threading.Thread(
                target=self._run, args=name, name=f"alerts-{row.channel}", daemon=True
            )
            self._busy[name] = thread
            thread.start()
        return len(self._busy)

    def finish(self, *, seconds_to_wait: float) -> None:
        """Send all that is due now, and wait for it, at most so long."""
        deadline = time.monotonic() + seconds_to_wait
        while self.step() and time.monotonic() < deadline:
            self.wait(seconds_to_wait=min(0.2, deadline - time.monotonic()))

    def wait(self, *, seconds_to_wait: float) -> None:
        """Wait for what is being sent now, at most so long."""
        deadline = time.monotonic() + seconds_to_wait
        for thread in list(self._busy.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, channel: str, team: str) -> None:
        try:
            self._deliver(channel, team)
        except Exception as exc:  # a thread's top: the next step begins again
            self.errors.append(exc)

    def _deliver(self, name: str, team: str) -> None:
        channel = self._settings.alerts.channels.get(name)
        timeout = channel.timeout if channel else 0.0
        messages = self._take(name, team, lease_seconds=_BATCH * timeout + _LEASE_SLACK_SECONDS)
        if not messages:
            return
        by_key = {message.key: message for message in messages}
        for answer in self._send(channel, name, messages, team):
            self._note(name, by_key[answer.key], answer)

    def _send(
        self, channel: Channel | None, name: str, messages: Sequence[_Message], team: str
    ) -> Any:
        if channel is None:
            words = f"rediacc.toml has no channel {name} any more"
            return [Answer(key=one.key, is_sent=False, words=words) for one in messages]
        return send(
            channel,
            [message.payload for message in messages],
            team=team,
            secrets=self._secrets,
            home=self._settings.home,
            environment=self._environment,
        )

    def _take(self, channel: str, team: str, *, lease_seconds: float) -> list[_Message]:
        now = _now()
        until = now + seconds(lease_seconds)
        with self._database.write() as connection:
            parameters = {"now": now, "channel": channel, "team": team, "limit": _BATCH}
            rows = connection.execute(_DUE, parameters).all()
            return [
                _Message(
                    id=row.id,
                    key=row.key,
                    payload=row.payload,
                    tries=row.tries + 1,
                    created_at=row.created_at,
                )
                for row in rows
                if connection.execute(_TAKE, {"id": row.id, "now": now, "until": until}).rowcount
            ]

    def _note(self, channel: str, message: _Message, answer: Answer) -> None:
        now = _now()
        with self._database.write() as connection:
            if answer.is_sent:
                connection.execute(_DELIVERED, {"id": message.id, "now": now})
                self._book(connection, now).resolve(_key(channel), why="a message was delivered")
                return
            alerts = self._settings.alerts
            is_old = now >= message.created_at + seconds(alerts.give_up_after)
            if answer.is_tried and is_old:
                self._give_up(connection, channel, message, answer.words, now)
                return
            pause = pause_after(message.tries, first=alerts.retry_after) if answer.is_tried else 0.0
            connection.execute(
                _FAILED,
                {
                    "id": message.id,
                    "next": now + seconds(pause),
                    "error": answer.words,
                    "untried": int(not answer.is_tried),
                },
            )

    def _give_up(
        self, connection: Connection, channel: str, message: _Message, words: str, now: int
    ) -> None:
        """Write that a message is lost, and tell of that where it can be told."""
        done = connection.execute(_GIVEN_UP, {"id": message.id, "error": words})
        is_about_itself = message.payload["rule"] == str(AlertRule.UNDELIVERED)
        team = message.payload["team"]
        is_on = self._settings.alerts.is_on(AlertRule.UNDELIVERED, team)
        if not done.rowcount or is_about_itself or not is_on:
            return
        finding = Finding(
            key=_key(channel),
            rule=AlertRule.UNDELIVERED,
            team=team,
            severity=Severity.ERROR,
            at=now,
            detail=Detail(
                what=channel, why=(words,), advice=f"rediacc alert test --channel {channel}"
            ),
        )
        self._book(connection, now).raise_alert(finding)

    def _book(self, connection: Connection, now: int) -> Book:
        return Book(connection, self._settings, place=self._place, now=now)


def _key(channel: str) -> str:
    return f"{AlertRule.UNDELIVERED}/{channel}"


def _now() -> int:
    return micros(utc_now())
