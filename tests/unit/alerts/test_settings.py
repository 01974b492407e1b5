"""``[alerts]`` in rediacc.toml: what it means, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.book import channels_of
from rediacc.errors import InvalidInput
from rediacc.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
TEAMS = '[teams.prod]\ninventory = "p"\n[teams.staging]\ninventory = "s"\n'


def _load(home: Path, text: str) -> Settings:
    (home / "rediacc.toml").write_text(text + TEAMS)
    return load_settings(home, environment={})


def test_without_any_words_every_rule_is_on_and_nothing_is_sent(tmp_path: Path) -> None:
    alerts = _load(tmp_path, "").alerts
    assert all(alerts.is_on(rule, "prod") for rule in AlertRule)
    assert alerts.channels == {}
    assert alerts.inbox_line


def test_team_has_its_own_limits_over_those_of_the_home(tmp_path: Path) -> None:
    text = '[alerts]\ndepth = 50\noff = ["queue-old"]\ninbox_line = false\n'
    text += '[teams.dev]\ninventory = "d"\n[teams.dev.alerts]\ndisk = 70\noff = ["secret-old"]\n'
    alerts = _load(tmp_path, text).alerts
    assert alerts.limits_of("prod").depth == alerts.limits_of("dev").depth == 50
    assert (alerts.limits_of("prod").disk, alerts.limits_of("dev").disk) == (90, 70)
    assert not alerts.is_on(AlertRule.QUEUE_OLD, "prod")
    assert alerts.is_on(AlertRule.QUEUE_OLD, "dev")  # its own list takes the place of the home's
    assert not alerts.is_on(AlertRule.SECRET_OLD, "dev")
    assert not alerts.inbox_line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[alerts]\nnonsense = 1\n", "alerts.nonsense is unknown"),
        ('[alerts]\noff = ["nonsense"]\n', "names no rule 'nonsense'"),
        ("[alerts]\ndepth = 0\n", "alerts.depth must be a number from 1"),
        ("[alerts.channels.a]\n", "needs one of"),
        ('[alerts.channels.A]\nfile = "x"\n', "is no channel's name"),
        ('[alerts.channels.a]\nfile = "x"\nteams = ["nobody"]\n', "names no team 'nobody'"),
        ('[alerts.channels.a]\nfile = "x"\nrules = ["nonsense"]\n', "names no rule"),
        ('[alerts.channels.a]\nfile = "x"\nseverity = "loud"\n', "'loud' is none of"),
        ('[alerts.channels.a]\nfile = "x"\nurl = "json://h"\n', "needs one of"),
        ("[alerts.channels.a]\ncommand = []\n", "is empty"),
        ('[alerts.channels.a]\nwebhook = "https://h/"\n', "has a webhook and no 'secret'"),
        ('[alerts.channels.a]\nwebhook = "ftp://h/"\nsecret = "k"\n', "must begin with https://"),
        ('[alerts.channels.a]\nurl = "json://h"\nsecret = "k"\n', "the vault's URL is enough"),
        ("[alerts.channels]\na = 1\n", "is no table"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        _load(tmp_path, text)


@pytest.mark.parametrize(
    "url",
    [
        "slack://canaryA/canaryB/canaryC",
        "pagerduty://canary@canary",
        "mailto://ops:canary@example.com",
        "json://host/?token=canary",
        "jsons://host/hook?API_KEY=canary",
        "discord://canary/canary",
        "nonsense://canary",
        "mailto://[canary",
    ],
)
def test_credential_in_clear_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _load(tmp_path, f'[alerts.channels.a]\nurl = "{url}"\n')
    assert "canary" not in refusal.value.message


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:8080/hook", "mailto://relay:25?from=a@b.c&to=d@e.f", "syslog://"]
)
def test_url_without_a_credential_is_taken(tmp_path: Path, url: str) -> None:
    channel = _load(tmp_path, f'[alerts.channels.a]\nurl = "{url}"\n').alerts.channels["a"]
    assert (channel.kind, channel.target) == ("apprise", url)


@pytest.mark.parametrize(
    ("team", "rule", "severity", "names"),
    [
        ("prod", "task-failed", Severity.ERROR, ["all", "prod", "bad"]),
        ("prod", "task-failed", Severity.WARNING, ["all", "prod"]),
        ("staging", "task-failed", Severity.CRITICAL, ["all", "bad"]),
        ("staging", "machine-disk", Severity.WARNING, ["all", "disk"]),
        ("", "no-worker", Severity.CRITICAL, ["all", "bad"]),
    ],
)
def test_channels_take_what_they_ask_for(
    tmp_path: Path, team: str, rule: str, severity: Severity, names: list[str]
) -> None:
    text = (
        '[alerts.channels.all]\nfile = "a"\n[alerts.channels.prod]\nfile = "b"\nteams = ["prod"]\n'
    )
    text += '[alerts.channels.bad]\nfile = "c"\nseverity = "error"\n'
    text += '[alerts.channels.disk]\nfile = "d"\nrules = ["machine-disk"]\nteams = ["staging"]\n'
    channels = _load(tmp_path, text).alerts.channels
    found = channels_of(channels, team=team, rule=rule, severity=severity)
    assert [channel.name for channel in found] == names


def test_somebody_hears_of_the_home_when_all_channels_are_teams(tmp_path: Path) -> None:
    text = '[alerts.channels.prod]\nfile = "b"\nteams = ["prod"]\n'
    channels = _load(tmp_path, text).alerts.channels
    home = channels_of(channels, team="", rule="no-worker", severity=Severity.CRITICAL)
    other = channels_of(channels, team="staging", rule="x", severity=Severity.CRITICAL)
    assert ([channel.name for channel in home], list(other)) == (["prod"], [])


def test_settings_that_the_document_shows_are_understood(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8").partition("## Alerts")[2]
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    alerts = _load(tmp_path, "".join(blocks)).alerts
    assert alerts.limits_of("staging").disk == 97
    kinds = {name: channel.kind for name, channel in alerts.channels.items()}
    assert kinds == {"oncall": "apprise", "chatops": "webhook", "pager": "command", "log": "file"}
    named = set(re.findall(r"^\| `([a-z-]+)`(?:, `([a-z-]+)`)? \|", text, re.MULTILINE))
    rules = {name for pair in named for name in pair} & {str(rule) for rule in AlertRule}
    assert rules == {str(rule) for rule in AlertRule if rule is not AlertRule.TEST}
