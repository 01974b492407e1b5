"""``[alerts]`` of ``rediacc.toml``: limits, and where messages go. Nothing needs to be set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rediacc.alert_words import AlertRule, Severity
from rediacc.settings.reader import Reader

__all__ = ["AlertLimits", "AlertSettings", "Channel", "read_alerts"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_RULES = frozenset(str(rule) for rule in AlertRule)
_CHANNEL_KEYS = {
    "url",
    "webhook",
    "command",
    "file",
    "secret",
    "vault",
    "teams",
    "rules",
    "severity",
    "pass_environment",
    "timeout",
}
# Apprise services whose URL need not hold a credential. All others' URLs are credentials.
_CLEAR_SERVICES = {
    "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "syslog", "dbus",
    "ntfy", "ntfys",
}  # fmt: skip
_CREDENTIAL_WORDS = ("pass", "token", "key", "secret", "auth")


@dataclass(frozen=True, kw_only=True)
class AlertLimits:
    """From when on something is wrong; a team may have limits of its own.

    :param off: rules that are switched off.
    :param late: seconds after which a level 1 task should have started.
    :param no_worker: seconds that tasks may wait without any worker.
    :param depth: pending tasks of a team.
    :param oldest: seconds that a pending task may wait.
    :param cpu: percent, as are `memory` and `disk`.
    :param busy_for: seconds for which a machine must be over its limit of CPU or memory.
    :param unreachable_for: seconds for which a sampled machine must not answer.
    :param secret_days: age from which a secret or SSH key is too old; 0 for never.
    :param update_every: seconds between two messages about one cause.
    """

    off: frozenset[str] = frozenset()
    late: float = 10.0
    no_worker: float = 60.0
    depth: int = 1000
    oldest: float = 43200.0
    cpu: float = 95.0
    memory: float = 95.0
    disk: float = 90.0
    busy_for: float = 300.0
    unreachable_for: float = 60.0
    secret_days: float = 365.0
    update_every: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One ``[alerts.channels.NAME]``: where messages go.

    :param kind: ``apprise``, ``webhook``, ``command`` or ``file``.
    :param target: an URL without credentials, or a path; empty where the vault holds the URL.
    :param secret: the name in a team's vault: of Apprise's URL, or of the webhook's signing key.
    :param vault: whose vault that is; ``None`` for the vault of the alert's team.
    :param teams: whose alerts come here; empty for all, and for those of the whole home.
    :param rules: which rules come here; empty for all.
    :param severity: the least severity that comes here.
    :param timeout: seconds that one delivery may take.
    """

    name: str
    kind: str
    target: str = ""
    command: tuple[str, ...] = ()
    secret: str | None = None
    vault: str | None = None
    teams: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    pass_environment: tuple[str, ...] = ()
    timeout: float = 30.0

    def takes(self, *, team: str, rule: str, severity: Severity) -> bool:
        """Return whether alerts of this team, rule and severity come here."""
        is_mine = not self.teams or team in self.teams
        is_rule = not self.rules or rule in self.rules
        return is_mine and is_rule and severity.rank <= self.severity.rank


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """All that ``rediacc.toml`` says about alerts.

    :param limits: the home's; `teams` holds those of teams that have their own.
    :param gather: seconds for which a first message waits for more of the same.
    :param clear_after: seconds for which a condition must be gone before it counts as over.
    :param retry_after: seconds after which a failed delivery is tried again; then ever longer.
    :param give_up_after: seconds after which an undelivered message is given up.
    :param quiet_days: days without more of the same after which a failure's alert is closed.
    :param inbox_line: whether commands on a terminal tell of open alerts.
    """

    limits: AlertLimits = field(default_factory=AlertLimits)
    teams: Mapping[str, AlertLimits] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    gather: float = 3.0
    clear_after: float = 30.0
    retry_after: float = 5.0
    give_up_after: float = 86400.0
    quiet_days: float = 7.0
    inbox_line: bool = True

    def limits_of(self, team: str) -> AlertLimits:
        """Return the limits that hold for `team`; an empty name means the home."""
        return self.teams.get(team, self.limits)

    def is_on(self, rule: AlertRule, team: str) -> bool:
        """Return whether a rule is switched on for `team`."""
        return str(rule) not in self.limits_of(team).off


_LIMITS = {
    "late": 0.1,
    "no_worker": 0.1,
    "depth": 1,
    "oldest": 1,
    "cpu": 1,
    "memory": 1,
    "disk": 1,
    "busy_for": 0,
    "unreachable_for": 0,
    "secret_days": 0,
    "update_every": 1,
}
_HOME_NUMBERS = {
    "gather": 0,
    "clear_after": 0,
    "retry_after": 0.1,
    "give_up_after": 1,
    "quiet_days": 0,
}


def read_alerts(reader: Reader) -> AlertSettings:
    """Return what ``[alerts]`` and the teams' ``alerts`` tables say.

    :raises InvalidInput: something cannot be meant, or an URL in clear holds a credential.
    """
    table = reader.table("alerts")
    own = {"off", "inbox_line", "channels", *_LIMITS, *_HOME_NUMBERS}
    reader.known("alerts", table, own)
    limits = _limits(reader, table, "alerts", AlertLimits())
    given = reader.table("teams")
    teams = {
        name: _team_limits(reader, name, team["alerts"], limits)
        for name, team in given.items()
        if isinstance(team, dict) and "alerts" in team
    }
    default = AlertSettings()
    numbers = {
        name: float(
            reader.number(table, f"alerts.{name}", getattr(default, name), low=low, high=10**8)
        )
        for name, low in _HOME_NUMBERS.items()
    }
    return AlertSettings(
        limits=limits,
        teams=teams,
        channels=_channels(reader, table, tuple(given)),
        inbox_line=reader.flag(table, "alerts.inbox_line") if "inbox_line" in table else True,
        **numbers,
    )


