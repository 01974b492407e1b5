"""Tables put into TOML that people wrote, and taken out of it; comments and order stay.

Lines are spliced where the table has a header of its own; tomlkit edits the rarer forms (inline
and dotted tables). Either result is read again and has to hold exactly the intended change.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from rediacc.errors import Conflict, InvalidInput, NotFound

__all__ = ["add_table", "change_table", "remove_table"]

_HEADER = re.compile(r"[ \t]*\[\[?([^\[\]]*)\]\]?[ \t]*(?:#.*)?")


def add_table(text: str, path: tuple[str, str], values: Mapping[str, Any], *, what: str) -> str:
    """Return `text` with the table ``[path[0].path[1]]``, after the last one of its kind.

    :param what: whose text it is, for the complaint.
    :raises Conflict: the table exists, or the text cannot be edited safely.
    :raises InvalidInput: the text is no valid TOML.
    """
    before = _parsed(text, what)
    if path[1] in before.get(path[0], {}):
        raise Conflict(f"{what} has a table {'.'.join(path)} already")
    expected = before | {path[0]: {**before.get(path[0], {}), path[1]: dict(values)}}
    for candidate in _with_table(text, path, values):
        if _is_exactly(candidate, expected):
            return candidate
    raise _cannot(what, path)


def change_table(text: str, path: tuple[str, str], values: Mapping[str, Any], *, what: str) -> str:
    """Return `text` with other values in the table ``[path[0].path[1]]``; ``None`` takes one out.

    :raises NotFound: there is no such table.
    :raises Conflict: the text cannot be edited safely.
    :raises InvalidInput: the text is no valid TOML.
    """
    before = _parsed(text, what)
    if path[1] not in before.get(path[0], {}):
        raise NotFound(f"{what} has no table {'.'.join(path)}")
    table = {**before[path[0]][path[1]], **values}
    kept = {name: value for name, value in table.items() if value is not None}
    expected = before | {path[0]: {**before[path[0]], path[1]: kept}}
    candidate = _changed_by_tomlkit(text, path, values)
    if not _is_exactly(candidate, expected):
        raise _cannot(what, path)
    return candidate


def remove_table(text: str, path: tuple[str, str], *, what: str) -> str:
    """Return `text` without the table ``[path[0].path[1]]`` and the tables within it.

    :raises NotFound: there is no such table.
    :raises Conflict: the text cannot be edited safely.
    :raises InvalidInput: the text is no valid TOML.
    """
    before = _parsed(text, what)
    if path[1] not in before.get(path[0], {}):
        raise NotFound(f"{what} has no table {'.'.join(path)}")
    rest = {name: table for name, table in before[path[0]].items() if name != path[1]}
    expected = before | {path[0]: rest}
    for candidate in (_without_lines(text, path), _without_by_tomlkit(text, path)):
        # With its last table the outer one may vanish: nobody wrote it by itself.
        if _is_exactly(candidate, expected) or (
            not rest and _is_exactly(candidate, _without(before, path[0]))
        ):
            return candidate
    raise _cannot(what, path)


def _cannot(what: str, path: tuple[str, str]) -> Conflict:
    return Conflict(
        f"{what} cannot be edited without touching what people wrote",
        hint=f"edit the table {'.'.join(path)} by hand",
    )


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise InvalidInput(f"{what} is not valid TOML: {exc}") from exc


def _is_exactly(candidate: str, expected: Mapping[str, Any]) -> bool:
    try:
        # The text of the values tells true from 1 as well.
        return repr(_ordered(tomllib.loads(candidate))) == repr(_ordered(expected))
    except tomllib.TOMLDecodeError:
        return False


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return value


def _without(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def _with_table(text: str, path: tuple[str, str], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ways to add the table, the best first; not each of them is right for each text."""
    lines = text.splitlines(keepends=True)
    ends = [_section_end(lines, at) for at, names in _headers(lines) if names[:1] == path[:1]]
    for place in (*reversed(ends), len(lines)):
        yield _with_lines(lines, place, path, values)
    yield _with_tomlkit(text, path, values)


def _with_lines(
    lines: Sequence[str], place: int, path: tuple[str, str], values: Mapping[str, Any]
) -> str:
    before, after = "".join(lines[:place]), "".join(lines[place:])
    newline = "\r\n" if "\r\n" in before + after else "\n"
    if before and not before.endswith("\n"):
        before += newline
    title = f"[{tomlkit.key(path[0]).as_string()}.{tomlkit.key(path[1]).as_string()}]"
    block = [title, *tomlkit.dumps(values).splitlines()]
    return before + (newline if before else "") + newline.join(block) + newline + after


def _without_lines(text: str, path: tuple[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    kept = lines[:]
    for number, header in reversed(_headers(lines)):
        if header[:2] == path:
            end = _section_end(lines, number)
            is_last = end == len(lines) or not lines[end].strip()
            # Of the two blank lines around it one goes with it.
            start = number - 1 if is_last and number and not lines[number - 1].strip() else number
            del kept[start:end]
    return "".join(kept)


def _headers(lines: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the lines that look like table headers; within long texts they may be none."""
    found = []
    for number, line in enumerate(lines):
        match = _HEADER.fullmatch(line.rstrip("\r\n"))
        if match is not None:
            found.append((number, _names(match[1])))
    return found


def _names(header: str) -> tuple[str, ...]:
    try:
        table = tomllib.loads(f"[{header}]")
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while table:
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names)


def _section_end(lines: Sequence[str], header: int) -> int:
    """Return where the section's own text ends: comments before the next header belong to that."""
    end = next((number for number, _rest in _headers(lines) if number > header), len(lines))
    while end - 1 > header and (not (line := lines[end - 1].strip()) or line.startswith("#")):
        end -= 1
    return end


def _with_tomlkit(text: str, path: tuple[str, str], values: Mapping[str, Any]) -> str:
    try:
        document = tomlkit.parse(text)
        outer = document.setdefault(path[0], tomlkit.table(is_super_table=True))
        outer[path[1]] = dict(values)
        return tomlkit.dumps(document)
    except TOMLKitError:
        return ""


def _without_by_tomlkit(text: str, path: tuple[str, str]) -> str:
    try:
        document = tomlkit.parse(text)
        document[path[0]].pop(path[1])
        return tomlkit.dumps(document)
    except TOMLKitError:
        return ""


def _changed_by_tomlkit(text: str, path: tuple[str, str], values: Mapping[str, Any]) -> str:
    try:
        document = tomlkit.parse(text)
        table = document[path[0]][path[1]]
        for name, value in values.items():
            if value is not None:
                table[name] = value
            elif name in table:
                del table[name]
        return tomlkit.dumps(document)
    except TOMLKitError:
        return ""
