"""What a message holds: title, what, where, why, who, and the command that helps. Pure.

Words come from machines and people: every control character is shown as a visible escape, and
nothing in them can call everybody of a chat. Masking happened before anything was stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.finding import Detail
from rediacc.neutral import one_line
from rediacc.times import moment

__all__ = ["Place", "as_text", "harmless", "payload_of", "title_of"]

VERSION = 1
_MOST_NAMES = 20
_MOST_TITLE = 200
_MOST_LINE = 300
_EVERYBODY = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b)|<(?=[!@#])", re.IGNORECASE)
_DONE = {
    AlertRule.TASK_FAILED: "failed",
    AlertRule.PLAY_FAILED: "failed",
    AlertRule.TASK_LOST: "was lost",
    AlertRule.TASK_EXPIRED: "expired before it started",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where messages come from: the home, its short name, this host."""

    home: str
    home_id: str
    host: str


def harmless(text: str, *, most: int = _MOST_LINE) -> str:
    """Return one line of `text` that neither terminals, nor mail, nor chats obey."""
    line = _EVERYBODY.sub(lambda found: f"{found.group()} ", one_line(text))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def title_of(rule: AlertRule, team: str, number: int, detail: Detail) -> str:
    """Return one line that says what is wrong."""
    machines = len(detail.subjects)
    names = _names(detail.subjects)
    what = harmless(detail.what, most=80)
    if rule in _DONE:
        times = f" {number} times" if number > 1 else ""
        where = f" on {names}" if detail.subjects else ""
        words = f"{what} {_DONE[rule]}{times}{where}"
    else:
        words = {
            AlertRule.TASK_HELD: f"{_count(number, 'task')} held: the end of a run is unknown",
            AlertRule.TASK_LATE: f"{_count(number, 'task')} not started in time: {what}",
            AlertRule.NO_WORKER: f"no worker is running, and {_waiting(number)}",
            AlertRule.QUEUE_DEEP: _waiting(number),
            AlertRule.QUEUE_OLD: f"the oldest task waits for {what}",
            AlertRule.MACHINE_CPU: f"{_count(machines, 'machine')} over the CPU limit: {names}",
            AlertRule.MACHINE_MEMORY: f"{_count(machines, 'machine')} short of memory: {names}",
            AlertRule.MACHINE_DISK: f"{_count(machines, 'machine')} short of disk: {names}",
            AlertRule.MACHINE_UNREACHABLE: f"{_count(machines, 'machine')} unreachable: {names}",
            AlertRule.SECRET_OLD: f"{_count(number, 'secret')} too old: {names}",
            AlertRule.AUDIT_BROKEN: f"the audit is broken: {what}",
            AlertRule.UNDELIVERED: f"{_count(number, 'message')} not delivered: channel {what}",
            AlertRule.TEST: "a test: this channel works",
        }[rule]
    return harmless(f"[{team}] {words}" if team else words, most=_MOST_TITLE)


def payload_of(
    *,
    place: Place,
    alert_id: int,
    message: int,
    event: str,
    channel: str,
    rule: AlertRule,
    team: str,
    severity: Severity,
    title: str,
    number: int,
    first_at: int,
    last_at: int,
    detail: Detail,
) -> dict[str, Any]:
    """Return the message as it is stored, sent as JSON, and made into text.

    ``id`` is the same for each try of one message, ``dedup_key`` for all messages of one alert.
    """
    names = sorted(detail.subjects)
    return {
        "version": VERSION,
        "id": f"{place.home_id}-{alert_id}-{message}-{channel}",
        "dedup_key": f"rediacc-{place.home_id}-{alert_id}",
        "event": event,
        "alert": alert_id,
        "message": message,
        "rule": str(rule),
        "team": team,
        "severity": str(severity),
        "title": title if event != "resolve" else harmless(f"over: {title}", most=_MOST_TITLE),
        "what": harmless(detail.what),
        "count": number,
        "where": [harmless(_with_words(name, detail), most=120) for name in names[:_MOST_NAMES]],
        "where_count": len(names),
        "why": [harmless(line) for line in detail.why],
        "who": [harmless(name, most=80) for name in detail.who],
        "tasks": list(detail.tasks[-_MOST_NAMES:]),
        "command": harmless(detail.advice),
        "first_at": _iso(first_at),
        "last_at": _iso(last_at),
        "home": harmless(place.home),
        "host": harmless(place.host),
    }


def as_text(payload: Mapping[str, Any]) -> str:
    """Return a message's body as plain text, for receivers that take no JSON."""
    lines = [("what", _what(payload)), ("where", _where(payload))]
    lines += [("why" if number == 0 else "", line) for number, line in enumerate(payload["why"])]
    lines += [
        ("who", ", ".join(payload["who"])),
        ("since", payload["first_at"]),
        ("do", "" if payload["event"] == "resolve" else payload["command"]),
        ("alert", f"{payload['alert']} of {payload['home']} on {payload['host']}"),
    ]
    return "\n".join(f"{name:<6} {value}".rstrip() for name, value in lines if value)


def _what(payload: Mapping[str, Any]) -> str:
    count = f" ({payload['count']} times)" if payload["count"] > 1 else ""
    return f"{payload['rule']}: {payload['what']}{count}" if payload["what"] else payload["rule"]


def _where(payload: Mapping[str, Any]) -> str:
    names: Sequence[str] = payload["where"]
    left = payload["where_count"] - len(names)
    return ", ".join(names) + (f" and {left} more" if left > 0 else "")


def _with_words(name: str, detail: Detail) -> str:
    words = detail.subjects[name].words
    return f"{name} ({words})" if words else name


def _names(names: Mapping[str, Any]) -> str:
    shown = sorted(names)
    if len(shown) <= 3:
        return ", ".join(shown)
    return f"{', '.join(shown[:2])} and {len(shown) - 2} more"


def _waiting(number: int) -> str:
    return f"{_count(number, 'task')} {'waits' if number == 1 else 'wait'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _iso(at: int) -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%SZ}"