def _team_limits(reader: Reader, name: str, table: Any, home: AlertLimits) -> AlertLimits:
    where = f"teams.{name}.alerts"
    if not isinstance(table, dict):
        raise reader.bad(where, "is no table of limits")
    reader.known(where, table, {"off", *_LIMITS})
    return _limits(reader, table, where, home)


def _limits(reader: Reader, table: dict[str, Any], where: str, default: AlertLimits) -> AlertLimits:
    off = reader.texts(table, f"{where}.off") if "off" in table else tuple(default.off)
    _known_rules(reader, f"{where}.off", off)
    numbers: dict[str, Any] = {
        name: reader.number(table, f"{where}.{name}", getattr(default, name), low=low, high=10**8)
        for name, low in _LIMITS.items()
    }
    return replace(default, off=frozenset(off), **(numbers | {"depth": int(numbers["depth"])}))


def _known_rules(reader: Reader, where: str, names: Sequence[str]) -> None:
    for name in names:
        if name not in _RULES:
            raise reader.bad(where, f"names no rule {name!r}; rules: {', '.join(sorted(_RULES))}")


def _channels(reader: Reader, table: dict[str, Any], teams: tuple[str, ...]) -> dict[str, Channel]:
    given = table.get("channels", {})
    if not isinstance(given, dict):
        raise reader.bad("alerts.channels", "is no table of channels")
    return {name: _channel(reader, name, channel, teams) for name, channel in given.items()}


def _channel(reader: Reader, name: str, table: Any, teams: tuple[str, ...]) -> Channel:
    where = f"alerts.channels.{name}"
    if not isinstance(table, dict):
        raise reader.bad(where, "is no table")
    if not _NAME.fullmatch(name):
        raise reader.bad(where, "is no channel's name: lower-case letters, digits, - and _")
    reader.known(where, table, _CHANNEL_KEYS)
    secret = reader.text(table, f"{where}.secret", None)
    vault = reader.text(table, f"{where}.vault", None)
    mine = reader.texts(table, f"{where}.teams")
    for team in (*mine, *([vault] if vault else [])):
        if team not in teams:
            raise reader.bad(where, f"names no team {team!r}")
    rules = reader.texts(table, f"{where}.rules")
    _known_rules(reader, f"{where}.rules", rules)
    kind, target = _target(reader, where, table, secret)
    return Channel(
        name=name,
        kind=kind,
        target=target,
        command=reader.texts(table, f"{where}.command") if kind == "command" else (),
        secret=secret,
        vault=vault or (mine[0] if len(mine) == 1 else None),
        teams=mine,
        rules=rules,
        severity=_severity(reader, where, table),
        pass_environment=reader.texts(table, f"{where}.pass_environment"),
        timeout=float(reader.number(table, f"{where}.timeout", 30.0, low=0.1, high=600)),
    )


def _severity(reader: Reader, where: str, table: dict[str, Any]) -> Severity:
    word = reader.text(table, f"{where}.severity", None) or str(Severity.INFO)
    try:
        return Severity(word)
    except ValueError:
        known = ", ".join(severity.value for severity in Severity)
        raise reader.bad(f"{where}.severity", f"{word!r} is none of {known}") from None


def _target(
    reader: Reader, where: str, table: dict[str, Any], secret: str | None
) -> tuple[str, str]:
    """Return the channel's kind, and its URL or path."""
    given = [name for name in ("url", "webhook", "command", "file") if name in table]
    if len(given) > 1 or not (given or secret):
        raise reader.bad(
            where, "needs one of: secret (an Apprise URL in the vault), url, webhook, command, file"
        )
    if not given:
        return "apprise", ""
    kind = given[0]
    if kind == "command":
        if not reader.texts(table, f"{where}.command"):
            raise reader.bad(f"{where}.command", "is empty")
        return "command", ""
    text = reader.text(table, f"{where}.{kind}", None) or ""
    if not text.strip():
        raise reader.bad(f"{where}.{kind}", "is empty")
    if kind == "file":
        return "file", text
    _refuse_credentials(reader, f"{where}.{kind}", text, is_webhook=kind == "webhook")
    if kind == "webhook" and secret is None:
        raise reader.bad(where, "has a webhook and no 'secret': the vault's name of its key")
    if kind == "url" and secret is not None:
        raise reader.bad(where, "has both 'url' and 'secret': the vault's URL is enough")
    return ("webhook", text) if kind == "webhook" else ("apprise", text)


def _refuse_credentials(reader: Reader, where: str, url: str, *, is_webhook: bool) -> None:
    """Refuse an URL that is a credential: this file is kept in git. It is not repeated either."""
    advice = 'holds a credential: put it in the vault (rediacc set secret) and name it in "secret"'
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None
    except ValueError:
        raise reader.bad(where, "is no URL") from None
    if not parts.scheme:
        raise reader.bad(where, "is no URL")
    if is_webhook and parts.scheme not in ("https", "http"):
        raise reader.bad(where, "must begin with https:// or http://")
    names = [name.lower() for name, _rest in parse_qsl(parts.query, keep_blank_values=True)]
    is_credential = any(word in name for name in names for word in _CREDENTIAL_WORDS)
    is_service = not is_webhook and parts.scheme.lower() not in _CLEAR_SERVICES
    if has_password or is_credential or is_service:
        raise reader.bad(where, advice)
