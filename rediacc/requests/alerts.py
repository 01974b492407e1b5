"""What operations on alerts and silences take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rediacc.alert_words import Severity

__all__ = [
    "AlertCheck",
    "AlertFilter",
    "AlertIds",
    "AlertRaise",
    "AlertRef",
    "AlertTest",
    "DeliveryFilter",
    "SilenceCreate",
    "SilenceFilter",
    "SilenceIds",
]


@dataclass(frozen=True, kw_only=True)
class AlertFilter:
    """Which alerts to list; empty fields do not filter.

    :param resolved: whether alerts that are over are listed too.
    :param is_refresh: asked again by the same screen, which the audit does not note again.
    """

    team: str | None = None
    rule: str | None = None
    resolved: bool = False
    limit: int = 50
    is_refresh: bool = False


@dataclass(frozen=True, kw_only=True)
class AlertRef:
    """One alert by its number: ``alert.inspect``."""

    id: str


@dataclass(frozen=True, kw_only=True)
class AlertIds:
    """Several alerts by number: ``alert.ack``, ``alert.resolve``."""

    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlertRaise:
    """``alert.raise``: how a play ended that rediacc did not start.

    :param key: names this end: told twice, it counts once.
    :param what: the playbook; all its failures in a team are one alert.
    :param team: ``None`` where it follows from the machines.
    :param machines: what is wrong with each machine, in a few words; empty where nothing is.
    :param fine: machines on which it went well; they leave the alert.
    :param why: lines about what went wrong, without secrets.
    """

    key: str
    what: str
    team: str | None = None
    machines: Mapping[str, str] = field(default_factory=dict)
    fine: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, kw_only=True)
class AlertTest:
    """``alert.test``: send a message through these channels, now.

    :param team: whose channels; ``None`` for those of every team of the caller.
    :param channel: only this one.
    """

    team: str | None = None
    channel: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlertCheck:
    """``alert.check``: look at everything now, and send what is due, without a worker.

    :param deliver: whether messages are sent, too.
    """

    deliver: bool = True


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """Which messages to list."""

    team: str | None = None
    limit: int = 50


@dataclass(frozen=True, kw_only=True)
class SilenceCreate:
    """``silence.create``: record alerts that fit, and send nothing of them for a time.

    :param team: ``None`` for the whole home.
    :param rule: a rule's name; ``None`` for all.
    :param machine: a machine or a pattern of names; ``None`` for all.
    """

    for_seconds: float
    team: str | None = None
    rule: str | None = None
    machine: str | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class SilenceFilter:
    """Which silences to list; `ended` ones only when asked for."""

    team: str | None = None
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class SilenceIds:
    """Several silences by number: ``silence.delete``."""

    ids: tuple[str, ...]
