"""Which retry policy is in force, and where each of its values came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rediacc.errors import InvalidInput, RediaccError
from rediacc.settings import Settings, load_settings
from rediacc.teams.retry_policy import effective_policy, parse_retry
from rediacc.values import FailureClass, Kind, OnLost, PolicyView, RetryPolicy

CONFIG = """\
[teams.prod]
inventory = "prod"
[teams.prod.retry]
jitter = 0.5
[retry.default]
retryCount = 1
retryDelay = "2m"
backoff = 2
maxDelay = 600
jitter = 0.1
[retry.kind.command]
backoff = 3
[retry.level.1]
maxDelay = 60
jitter = 0.2
[retry.level.low]
retryCount = 9
"""
SEED = {
    "taskId": "550e8400-e29b-41d4-a716-446655440000",
    "retryCount": 3,
    "retryDelay": 30,
    "failureAction": "alert",
}


def _settings(home: Path, config: str = CONFIG) -> Settings:
    (home / "rediacc.toml").write_text(config)
    return load_settings(home, environment={})


def _policy(settings: Settings, **changes: Any) -> PolicyView:
    given: dict[str, Any] = {
        "request_retry": {},
        "named_retry": {},
        "named": None,
        "kind": Kind.COMMAND,
        "team": "prod",
        "priority": 1,
    }
    return effective_policy(settings, **(given | changes))


def test_each_layer_beats_those_below_it(tmp_path: Path) -> None:
    view = _policy(
        _settings(tmp_path),
        named="deploy",
        named_retry={"failureAction": "run:rollback", "retryOn": ["unreachable"]},
        named_on_lost=OnLost.RETRY,
        request_retry=SEED | {"retryCount": 5},
    )
    assert view.policy == RetryPolicy(
        retry_count=5,
        retry_delay_seconds=30,
        backoff=3,
        max_delay_seconds=60,
        jitter=0.5,
        retry_on=(FailureClass.UNREACHABLE,),
        failure_action="alert",
        on_lost=OnLost.RETRY,
    )
    assert view.origins == {
        "retryCount": "given",
        "retryDelay": "given",
        "backoff": "rediacc.toml [retry.kind.command]",
        "maxDelay": "rediacc.toml [retry.level.1]",
        "jitter": "rediacc.toml [teams.prod.retry]",
        "retryOn": "named task deploy",
        "failureAction": "given",
        "onLost": "named task deploy",
    }


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    view = _policy(_settings(tmp_path, '[teams.prod]\ninventory = "prod"\n'))
    assert view.policy == RetryPolicy()
    assert set(view.origins.values()) == {"default"}


def test_a_level_may_have_its_name(tmp_path: Path) -> None:
    view = _policy(_settings(tmp_path), priority=4, kind=Kind.PLAYBOOK)
    assert (view.policy.retry_count, view.policy.backoff) == (9, 2)
    assert view.origins["retryCount"] == "rediacc.toml [retry.level.low]"


def test_the_option_for_lost_runs_is_given_too(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    view = _policy(settings, on_lost=OnLost.FAIL, named="x", named_on_lost=OnLost.RETRY)
    assert (view.policy.on_lost, view.origins["onLost"]) == (OnLost.FAIL, "given")
    with pytest.raises(InvalidInput, match="one only"):
        _policy(settings, on_lost=OnLost.FAIL, request_retry={"onLost": "hold"})


def test_the_seed_and_its_sister_names() -> None:
    assert parse_retry(SEED, allows_task_id=True) == {
        "retryCount": 3,
        "retryDelay": 30.0,
        "failureAction": "alert",
    }
    assert parse_retry({"maxRetries": 2}) == {"retryCount": 2}
    assert parse_retry({"maxDelay": None}) == {"maxDelay": None}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"retrycount": 3}, "retrycount"),
        ({"taskId": "550e8400-e29b-41d4-a716-446655440000"}, "taskId"),
        ({"retryCount": "3"}, "retryCount"),
        ({"retryCount": True}, "retryCount"),
        ({"retryCount": 1.5}, "whole number"),
        ({"retryCount": 101}, "0 to 100"),
        ({"retryCount": -1}, "0 to 100"),
        ({"retryCount": 10**400}, "0 to 100"),
        ({"retryCount": 1, "maxRetries": 1}, "give one"),
        ({"retryDelay": -1}, "retryDelay"),
        ({"retryDelay": 31 * 86400}, "retryDelay"),
        ({"retryDelay": float("nan")}, "retryDelay"),
        ({"retryDelay": "soon"}, "no duration"),
        ({"retryDelay": None}, "retryDelay"),
        ({"backoff": 0.5}, "1 to 100"),
        ({"jitter": 2}, "0 to 1"),
        ({"retryOn": ["failure"]}, "no failure"),
        ({"retryOn": [["failed"]]}, "no failure"),
        ({"retryOn": 3}, "list"),
        ({"failureAction": "page"}, "no action"),
        ({"failureAction": "run:"}, "no name of a named task"),
        ({"failureAction": "run:../x"}, "no name of a named task"),
        ({"failureAction": ["alert"]}, "no action"),
        ({"onLost": "ignore"}, "hold, retry, fail"),
        ({"onLost": []}, "hold, retry, fail"),
        ({1: 2}, "unknown"),
        ([], "object"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_retry(given)


def test_a_task_id_is_a_uuid() -> None:
    for wrong in ("42", 42, None, "x"):
        with pytest.raises(InvalidInput, match="UUID"):
            parse_retry({"taskId": wrong}, allows_task_id=True)


def test_a_near_miss_gets_a_hint() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_retry({"retryDelays": 3})
    assert caught.value.hint == "did you mean retryDelay?"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[retry.defaults]\n", r"retry\.defaults"),
        ("[retry.kind.comand]\nretryCount = 1\n", r"retry\.kind\.comand"),
        ("[retry.level.6]\n", r"retry\.level\.6"),
        ("[retry.level.1]\nretryCount = 'x'\n", r"\[retry\.level\.1\]"),
        ("[retry]\nkind = 3\n", r"retry\.kind"),
        ("[retry.kind]\nshell = 3\n", r"\[retry\.kind\.shell\]"),
        ("[teams.prod.retry]\nnope = 3\n", r"\[teams\.prod\.retry\]"),
        ("[teams.other]\ninventory = 'x'\nretry = 3\n", r"\[teams\.other\.retry\]"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, config: str, said: str) -> None:
    settings = _settings(tmp_path, "[teams.prod]\ninventory = 'prod'\n" + config)
    with pytest.raises(RediaccError, match=said):
        _policy(settings, kind=Kind.MODULE, priority=5)
