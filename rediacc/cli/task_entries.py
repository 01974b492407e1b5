"""An entry of a file of tasks as the options of ``create task``: same fields, same rules."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from rediacc.cli.requesting import task_request
from rediacc.cli.session import Session
from rediacc.errors import InvalidInput, RediaccError
from rediacc.requests import TaskRequest

__all__ = ["entry_request", "fields_of", "task_fields"]

# Options of `create task` that are about the command, not about the task.
_NOT_FIELDS = frozenset(
    {"output", "home", "quiet", "dry_run", "wait", "wait_timeout", "exit_code", "exit_status"}
)
_OTHER_SPELLINGS = {
    "extra_vars": ("variables", "vars"),
    "verbose": ("verbosity",),
    "labels": ("labels",),
    "machines": ("machines",),
    "groups": ("groups",),
}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class _NoInput(Session):
    """A session in which nothing reads standard input: an entry cannot."""

    def read_stdin(self, option: str, *, limit: int = 1 << 20) -> str:
        del limit
        raise InvalidInput(f"{option} - means standard input, which an entry cannot read")


def fields_of(command: click.Command) -> dict[str, click.Option]:
    """Return every spelling of every field of an entry, with the option that it stands for."""
    found: dict[str, click.Option] = {}
    for option in command.params:
        if not isinstance(option, click.Option) or option.name is None:
            continue
        if option.name in _NOT_FIELDS or not option.expose_value:
            continue
        words = [word[2:].replace("-", "_") for word in option.opts if word.startswith("--")]
        for word in (*words, option.name, *_OTHER_SPELLINGS.get(option.name, ())):
            found[word] = option
    return found


def task_fields() -> dict[str, click.Option]:
    """Return the fields of an entry of ``create tasks``."""
    from rediacc.cli.commands.create_task import create_task

    return fields_of(create_task)


def entry_request(
    session: Session,
    entry: Mapping[str, Any],
    *,
    number: int,
    fields: Mapping[str, click.Option],
    now: datetime,
) -> TaskRequest:
    """Return the request that an entry means.

    :param number: of the entry, from 1; each complaint begins with it.
    :raises InvalidInput: a field is unknown, or cannot be meant.
    """
    try:
        options = _options(entry, fields)
        silent = _NoInput(session.environment)
        return task_request(silent, options, now=now, is_dry_run=False)
    except RediaccError as exc:
        message = exc.message.removeprefix("--")
        raise InvalidInput(f"entry {number}: {message}", hint=exc.hint) from exc


def _options(entry: Mapping[str, Any], fields: Mapping[str, click.Option]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for option in fields.values():
        options[str(option.name)] = _nothing(option)
    said: dict[str, str] = {}
    for key, value in entry.items():
        name = _HUMP.sub("_", key).lower().replace("-", "_")
        if name not in fields:
            alike = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean {alike[0]}?" if alike else "fields: see docs/guide.md"
            raise InvalidInput(f"there is no field {key!r}", hint=hint)
        option = fields[name]
        target = str(option.name)
        if target in said:
            raise InvalidInput(f"{said[target]} and {key} are the same field: give one")
        said[target] = key
        if value is not None:
            options[target] = _value(option, key, value)
    return options


def _nothing(option: click.Option) -> Any:
    if option.multiple:
        return ()
    if option.count:
        return 0
    return False if option.is_flag else None


def _value(option: click.Option, key: str, value: Any) -> Any:
    """Return a field's value as the option would have given it."""
    if option.count or option.name == "any_count":
        number = 1 if value is True and option.name == "any_count" else value
        return _converted(option, key, number)
    if option.is_flag:
        if not isinstance(value, bool):
            raise InvalidInput(f"{key}: must be true or false")
        return value
    if option.multiple:
        return _several(option, key, value)
    if isinstance(value, Mapping):
        if option.name not in ("retry", "args"):
            raise InvalidInput(f"{key}: must be a text or a number")
        return json.dumps(value)
    return _converted(option, key, value)


def _several(option: click.Option, key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        if option.name == "extra_vars":
            return (json.dumps(value),)
        if option.name in ("labels", "secrets"):
            return tuple(f"{name}={_text(key, one)}" for name, one in value.items())
        raise InvalidInput(f"{key}: must be a text or a list of texts")
    if not isinstance(value, list):
        return (_text(key, value),)
    return tuple(
        json.dumps(one)
        if isinstance(one, Mapping) and option.name == "extra_vars"
        else _text(key, one)
        for one in value
    )


def _converted(option: click.Option, key: str, value: Any) -> Any:
    """Return a single value checked by the option's own type."""
    if isinstance(value, bool | list | Mapping):
        raise InvalidInput(f"{key}: must be a text or a number")
    try:
        return option.type.convert(str(value), option, None)
    except click.BadParameter as exc:
        raise InvalidInput(f"{key}: {exc.message.rstrip('.')}") from exc


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput(f"{key}: must be a text or a list of texts")
    return str(value)
