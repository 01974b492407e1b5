"""Retry policies: the JSON that people write, and which policy is in force for a task and why."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from rediacc.durations import parse_duration
from rediacc.errors import InvalidInput
from rediacc.settings import CONFIG_NAME, Settings
from rediacc.teams.names import check_named_task, did_you_mean
from rediacc.values import LEVEL_NAMES, FailureClass, Kind, OnLost, PolicyView, RetryPolicy

__all__ = ["TASK_ID", "check_retry_tables", "effective_policy", "parse_retry"]

TASK_ID = "taskId"

# The JSON names and the fields of RetryPolicy that they set.
_FIELDS = {
    "retryCount": "retry_count",
    "retryDelay": "retry_delay_seconds",
    "backoff": "backoff",
    "maxDelay": "max_delay_seconds",
    "jitter": "jitter",
    "retryOn": "retry_on",
    "failureAction": "failure_action",
    "onLost": "on_lost",
}
_ALIASES = {"maxRetries": "retryCount"}
_ACTIONS = ("alert", "none", "lower")
_LONGEST_DELAY = 30 * 86400.0
_MOST_RETRIES = 100
_HIGHEST_BACKOFF = 100.0


def parse_retry(
    given: Mapping[str, Any], *, where: str = "retry policy", allows_task_id: bool = False
) -> dict[str, Any]:
    """Return the checked values of a retry policy's JSON object by their JSON names.

    :param where: whose policy it is, for complaints.
    :param allows_task_id: whether ``taskId`` may be in it; it is checked and left out.
    :raises InvalidInput: a key is unknown or a value is not what it must be.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{where} must be an object such as {{retryCount: 3}}")
    parsed: dict[str, Any] = {}
    for key, value in given.items():
        if key == TASK_ID and allows_task_id:
            _check_task_id(value, where)
            continue
        name = _ALIASES.get(key, key)
        if name not in _FIELDS:
            known = (*_FIELDS, *_ALIASES, *((TASK_ID,) if allows_task_id else ()))
            raise InvalidInput(
                f"{where}: {str(key)[:80]!r} is unknown", hint=did_you_mean(str(key), known)
            )
        if name in parsed:
            raise InvalidInput(f"{where}: retryCount and maxRetries are the same: give one")
        parsed[name] = _parsed(name, value, f"{where}: {key}")
    return parsed


def effective_policy(
    settings: Settings,
    *,
    request_retry: Mapping[str, Any],
    named_retry: Mapping[str, Any],
    named: str | None,
    kind: Kind,
    team: str,
    priority: int,
    on_lost: OnLost | None = None,
    named_on_lost: OnLost | None = None,
) -> PolicyView:
    """Return the policy in force for a task and, for each value, where it came from.

    From weak to strong: built in, ``[retry.default]``, ``[retry.kind.KIND]``,
    ``[retry.level.N]``, the team's ``retry``, the named task, the request.

    :param request_retry: the JSON object as given with the task; it may name a ``taskId``.
    :param on_lost: given as an option of its own.
    :param named_on_lost: what the named task's ``idempotent`` means.
    :raises InvalidInput: a policy cannot be meant; the message names it.
    """
    check_retry_tables(settings)
    layers = list(_tables(settings, kind=kind, team=team, priority=priority))
    if named is not None:
        origin = f"named task {named}"
        layers.append((origin, _with_on_lost(named_retry, named_on_lost, origin)))
    asked = parse_retry(request_retry, allows_task_id=True)
    layers.append(("given", _with_on_lost(asked, on_lost, "the request")))
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_FIELDS, "default")
    for origin, layer in layers:
        for name, value in parse_retry(layer, where=origin).items():
            values[_FIELDS[name]] = value
            origins[name] = origin
    return PolicyView(policy=RetryPolicy(**values), origins=origins)


def check_retry_tables(settings: Settings) -> None:
    """Check all retry policies of ``rediacc.toml``, also those that no task needs now.

    :raises InvalidInput: one cannot be meant; the message names its table.
    """
    for name, table in settings.retry.items():
        if name not in ("default", "kind", "level"):
            raise InvalidInput(
                f"{CONFIG_NAME}: retry.{name} is unknown",
                hint=did_you_mean(name, ("default", "kind", "level")),
            )
        if not isinstance(table, Mapping):
            raise InvalidInput(f"{CONFIG_NAME}: retry.{name} is no table")
    for name in _table(settings, "kind"):
        if name not in {kind.value for kind in Kind}:
            raise InvalidInput(
                f"{CONFIG_NAME}: retry.kind.{name} is no kind of task",
                hint=did_you_mean(name, [kind.value for kind in Kind]),
            )
    for name in _table(settings, "level"):
        if _level(name) is None:
            raise InvalidInput(f"{CONFIG_NAME}: retry.level.{name} is no level from 1 to 5")
    parse_retry(_table(settings, "default"), where=_origin("retry.default"))
    for group in ("kind", "level"):
        for name, table in _table(settings, group).items():
            parse_retry(table, where=_origin(f"retry.{group}.{name}"))
    for team in settings.teams.values():
        parse_retry(team.retry, where=_origin(f"teams.{team.name}.retry"))


