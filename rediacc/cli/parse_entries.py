"""Files of many tasks: YAML, JSON or JSON Lines, read into plain mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rediacc.cli.parse_documents import NotPlain, plain
from rediacc.errors import InvalidInput
from rediacc.teams.safe_yaml import check_nesting

__all__ = ["FORMATS", "LARGEST_FILE", "read_entries"]

FORMATS = ("yaml", "json", "jsonl")
LARGEST_FILE = 16 << 20
_BY_EXTENSION = {
    ".yml": "yaml",
    ".yaml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_KEY = "tasks"


class _Repeated(ValueError):
    """A name stands twice in one mapping."""


# libyaml is ten times as fast, and not everywhere.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML in which no name stands twice: the first one would be lost without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _value in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and key.tag != "tag:yaml.org,2002:merge":
                if name in seen:
                    line = key.start_mark.line + 1
                    raise _Repeated(f"line {line}: {name!r} is given twice")
                seen.add(name)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def read_entries(text: str, *, where: str, sort: str | None) -> list[Mapping[str, Any]]:
    """Return the entries in `text`: a list of mappings, or a mapping with such a list as `tasks`.

    :param where: the file's name, for complaints and, by its extension, the format.
    :param sort: one of :data:`FORMATS`; ``None`` goes by the extension, then by the content.
    :raises InvalidInput: it is broken, empty, or holds something else.
    """
    sort = sort or _BY_EXTENSION.get(Path(where).suffix.lower()) or _sniffed(text)
    try:
        if sort == "jsonl":
            value = _json_lines(text, where)
        elif sort == "json":
            value = _json(text, where)
        else:
            value = _yaml(text, where)
    except RecursionError as exc:
        raise InvalidInput(f"{where}: nested too deeply") from exc
    entries = _list_of(value, where)
    return [_mapping(entry, number, where) for number, entry in enumerate(entries, start=1)]


def _sniffed(text: str) -> str:
    """Return the format that the content shows: JSON Lines are JSON objects, one a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith(("{", "[")):
        return "yaml"
    try:
        json.loads(text)
    except ValueError:
        first = lines[0].strip()
        return "jsonl" if first.startswith("{") and first.endswith("}") else "json"
    return "json"


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as exc:
        raise InvalidInput(
            f"{where}: no valid JSON: line {exc.lineno}, column {exc.colno}: {exc.msg}"
        ) from exc
    except _Repeated as exc:
        raise InvalidInput(f"{where}: {exc}") from exc
    except ValueError as exc:  # a number of thousands of digits
        raise InvalidInput(f"{where}: no valid JSON: a number is too large") from exc


def _json_lines(text: str, where: str) -> list[Any]:
    entries = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                entries.append(json.loads(line, object_pairs_hook=_without_repeats))
            except ValueError as exc:
                problem = "a number is too large"
                if isinstance(exc, json.JSONDecodeError):
                    problem = exc.msg
                elif isinstance(exc, _Repeated):
                    problem = str(exc)
                raise InvalidInput(f"{where}: line {number}: no valid JSON: {problem}") from exc
    return entries


def _yaml(text: str, where: str) -> Any:
    check_nesting(text, where)
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise InvalidInput(f"{where}: no valid YAML: {place}{exc.problem}") from exc
    except _Repeated as exc:
        raise InvalidInput(f"{where}: {exc}") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise InvalidInput(f"{where}: no valid YAML") from exc


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Repeated(f"{twice!r} is given twice")
    return found


def _list_of(value: Any, where: str) -> list[Any]:
    if isinstance(value, Mapping) and set(value) == {_KEY}:
        value = value[_KEY]
    if isinstance(value, list) and value:
        return value
    if value is None or value == []:
        raise InvalidInput(f"{where}: holds no tasks")
    raise InvalidInput(
        f"{where}: must be a list of tasks, or a mapping with nothing but such a list",
        hint='tasks: [{machine: web-01, command: "uptime"}]',
    )


def _mapping(entry: Any, number: int, where: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise InvalidInput(f"{where}: entry {number}: must be a mapping of fields to values")
    try:
        found: Mapping[str, Any] = plain(entry, where=f"{where}: entry {number}")
    except NotPlain as exc:
        raise InvalidInput(f"{where}: entry {number}: {exc} is no value that can be read") from exc
    return found
