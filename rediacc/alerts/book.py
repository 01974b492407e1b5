"""Writing alerts: one cause is one row, and the messages that follow share its transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, Connection, Row, select, text

from rediacc.alert_words import AlertRule, AlertState, Severity
from rediacc.alerts.finding import Detail, Finding, merge, without
from rediacc.alerts.judging import Quiet, Told, is_silenced, message_due
from rediacc.alerts.messages import Place, payload_of, title_of
from rediacc.settings import Settings
from rediacc.settings.alerts import Channel
from rediacc.storage.tables.alerts import Alert, Delivery
from rediacc.times import seconds

__all__ = ["Book", "channels_of"]

_A = Alert.__table__  # type: ignore[attr-defined]
_D = Delivery.__table__  # type: ignore[attr-defined]
_SILENCES = text("SELECT team, rule, machine FROM silence WHERE until_at > :now")
_TOLD_CHANNELS = text("SELECT DISTINCT channel FROM delivery WHERE alert_id = :id")
_UNSENT = text(
    "SELECT id, channel, event, payload FROM delivery WHERE alert_id = :id "
    "AND state = 'pending' AND tries = 0 AND event <> 'resolve'"
).columns(payload=JSON)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An alert as its row holds it."""

    id: int
    key: str
    rule: AlertRule
    team: str
    severity: Severity
    state: AlertState
    number: int
    first_at: int
    last_at: int
    resolved_at: int | None
    detail: Detail
    told: Told
    why_resolved: str

    @classmethod
    def of(cls, row: Row[Any]) -> _Entry:
        return cls(
            id=row.id,
            key=row.key,
            rule=AlertRule(row.rule),
            team=row.team,
            severity=Severity(row.severity),
            state=AlertState(row.state),
            number=row.number,
            first_at=row.first_at,
            last_at=row.last_at,
            resolved_at=row.resolved_at,
            detail=Detail.from_json(row.detail),
            told=Told.from_json(row.detail.get("told")),
            why_resolved=row.detail.get("why_resolved", ""),
        )


