"""JSON and YAML that a person gives: parsed into plain JSON values, within bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import yaml

from rediacc.errors import InvalidInput
from rediacc.teams.safe_yaml import check_nesting

__all__ = ["LARGEST_DOCUMENT", "NotPlain", "parse_mapping", "plain"]

LARGEST_DOCUMENT = 1 << 20
_MOST_VALUES = 100_000
_DEEPEST = 100


class NotPlain(Exception):
    """The document holds a value that JSON has no word for, such as ``!vault``."""


class _Loader(yaml.SafeLoader):
    """YAML without tags of its own: any that it does not know means :class:`NotPlain`."""


def _unknown_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:  # noqa: ARG001
    raise NotPlain(f"!{suffix}")


_Loader.add_multi_constructor("!", _unknown_tag)


def parse_mapping(text: str, *, where: str) -> dict[str, Any]:
    """Return the JSON or YAML mapping in `text` as plain values; an empty document is empty.

    :raises InvalidInput: it is no mapping, is broken, or is larger than the bounds.
    :raises NotPlain: it holds a tag or a value that JSON cannot carry.
    """
    if len(text) > LARGEST_DOCUMENT:
        raise InvalidInput(f"{where}: larger than 1 MiB")
    try:
        value = json.loads(text)
    except RecursionError as exc:
        raise InvalidInput(f"{where}: nested too deeply") from exc
    except ValueError:
        value = _load_yaml(text, where=where)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: must be a mapping of names to values")
    result = plain(value, where=where)
    assert isinstance(result, dict)
    return result


def _load_yaml(text: str, *, where: str) -> Any:
    check_nesting(text, where)
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise InvalidInput(f"{where}: no valid JSON or YAML: {place}{exc.problem}") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise InvalidInput(f"{where}: no valid JSON or YAML") from exc
    except RecursionError as exc:
        raise InvalidInput(f"{where}: nested too deeply") from exc


def plain(value: Any, *, where: str) -> Any:
    """Return `value` with only what JSON carries; dates become text, as Ansible would print them.

    :raises InvalidInput: it is too large or too deep, which aliases make possible in few bytes.
    :raises NotPlain: it holds a set, bytes, or a key that is no text.
    """
    return _Plain(where).convert(value, 0)


class _Plain:
    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0

    def convert(self, value: Any, depth: int) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise InvalidInput(f"{self._where}: too many or too deeply nested values")
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise NotPlain("number")
            return value
        if isinstance(value, list):
            return [self.convert(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            return {self._key(key): self.convert(item, depth + 1) for key, item in value.items()}
        if isinstance(value, date | datetime):
            return str(value)
        raise NotPlain(type(value).__name__)

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise NotPlain("key")
        return self._text(key)

    def _text(self, value: str) -> str:
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as exc:
            # JSON can write half of a pair of code units; no command and no file can hold it.
            raise InvalidInput(f"{self._where}: a text holds half a character") from exc
        return value
