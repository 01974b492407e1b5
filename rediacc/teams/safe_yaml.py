"""YAML read as hostile text: limited size and depth, no duplicate keys, aliases only if allowed."""

from __future__ import annotations

import math
from typing import Any

import yaml

from rediacc.errors import InvalidInput

__all__ = ["Tagged", "check_nesting", "compose", "construct", "is_same", "load_strict"]

_DEPTH = 64
_NODES = 1_000_000
# libyaml's reader calls itself for each level, and ends the process where the stack does.
_SAFE_NESTING = 500
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
}

_FastLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Tagged(tuple[str, Any]):
    """A value with a tag that is not YAML's own, for example ``!vault``: the tag and the text."""

    __slots__ = ()


class _Loader(_FastLoader):  # type: ignore[misc]  # the base is chosen when PyYAML is there
    """PyYAML's safe loader that keeps foreign tags as :class:`Tagged`."""


class _StrictLoader(_FastLoader):  # type: ignore[misc]
    """PyYAML's safe loader without dates: what looks like one stays the text that it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the name and kind are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _foreign(loader: Any, suffix: str, node: yaml.Node) -> Tagged:
    if isinstance(node, yaml.ScalarNode):
        return Tagged((suffix, node.value))
    if isinstance(node, yaml.SequenceNode):
        return Tagged((suffix, loader.construct_sequence(node, deep=True)))
    return Tagged((suffix, loader.construct_mapping(node, deep=True)))


_Loader.add_multi_constructor("!", _foreign)


def check_nesting(text: str, what: str) -> None:
    """Pass when a reader that calls itself for each level can read `text`, YAML or broken.

    :param what: whose text it is, for the complaint.
    :raises InvalidInput: it is nested too deeply for that.
    """
    # Each level takes a bracket, or a column of its own in some line.
    longest = max(map(len, text.splitlines()), default=0)
    if text.count("[") + text.count("{") + longest <= _SAFE_NESTING:
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_FastLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _SAFE_NESTING:
                raise InvalidInput(f"{what} is nested too deeply")
    except (yaml.YAMLError, ValueError):
        return  # the reader says what is wrong


def compose(text: str, what: str) -> yaml.Node | None:
    """Return the node tree of the one document in `text`; ``None`` for an empty one.

    :param what: whose text it is, for the complaint.
    :raises InvalidInput: it is no YAML, or no sane one.
    """
    check_nesting(text, what)
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            _Walk(what, allows_aliases=True).check(node)
    except yaml.YAMLError as exc:
        raise InvalidInput(f"{what} is not valid YAML: {_complaint(exc)}") from exc
    except RecursionError as exc:
        raise InvalidInput(f"{what} is nested too deeply") from exc
    return node


def construct(text: str, what: str) -> Any:
    """Return the values in `text` as Ansible's inventory reader sees them; tags stay visible.

    :raises InvalidInput: it is no YAML, or no sane one.
    """
    compose(text, what)
    return _load(text, _Loader, what)


def load_strict(text: str, what: str) -> Any:
    """Return the values in `text`: no anchors, no tags of any kind, no duplicate keys.

    :raises InvalidInput: it is no YAML, or no sane one.
    """
    check_nesting(text, what)
    try:
        node = yaml.compose(text, Loader=_StrictLoader)
        if node is not None:
            _Walk(what, allows_aliases=False).check(node)
    except yaml.YAMLError as exc:
        raise InvalidInput(f"{what} is not valid YAML: {_complaint(exc)}") from exc
    except RecursionError as exc:
        raise InvalidInput(f"{what} is nested too deeply") from exc
    return _load(text, _StrictLoader, what)


def _load(text: str, loader: type[Any], what: str) -> Any:
    try:
        # A subclass of PyYAML's safe loader: it makes plain values only.
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as exc:
        raise InvalidInput(f"{what} is not valid YAML: {_complaint(exc)}") from exc
    except RecursionError as exc:
        raise InvalidInput(f"{what} is nested too deeply") from exc
    except (ValueError, OverflowError) as exc:
        raise InvalidInput(f"{what} holds a value that is none: {exc}") from exc


def _complaint(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    return " ".join(str(error).split())[:200]


class _Walk:
    """Goes through a node tree as often as aliases refer to its parts, up to a limit."""

    def __init__(self, what: str, *, allows_aliases: bool) -> None:
        self._what = what
        self._allows_aliases = allows_aliases
        self._count = 0
        self._seen: set[int] = set()

    def check(self, node: yaml.Node, depth: int = _DEPTH) -> None:
        self._count += 1
        if depth == 0:
            raise InvalidInput(f"{self._what} is nested too deeply")
        if self._count > _NODES:
            raise InvalidInput(f"{self._what} holds more than {_NODES} values")
        if not self._allows_aliases:
            self._check_plain(node)
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.check(item, depth - 1)
        elif isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            for key, item in node.value:
                self.check(key, depth - 1)
                self.check(item, depth - 1)

    def _check_plain(self, node: yaml.Node) -> None:
        where = f"{self._what}, line {node.start_mark.line + 1}"
        if id(node) in self._seen:
            raise InvalidInput(f"{where}: aliases are not allowed here")
        self._seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            raise InvalidInput(f"{where}: {node.tag} is not allowed here")

    def _check_keys(self, node: yaml.MappingNode) -> None:
        keys = set()
        for key, _rest in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InvalidInput(
                    f"{self._what}, line {key.start_mark.line + 1}: a key must be a plain text"
                )
            if (key.tag, key.value) in keys and not key.tag.endswith(":merge"):
                raise InvalidInput(
                    f"{self._what}, line {key.start_mark.line + 1}: "
                    f"{key.value[:60]!r} stands there twice"
                )
            keys.add((key.tag, key.value))


def is_same(one: Any, other: Any) -> bool:
    """Whether two read values are the same in kind as well: ``1``, ``1.0`` and ``true`` differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            key in other and is_same(item, other[key]) for key, item in one.items()
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other) or (_is_nan(one) and _is_nan(other))


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
