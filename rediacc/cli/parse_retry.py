"""The retry policy as the command line gives it: JSON, and options of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rediacc.cli.parse_times import parse_duration
from rediacc.errors import InvalidInput

__all__ = ["parse_retry", "retry_file", "retry_from_options"]

_LARGEST = 64 << 10
# Each option, the JSON field that it sets, and other spellings of that field.
_FIELDS = {
    "retry_count": ("--retry-count", "retryCount", ("maxRetries",)),
    "retry_delay": ("--retry-delay", "retryDelay", ()),
    "backoff": ("--backoff", "backoff", ()),
    "max_delay": ("--max-delay", "maxDelay", ()),
    "jitter": ("--jitter", "jitter", ()),
    "retry_on": ("--retry-on", "retryOn", ()),
    "failure_action": ("--failure-action", "failureAction", ()),
}


def retry_file(text: str) -> str | None:
    """Return the file that ``--retry`` names; ``None`` where it holds JSON, or ``-``."""
    return None if text.lstrip().startswith("{") or text == "-" else text


def parse_retry(text: str, *, read_stdin: Callable[[], str]) -> dict[str, Any]:
    """Return the retry policy's JSON object from JSON text, a file, or ``-`` for standard input.

    Only its being an object is checked here: what it may hold is the operation's to say.

    :raises InvalidInput: there is no such file, or no JSON object in it.
    """
    if text.lstrip().startswith("{"):
        content, where = text, "--retry"
    elif text == "-":
        content, where = read_stdin(), "--retry -"
    else:
        content, where = _read(text), f"--retry {text}"
    if len(content) > _LARGEST:
        raise InvalidInput(f"{where}: larger than 64 KiB")
    try:
        value = json.loads(content, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except RecursionError as exc:
        raise InvalidInput(f"{where}: nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise InvalidInput(
            f"{where}: no valid JSON: line {exc.lineno}, column {exc.colno}: {exc.msg}"
        ) from exc
    except ValueError as exc:
        raise InvalidInput(f"{where}: {exc}") from exc
    if not isinstance(value, dict):
        raise InvalidInput(f'{where}: must be a JSON object such as {{"retryCount": 3}}')
    return value


def retry_from_options(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given`, the JSON, joined with the options that are set.

    :raises InvalidInput: an option and the JSON both say the same thing.
    """
    joined = dict(given)
    for name, (option, field, others) in _FIELDS.items():
        value = options.get(name)
        if value is None or value == ():
            continue
        for spelling in (field, *others):
            if spelling in given:
                raise InvalidInput(f"{option} and {spelling} in --retry both say it: give one")
        joined[field] = _value(name, option, value)
    return joined


def _value(name: str, option: str, value: Any) -> Any:
    if name in ("retry_delay", "max_delay"):
        return parse_duration(value, option=option, allow_zero=True)
    if name == "retry_on":
        return [word.strip() for text in value for word in text.split(",") if word.strip()]
    return value


def _read(name: str) -> str:
    path = Path(name).expanduser()
    try:
        if not path.is_file():
            raise InvalidInput(
                f"--retry: there is no file {name!r}", hint="or give the JSON itself: '{...}'"
            )
        with path.open("rb") as stream:
            return stream.read(_LARGEST + 1).decode("utf-8-sig")
    except OSError as exc:
        raise InvalidInput(f"--retry {name}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"--retry {name}: is not UTF-8 text") from exc


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
