"""Entries put into YAML that people wrote, and taken out of it, without touching anything else.

Whole lines are spliced where the text is in block style, spans where it is in flow style. The
places come from PyYAML's marks. The result is read again, and what does not hold exactly the
intended change is refused: the caller's file stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.teams.safe_yaml import Tagged, compose, construct, is_same
from rediacc.teams.yaml_text import block_lines, flow_text

__all__ = ["insert_entry", "remove_entry", "replace_value"]

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_COMMENT = re.compile(r"( *)#")
_NULLS = {"", "~", "null", "Null", "NULL"}
_DEFAULT_STEP = 2


def insert_entry(text: str, path: Sequence[str], value: Any, *, what: str) -> str:
    """Return `text` with the entry at `path`; mappings on the way are made where they are missing.

    :param value: JSON-like; ``None`` makes an entry without a value.
    :param what: whose text it is, for the complaint.
    :raises Conflict: the entry exists, or the text is of a form that cannot be edited safely.
    :raises InvalidInput: the text is no valid YAML.
    """
    expected = _with_entry(construct(text, what), path, value, what)
    return _verified(_Splicer(text, what).inserted(path, value), expected, what)


def remove_entry(text: str, path: Sequence[str], *, what: str) -> str:
    """Return `text` without the entry at `path`; comments above it stay.

    :raises NotFound: there is no such entry.
    :raises Conflict: the text is of a form that cannot be edited safely.
    :raises InvalidInput: the text is no valid YAML.
    """
    splicer = _Splicer(text, what)
    expected = _unshared(construct(text, what))
    holder, parent = expected, None
    for name in path[:-1]:
        holder, parent = (holder.get(name) if isinstance(holder, dict) else None), holder
    if not isinstance(holder, dict) or path[-1] not in holder:
        raise NotFound(f"{what} has no {'.'.join(path)}")
    del holder[path[-1]]
    if not holder and parent is not None and not splicer.is_flow(path[:-1]):
        parent[path[-2]] = None
    if not expected and not splicer.is_flow(()):
        expected = None  # nothing is left but comments
    return _verified(splicer.removed(path), expected, what)


def replace_value(text: str, path: Sequence[str], value: Any, *, what: str) -> str:
    """Return `text` with another value for the entry at `path`, at the same place.

    A comment behind a value on one line stays.

    :raises NotFound: there is no such entry.
    :raises Conflict: the text is of a form that cannot be edited safely.
    :raises InvalidInput: the text is no valid YAML.
    """
    expected = _unshared(construct(text, what))
    holder = expected
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or path[-1] not in holder:
        raise NotFound(f"{what} has no {'.'.join(path)}")
    holder[path[-1]] = _unshared(value)
    return _verified(_Splicer(text, what).replaced(path, value), expected, what)


def _with_entry(data: Any, path: Sequence[str], value: Any, what: str) -> Any:
    expected = {} if data is None else _unshared(data)
    holder = expected
    for name in path[:-1]:
        if not isinstance(holder, dict):
            break
        if holder.get(name) is None:
            holder[name] = {}
        holder = holder[name]
    if not isinstance(holder, dict):
        raise _cannot(what, f"{'.'.join(path[:-1])} is no mapping")
    if path[-1] in holder:
        raise Conflict(f"{what} has {'.'.join(path)} already")
    holder[path[-1]] = _unshared(value)
    return expected


def _unshared(value: Any) -> Any:
    """Copy `value` so that what aliases share comes apart: a change through one shows up."""
    if isinstance(value, Tagged):
        return value
    if isinstance(value, Mapping):
        return {key: _unshared(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unshared(item) for item in value]
    return value


def _verified(text: str, expected: Any, what: str) -> str:
    try:
        found = construct(text, what)
    except InvalidInput as exc:
        raise _cannot(what, exc.message) from exc
    if not is_same(found, expected):
        raise _cannot(what, "the result would not hold exactly this change")
    return text


def _cannot(what: str, why: str) -> Conflict:
    return Conflict(
        f"{what} cannot be edited without touching what people wrote: {why}",
        hint="edit the file by hand; rediacc reads it as it is",
    )


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One entry of a mapping as it lies in the text."""

    key: yaml.Node
    value: yaml.Node

    @property
    def is_alias(self) -> bool:
        return bool(
            (self.value.start_mark.line, self.value.start_mark.column)
            < (self.key.start_mark.line, self.key.start_mark.column)
        )


