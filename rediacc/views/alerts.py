"""What operations on alerts and silences answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rediacc.alert_words import AlertRule, AlertState, Severity

__all__ = [
    "AlertChange",
    "AlertDetail",
    "AlertRaised",
    "AlertReport",
    "AlertView",
    "ChannelAnswer",
    "DeliveryView",
    "SilenceView",
]


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """One alert as a list shows it.

    :param number: how many events it counts, or how many things are wrong now.
    :param team: empty for the whole home.
    :param command: what to type next.
    """

    id: int
    rule: AlertRule
    severity: Severity
    state: AlertState
    team: str
    title: str
    number: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    tasks: tuple[int, ...]
    command: str


@dataclass(frozen=True, kw_only=True)
class DeliveryView:
    """One message to one channel.

    :param event: ``trigger``, ``update`` or ``resolve``.
    :param state: ``pending``, ``delivered`` or ``given up``.
    :param error: what the last try met; empty once it was delivered.
    """

    id: int
    key: str
    alert: int
    team: str
    channel: str
    event: str
    state: str
    tries: int
    error: str
    title: str
    created_at: datetime
    next_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AlertDetail:
    """Everything about one alert.

    :param where: what is wrong with each machine or secret, by name.
    :param why: the last lines of what machines said, masked.
    :param why_resolved: why it counts as over.
    :param silenced: whether a silence keeps its messages back now.
    """

    alert: AlertView
    key: str
    what: str
    where: Mapping[str, str]
    why: tuple[str, ...]
    who: tuple[str, ...]
    why_resolved: str
    silenced: bool
    deliveries: tuple[DeliveryView, ...]


@dataclass(frozen=True, kw_only=True)
class AlertChange:
    """What became of one of several alerts or silences; ``code`` is an error's code or empty."""

    id: str
    changed: bool
    message: str
    code: str = ""
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True)
class ChannelAnswer:
    """What a channel answered to a test message.

    :param team: whose vault its secret came from; empty for none.
    """

    channel: str
    kind: str
    team: str
    delivered: bool
    answer: str


@dataclass(frozen=True, kw_only=True)
class AlertRaised:
    """The answer of ``alert.raise``.

    :param is_new: false when it was told before, or nothing is wrong and nothing was.
    :param team: empty where it does not follow from the machines, and nothing is wrong.
    """

    team: str
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class AlertReport:
    """What a check left: alerts that are open, messages that are not delivered yet."""

    open: int
    undelivered: int


@dataclass(frozen=True, kw_only=True)
class SilenceView:
    """A silence; empty fields fit everything."""

    id: int
    team: str
    rule: str
    machine: str
    why: str
    created_by: str
    created_at: datetime
    until: datetime
    is_active: bool