def _tables(
    settings: Settings, *, kind: Kind, team: str, priority: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield _origin("retry.default"), _table(settings, "default")
    yield _origin(f"retry.kind.{kind}"), _table(settings, "kind").get(kind.value, {})
    for name, table in _table(settings, "level").items():
        if _level(name) == priority:
            yield _origin(f"retry.level.{name}"), table
    yield _origin(f"teams.{team}.retry"), settings.team(team).retry


def _table(settings: Settings, name: str) -> Mapping[str, Any]:
    table: Mapping[str, Any] = settings.retry.get(name, {})
    return table


def _origin(table: str) -> str:
    return f"{CONFIG_NAME} [{table}]"


def _level(name: str) -> int | None:
    words = {word: number for number, word in LEVEL_NAMES.items()}
    return words.get(name, int(name) if name in {"1", "2", "3", "4", "5"} else None)


def _with_on_lost(
    retry: Mapping[str, Any], on_lost: OnLost | None, where: str
) -> Mapping[str, Any]:
    if on_lost is None:
        return retry
    if retry.get("onLost", on_lost) != on_lost:
        raise InvalidInput(f"{where} says {retry['onLost']} and {on_lost} for a lost run: one only")
    return {**retry, "onLost": on_lost.value}


def _parsed(name: str, value: Any, where: str) -> Any:
    if name == "retryCount":
        return _whole(value, where)
    if name in ("retryDelay", "maxDelay"):
        if name == "maxDelay" and value is None:
            return None
        return _delay(value, where)
    if name == "backoff":
        return _number(value, where, low=1.0, high=_HIGHEST_BACKOFF)
    if name == "jitter":
        return _number(value, where, low=0.0, high=1.0)
    if name == "retryOn":
        return _failures(value, where)
    if name == "failureAction":
        return _action(value, where)
    return _on_lost(value, where)


def _whole(value: Any, where: str) -> int:
    number = _number(value, where, low=0, high=_MOST_RETRIES)
    if number != int(number):
        raise InvalidInput(f"{where} must be a whole number, not {value!r}")
    return int(number)


def _number(value: Any, where: str, *, low: float, high: float) -> float:
    # Comparisons with nan are false, so it is refused as well.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(f"{where} must be a number from {low:g} to {high:g}, not {value!r:.60}")
    return float(value)


def _delay(value: Any, where: str) -> float:
    if isinstance(value, str):
        try:
            value = parse_duration(value)
        except InvalidInput as exc:
            raise InvalidInput(f"{where}: {exc.message}", hint=exc.hint) from exc
    return _number(value, f"{where} (seconds)", low=0, high=_LONGEST_DELAY)


def _failures(value: Any, where: str) -> tuple[FailureClass, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"{where} must be a list of failures")
    known = [failure.value for failure in FailureClass]
    for name in given:
        if name not in known:
            raise InvalidInput(
                f"{where}: {str(name)[:60]!r} is no failure", hint=did_you_mean(str(name), known)
            )
    return tuple(FailureClass(name) for name in dict.fromkeys(given))


def _action(value: Any, where: str) -> str:
    if isinstance(value, str):
        if value in _ACTIONS:
            return value
        word, colon, named = value.partition(":")
        if word == "run" and colon:
            try:
                return f"run:{check_named_task(named)}"
            except InvalidInput as exc:
                raise InvalidInput(f"{where}: {exc.message}", hint=exc.hint) from exc
    raise InvalidInput(
        f"{where}: {str(value)[:60]!r} is no action", hint="alert, none, lower or run:NAMED_TASK"
    )


def _on_lost(value: Any, where: str) -> OnLost:
    known = [choice.value for choice in OnLost]
    if value not in known:
        raise InvalidInput(f"{where} must be one of {', '.join(known)}, not {value!r:.60}")
    return OnLost(value)


def _check_task_id(value: Any, where: str) -> None:
    try:
        uuid.UUID(value)
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidInput(f"{where}: taskId must be a UUID, not {value!r:.60}") from exc