class _Splicer:
    """A text, its lines and its nodes."""

    def __init__(self, text: str, what: str) -> None:
        self._text = text
        self._what = what
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._root = compose(text, what)

    def inserted(self, path: Sequence[str], value: Any) -> str:
        root = self._root
        if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
            return self._with_lines(len(self._starts), path[0], _wrapped(path[1:], value), indent=0)
        node, in_flow = root, False
        for number, name in enumerate(path):
            mapping = self._mapping(node, path[:number])
            in_flow = in_flow or bool(mapping.flow_style)
            entry = _find(mapping, name)
            if entry is None:
                return self._into(mapping, name, _wrapped(path[number + 1 :], value), in_flow)
            if entry.is_alias:
                raise _cannot(self._what, f"{'.'.join(path[: number + 1])} is an alias")
            if not in_flow and self._is_blank(entry.value):
                return self._beneath(entry, path[number + 1], _wrapped(path[number + 2 :], value))
            node = entry.value
        raise _cannot(self._what, f"{'.'.join(path)} is there already")

    def removed(self, path: Sequence[str]) -> str:
        mapping, entry = self._at(path)
        if mapping.flow_style:
            return self._without_span(mapping, entry)
        return self._without_lines(entry)

    def replaced(self, path: Sequence[str], value: Any) -> str:
        _rest, entry = self._at(path)
        if entry.is_alias:
            raise _cannot(self._what, f"{'.'.join(path)} comes from another place")
        start, end = self._offset(entry.key.end_mark), self._offset(entry.value.end_mark)
        if entry.key.start_mark.line != entry.value.end_mark.line:
            after = self._line_after(entry)
            end = self._starts[after] if after < len(self._starts) else len(self._text)
            end -= len(self._newline) if self._text[:end].endswith(self._newline) else 0
        return f"{self._text[:start]}: {flow_text(value)}{self._text[end:]}"

    def _at(self, path: Sequence[str]) -> tuple[yaml.MappingNode, _Entry]:
        """Return the entry at `path` and the mapping that holds it."""
        node = self._root
        for number, name in enumerate(path[:-1]):
            entry = _find(self._mapping(node, path[:number]), name)
            if entry is None or entry.is_alias:
                raise _cannot(self._what, f"{'.'.join(path)} is reached through an alias")
            node = entry.value
        mapping = self._mapping(node, path[:-1])
        entry = _find(mapping, path[-1])
        if entry is None:
            raise _cannot(self._what, f"{'.'.join(path)} comes from another place")
        return mapping, entry

    def is_flow(self, path: Sequence[str]) -> bool:
        node = self._root
        for number, name in enumerate(path):
            entry = _find(self._mapping(node, path[:number]), name)
            if entry is None:
                return False
            node = entry.value
        return isinstance(node, yaml.MappingNode) and bool(node.flow_style)

    def _mapping(self, node: yaml.Node | None, path: Sequence[str]) -> yaml.MappingNode:
        if not isinstance(node, yaml.MappingNode):
            raise _cannot(self._what, f"{'.'.join(path) or 'the document'} is no mapping")
        return node

    def _into(self, mapping: yaml.MappingNode, key: str, value: Any, in_flow: bool) -> str:
        if in_flow:
            return self._into_flow(mapping, key, value)
        entries = _entries(mapping)
        column = entries[-1].key.start_mark.column
        line = self._past_comments(self._line_after(entries[-1]), column)
        return self._with_lines(line, key, value, indent=column)

    def _into_flow(self, mapping: yaml.MappingNode, key: str, value: Any) -> str:
        new = flow_text({key: value})[1:-1]
        entries = _entries(mapping)
        if not entries:
            place = self._offset(mapping.end_mark) - 1
            return self._text[:place] + new + self._text[place:]
        if entries[-1].is_alias:
            raise _cannot(self._what, "an alias stands last in a flow mapping")
        place = self._offset(entries[-1].value.end_mark)
        return f"{self._text[:place]}, {new}{self._text[place:]}"

    def _is_blank(self, node: yaml.Node) -> bool:
        """Whether `node` holds nothing: no value, null, or an empty flow mapping."""
        written = self._text[self._offset(node.start_mark) : self._offset(node.end_mark)]
        if isinstance(node, yaml.MappingNode):
            return "".join(written.split()) == "{}"
        return isinstance(node, yaml.ScalarNode) and written in _NULLS

    def _beneath(self, entry: _Entry, key: str, value: Any) -> str:
        """Put the first entry under a key whose value is blank; the blank value goes."""
        start, end = self._offset(entry.value.start_mark), self._offset(entry.value.end_mark)
        rest = self._line(entry.value.end_mark.line)[entry.value.end_mark.column :]
        if rest.strip() and not rest.lstrip().startswith("#"):
            raise _cannot(self._what, f"line {entry.value.end_mark.line + 1} goes on")
        if start < end:
            start = len(self._text[:start].rstrip(" "))
        column = entry.key.start_mark.column
        line = self._past_comments(entry.value.end_mark.line + 1, column)
        indent = column + self._step()
        return self._with_lines(line, key, value, indent=indent, cut=(start, end))

    def _with_lines(
        self, line: int, key: str, value: Any, *, indent: int, cut: tuple[int, int] = (0, 0)
    ) -> str:
        lines = block_lines(key, value, indent=indent, step=self._step())
        place = self._starts[line] if line < len(self._starts) else len(self._text)
        before = self._text[: cut[0]] + self._text[cut[1] : place]
        if before and not _BREAK.search(before[-1]):
            before += self._newline
        return before + "".join(new + self._newline for new in lines) + self._text[place:]

    def _without_lines(self, entry: _Entry) -> str:
        mark = entry.key.start_mark
        if self._line(mark.line)[: mark.column].strip():
            raise _cannot(self._what, f"line {mark.line + 1} holds more than this entry")
        after = self._past_comments(self._line_after(entry), mark.column)
        end = self._starts[after] if after < len(self._starts) else len(self._text)
        return self._text[: self._starts[mark.line]] + self._text[end:]

    def _without_span(self, mapping: yaml.MappingNode, entry: _Entry) -> str:
        entries = _entries(mapping)
        number = next(n for n, other in enumerate(entries) if other.key is entry.key)
        if entry.is_alias or (number > 0 and entries[number - 1].is_alias):
            raise _cannot(self._what, "an alias stands in a flow mapping")
        start, end = self._offset(entry.key.start_mark), self._offset(entry.value.end_mark)
        if number + 1 < len(entries):
            end = self._offset(entries[number + 1].key.start_mark)
        elif number > 0:
            start = self._offset(entries[number - 1].value.end_mark)
        span = self._text[start:end]
        # A comment reaches to the end of its line; within one line "#" can only be a value's.
        if "#" in span and _BREAK.search(span):
            raise _cannot(self._what, f"a comment stands in line {entry.key.start_mark.line + 1}")
        return self._text[:start] + self._text[end:]

    def _line_after(self, entry: _Entry) -> int:
        """Return the number of the first line after the entry's text, comments not counted."""
        if entry.is_alias:
            return int(entry.key.end_mark.line) + 1
        node = entry.value
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return int(node.end_mark.line) + (1 if node.end_mark.column else 0)
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            if isinstance(node, yaml.MappingNode):
                return self._line_after(_entries(node)[-1])
            return self._line_after(_Entry(key=entry.key, value=node.value[-1]))
        return int(max(node.end_mark.line, entry.key.end_mark.line)) + 1

    def _past_comments(self, line: int, column: int) -> int:
        """Step over comments that are indented deeper than `column`: they go with the entry."""
        while line < len(self._starts):
            comment = _COMMENT.match(self._line(line))
            if comment is None or len(comment[1]) <= column:
                break
            line += 1
        return line

    def _step(self) -> int:
        """Return how far this text indents, as its first nested block mapping shows it."""
        node = self._root
        while isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
            column = node.value[0][0].start_mark.column
            for _rest, inner in node.value:
                if isinstance(inner, yaml.MappingNode) and inner.value and not inner.flow_style:
                    deeper = int(inner.value[0][0].start_mark.column) - int(column)
                    return deeper if deeper > 0 else _DEFAULT_STEP
            break
        return _DEFAULT_STEP

    def _offset(self, mark: yaml.Mark) -> int:
        return int(self._starts[mark.line] + mark.column)

    def _line(self, number: int) -> str:
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._text)
        return self._text[self._starts[number] : end]


def _entries(mapping: yaml.MappingNode) -> list[_Entry]:
    return [_Entry(key=key, value=value) for key, value in mapping.value]


def _find(mapping: yaml.MappingNode, name: str) -> _Entry | None:
    for entry in _entries(mapping):
        if isinstance(entry.key, yaml.ScalarNode) and entry.key.value == name:
            return entry
    return None


def _wrapped(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value