class Book:
    """The alerts, for the time of one write transaction.

    :param place: what messages say of where they come from.
    :param now: microseconds.
    """

    def __init__(
        self, connection: Connection, settings: Settings, *, place: Place, now: int
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._place = place
        self._now = now
        rows = connection.execute(_SILENCES, {"now": now}).all()
        self._silences = [Quiet(team=r.team, rule=r.rule, machine=r.machine) for r in rows]

    def raise_alert(self, finding: Finding) -> int:
        """Open an alert, or count on the open one of the same cause; return its number."""
        entry = self._standing(finding)
        if entry is None:
            entry = self._insert(finding)
        else:
            is_new = finding.is_event or finding.number > entry.number
            entry = replace(
                entry,
                severity=min(entry.severity, finding.severity, key=lambda one: one.rank),
                number=entry.number + finding.number if finding.is_event else finding.number,
                last_at=self._now if is_new else entry.last_at,
                detail=merge(entry.detail, finding.detail) if finding.is_event else finding.detail,
            )
        self._save(entry)
        self._tell(self._refresh_unsent(entry))
        return entry.id

    def resolve(self, key: str, *, why: str) -> bool:
        """Close the open alert of a cause; false when there is none."""
        row = self._open(key)
        if row is None:
            return False
        self._close(_Entry.of(row), why)
        return True

    def note_fine(self, key: str, fine: Mapping[str, int], *, why: str) -> None:
        """Take what is fine again out of the open alert of a cause; close it when nothing is left.

        :param fine: since when each is, in microseconds.
        """
        row = self._open(key)
        if row is None:
            return
        entry = _Entry.of(row)
        if without(entry.detail, fine).subjects:
            self.remove_subjects(entry.id, fine)
        else:
            self._close(entry, why)

    def resolve_by_id(self, alert_id: int, *, why: str, seen_at: int | None = None) -> bool:
        """Close alert `alert_id`; false when it is closed already.

        :param seen_at: its ``last_at`` when it was found to be over; where there was more of it
            since, it stays open.
        """
        row = self._by_id(alert_id)
        if row.state == str(AlertState.RESOLVED) or seen_at not in (None, row.last_at):
            return False
        self._close(_Entry.of(row), why)
        return True

    def acknowledge(self, alert_id: int, *, by: str) -> bool:
        """Note that somebody looks after an alert; false when it is not open."""
        changed = self._connection.execute(
            _A.update()
            .where(_A.c.id == alert_id, _A.c.state == str(AlertState.OPEN))
            .values(
                state=str(AlertState.ACKNOWLEDGED), acknowledged_at=self._now, acknowledged_by=by
            )
        )
        return changed.rowcount == 1

    def remove_subjects(self, alert_id: int, well: Mapping[str, int]) -> None:
        """Leave out what is well again, since the times given, where others are still wrong."""
        entry = _Entry.of(self._by_id(alert_id))
        entry = replace(entry, detail=without(entry.detail, well))
        self._save(entry)
        self._refresh_unsent(entry)

    def has_something_to_tell(self) -> bool:
        """Return whether :meth:`tell_what_is_due` would write anything."""
        return any(
            event is not None and self._channels(entry, event)
            for entry in self._open_entries()
            for event in [self._due(entry)]
        )

    def tell_what_is_due(self) -> None:
        """Write the messages whose time has come: updates that waited, silences that ended."""
        for entry in self._open_entries():
            self._tell(entry)

    def _open_entries(self) -> list[_Entry]:
        open_ones = select(_A).where(text("state <> 'resolved'"))
        return [_Entry.of(row) for row in self._connection.execute(open_ones).all()]

    # -- rows

    def _open(self, key: str) -> Row[Any] | None:
        query = select(_A).where(_A.c.key == key).where(text("state <> 'resolved'"))
        return self._connection.execute(query).one_or_none()

    def _by_id(self, alert_id: int) -> Row[Any]:
        return self._connection.execute(select(_A).where(_A.c.id == alert_id)).one()

    def _standing(self, finding: Finding) -> _Entry | None:
        """Return the open alert of the cause, or the one that was closed a moment ago, reopened.

        A cause that comes and goes is one alert, so that people are told of it at most as often
        as of one that stays.
        """
        row = self._open(finding.key)
        if row is not None:
            return _Entry.of(row)
        query = select(_A).where(_A.c.key == finding.key).order_by(_A.c.id.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        entry = _Entry.of(row)
        window = seconds(self._settings.alerts.limits_of(finding.team).update_every)
        if entry.resolved_at is None or entry.resolved_at < self._now - window:
            return None
        return replace(entry, state=AlertState.OPEN, resolved_at=None, why_resolved="")

    def _insert(self, finding: Finding) -> _Entry:
        values = {
            "key": finding.key,
            "rule": str(finding.rule),
            "team": finding.team,
            "severity": str(finding.severity),
            "state": str(AlertState.OPEN),
            "title": "",
            "number": finding.number,
            "first_at": finding.at,
            "last_at": self._now,
            "detail": finding.detail.to_json(),
        }
        done = self._connection.execute(_A.insert().returning(_A.c.id), values)
        return _Entry.of(self._by_id(int(done.scalar_one())))

    def _save(self, entry: _Entry) -> None:
        detail = entry.detail.to_json() | {"told": entry.told.to_json()}
        if entry.why_resolved:
            detail["why_resolved"] = entry.why_resolved
        values: dict[str, Any] = {
            "severity": str(entry.severity),
            "state": str(entry.state),
            "title": title_of(entry.rule, entry.team, entry.number, entry.detail),
            "number": entry.number,
            "last_at": entry.last_at,
            "resolved_at": entry.resolved_at,
            "task_id": entry.detail.tasks[-1] if entry.detail.tasks else None,
            "detail": detail,
        }
        if entry.state is AlertState.OPEN:
            values |= {"acknowledged_at": None, "acknowledged_by": None}
        self._connection.execute(_A.update().where(_A.c.id == entry.id).values(**values))

    def _close(self, entry: _Entry, why: str) -> None:
        entry = replace(entry, state=AlertState.RESOLVED, resolved_at=self._now, why_resolved=why)
        self._save(entry)
        self._tell(entry)

    # -- messages

    def _tell(self, entry: _Entry) -> None:
        """Write the messages that are due to each channel, and what receivers know from then."""
        event = self._due(entry)
        if event is None:
            return
        channels = self._channels(entry, event)
        if not channels:
            return
        told = Told(
            is_open=event != "resolve",
            # Only what is wrong counts for how often people are told.
            at=entry.told.at if event == "resolve" else self._now,
            number=entry.number,
            messages=entry.told.messages + 1,
        )
        entry = replace(entry, told=told)
        self._save(entry)
        is_urgent = event != "trigger" or entry.severity is Severity.CRITICAL
        pause = 0.0 if is_urgent else self._settings.alerts.gather
        self._connection.execute(
            _D.insert(), [self._delivery(entry, event, name, pause) for name in channels]
        )

    def _due(self, entry: _Entry) -> str | None:
        silenced = is_silenced(
            self._silences, team=entry.team, rule=str(entry.rule), machines=entry.detail.subjects
        )
        return message_due(
            entry.state,
            entry.number,
            entry.told,
            silenced=silenced,
            update_every=self._settings.alerts.limits_of(entry.team).update_every,
            now=self._now,
        )

    def _channels(self, entry: _Entry, event: str) -> list[str]:
        names = [
            channel.name
            for channel in channels_of(
                self._settings.alerts.channels,
                team=entry.team,
                rule=str(entry.rule),
                severity=entry.severity,
            )
        ]
        if event == "resolve":
            told = self._connection.execute(_TOLD_CHANNELS, {"id": entry.id}).scalars().all()
            names = [name for name in told if name in self._settings.alerts.channels]
        if entry.rule is AlertRule.UNDELIVERED:  # not through the channel that is broken
            names = [name for name in names if name != entry.detail.what]
        return names

    def _delivery(self, entry: _Entry, event: str, channel: str, pause: float) -> Mapping[str, Any]:
        payload = self._payload(entry, event, channel, entry.told.messages)
        return {
            "key": payload["id"],
            "alert_id": entry.id,
            "team": entry.team,
            "channel": channel,
            "event": event,
            "state": "pending",
            "payload": payload,
            "tries": 0,
            "error": "",
            "created_at": self._now,
            "next_at": self._now + seconds(pause),
        }

    def _payload(self, entry: _Entry, event: str, channel: str, message: int) -> dict[str, Any]:
        return payload_of(
            place=self._place,
            alert_id=entry.id,
            message=message,
            event=event,
            channel=channel,
            rule=entry.rule,
            team=entry.team,
            severity=entry.severity,
            title=title_of(entry.rule, entry.team, entry.number, entry.detail),
            number=entry.number,
            first_at=entry.first_at,
            last_at=entry.last_at,
            detail=entry.detail,
        )

    def _refresh_unsent(self, entry: _Entry) -> _Entry:
        """Let messages that nobody has tried to send yet tell of all that came since."""
        rows = self._connection.execute(_UNSENT, {"id": entry.id}).all()
        for row in rows:
            payload = self._payload(entry, row.event, row.channel, row.payload["message"])
            self._connection.execute(_D.update().where(_D.c.id == row.id).values(payload=payload))
        if rows:
            entry = replace(entry, told=replace(entry.told, number=entry.number))
            self._save(entry)
        return entry


def channels_of(
    channels: Mapping[str, Channel], *, team: str, rule: str, severity: Severity
) -> Iterable[Channel]:
    """Return the channels that an alert goes to.

    What concerns the whole home goes to channels without teams; where there are none, to all:
    somebody must hear that no worker runs.
    """
    fitting = [
        channel
        for channel in channels.values()
        if channel.takes(team=team, rule=rule, severity=severity)
    ]
    if fitting or team:
        return fitting
    return [
        channel
        for channel in channels.values()
        if replace(channel, teams=()).takes(team=team, rule=rule, severity=severity)
    ]
