"""Ansible's host patterns, resolved against a read inventory.

The rules are those of ansible-core's ``InventoryManager`` (``lib/ansible/inventory/manager.py``)
and of its address parser (``lib/ansible/parsing/utils/addresses.py``); tests compare the two.
Unlike there, a name that names nothing is an error, also behind ``!``.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Sequence

from rediacc.errors import InvalidInput, NotFound
from rediacc.teams.files import checked_text
from rediacc.teams.inventory_data import Inventory

__all__ = ["resolve_patterns", "split_patterns"]

_LOCALHOST = ("localhost", "127.0.0.1", "::1")
_MOST_CHARACTERS = 65536
_WILD = ("?", "*", "[")
_TO_THE_END = 1 << 32
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]")
_BETWEEN_COLONS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")

_BRACKETED_PORT = re.compile(r"\[(.+)\]:([0-9]+)")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)")
_STEP = r"(?::[0-9]+)?"
_NUMBERS = rf"\[[0-9]+:[0-9]+{_STEP}\]"
_HEX = rf"(?:[0-9a-f]{{1,4}}|\[[0-9a-f]+:[0-9a-f]+{_STEP}\])"
_BYTE = rf"(?:[01]?[0-9]{{1,2}}|2[0-4][0-9]|25[0-5]|{_NUMBERS})"
_SPAN = rf"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+){_STEP}\]"
_LABEL = rf"(?:\w|{_SPAN})(?:[\w_-]|{_SPAN})*(?<![_-])"
_IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_IPV6 = "|".join(
    (
        rf"(?:{_HEX}:){{7}}{_HEX}",
        rf"(?:{_HEX}:){{1,6}}:",
        *(rf"(?:{_HEX}:){{{left}}}(?::{_HEX}){{1,{7 - left}}}" for left in range(1, 7)),
        rf":(?::{_HEX}){{1,6}}",
        rf"{_HEX}?::",
        rf"(?:0:){{6}}{_IPV4}",
        rf"::(?:ffff:)?{_IPV4}",
        rf"(?:0:){{5}}ffff:{_IPV4}",
    )
)
_ADDRESS = re.compile(rf"{_IPV4}|(?:{_IPV6})|{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)


def resolve_patterns(
    inventory: Inventory, patterns: Sequence[str], *, limit: str | None = None
) -> tuple[str, ...]:
    """Return the machines that `patterns` mean, in Ansible's order, cut to `limit`.

    :param patterns: each as given to Ansible as ``HOSTS`` or ``--limit``.
    :raises NotFound: a name in them names neither a machine nor a group.
    :raises InvalidInput: a pattern cannot be meant.
    """
    resolver = _Resolver(inventory)
    machines = resolver.evaluate(split_patterns(patterns))
    if limit is not None:
        within = set(resolver.evaluate(split_patterns([limit])))
        machines = [machine for machine in machines if machine in within]
    return tuple(machines)


def split_patterns(patterns: Iterable[str]) -> list[str]:
    """Split at commas, or at colons where they cannot belong to an address or a range.

    :raises InvalidInput: one is empty, too long, a file (``@``) or holds control characters.
    """
    parts = []
    for pattern in patterns:
        checked_text(pattern, "host pattern", limit=_MOST_CHARACTERS)
        parts.extend(_split(pattern))
    for part in parts:
        if part.lstrip("!&").startswith("@"):
            raise InvalidInput(
                f"the host pattern {part!r} names a file",
                hint="give the machines themselves, separated by commas",
            )
        if part.startswith("-"):
            raise InvalidInput(f"the host pattern {part!r} starts with '-'")
    if not parts:
        raise InvalidInput("a host pattern is empty")
    return parts


def _split(pattern: str) -> list[str]:
    if "," in pattern:
        parts = pattern.split(",")
    elif _is_address(pattern):
        parts = [pattern]
    else:
        parts = _BETWEEN_COLONS.findall(pattern)
    return [part.strip() for part in parts if part.strip()]


def _is_address(pattern: str) -> bool:
    """Return whether `pattern` is one address or name, perhaps with ranges and a port."""
    address = pattern
    for form in (_BRACKETED_PORT, _PORT):
        found = form.fullmatch(address)
        if found is not None:
            address = found[1]
    return _ADDRESS.fullmatch(address) is not None


class _Resolver:
    """Evaluates single patterns over one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._hosts = inventory.hosts
        self._groups = inventory.groups
        # Ansible has one machine for all names of this host: the first that was met.
        self._local = next((name for name in _LOCALHOST if name in self._hosts), None)

    def evaluate(self, patterns: Sequence[str]) -> list[str]:
        """Unite what stands plain, cut to what stands behind ``&``, take away what ``!`` says."""
        plain = [pattern for pattern in patterns if pattern[0] not in "!&"] or ["all"]
        found: dict[str, None] = {}
        for pattern in plain:
            found.update(dict.fromkeys(self._machines(pattern)))
        for pattern in (pattern for pattern in patterns if pattern[0] == "&"):
            kept = set(self._machines(_without_mark(pattern)))
            found = {machine: None for machine in found if machine in kept}
        for pattern in (pattern for pattern in patterns if pattern[0] == "!"):
            gone = set(self._machines(_without_mark(pattern)))
            found = {machine: None for machine in found if machine not in gone}
        return list(found)

    def _machines(self, pattern: str) -> Sequence[str]:
        if pattern in self._hosts:
            return (pattern,)
        expression, subscript = _subscript(pattern)
        groups, machines = self._matching(expression)
        if subscript is None:
            members = [machine for name in groups for machine in self._groups[name]]
            return self._or_nothing(pattern, expression, groups, [*members, *machines])
        return self._chosen(pattern, expression, subscript, groups, machines)

    def _matching(self, expression: str) -> tuple[list[str], list[str]]:
        matches = _matcher(expression)
        groups = [name for name in self._groups if matches.match(name)]
        # Ansible looks at machines only where no group matched, or where the pattern is no name.
        if groups and expression[0] != "~" and not any(c in expression for c in (".", *_WILD)):
            return groups, []
        return groups, [name for name in self._hosts if matches.match(name)]

    def _or_nothing(
        self, pattern: str, expression: str, groups: Sequence[str], found: Sequence[str]
    ) -> Sequence[str]:
        if found or groups or expression[0] == "~" or any(char in expression for char in _WILD):
            return found
        if expression in _LOCALHOST:
            self._local = self._local or expression
            return (self._local,)
        known = [*self._hosts, *self._groups]
        alike = difflib.get_close_matches(expression, known, n=3)
        raise NotFound(
            f"team {self._inventory.team} has no machine or group {pattern!r}",
            hint=f"did you mean {', '.join(alike)}?" if alike else "",
        )

    def _chosen(
        self,
        pattern: str,
        expression: str,
        subscript: tuple[int, int | None],
        groups: Sequence[str],
        machines: Sequence[str],
    ) -> Sequence[str]:
        everyone = [machine for name in groups for machine in self._groups[name]] + list(machines)
        candidates = self._or_nothing(pattern, expression, groups, everyone)
        if not candidates:
            return ()
        is_order_known = len(set(candidates)) == len(candidates) and (
            len(candidates) == 1 or (not machines and len(groups) == 1 and groups[0] != "all")
        )
        if not is_order_known:
            return self._ask(pattern)
        start, end = subscript
        try:
            # Ansible takes [3:0] for [3].
            return candidates[start : end + 1] if end else (candidates[start],)
        except IndexError:
            raise NotFound(f"the host pattern {pattern!r} reaches beyond its machines") from None

    def _ask(self, pattern: str) -> Sequence[str]:
        """Resolve by Ansible itself: its order of several groups is not in what it lists."""
        if self._inventory.ask_ansible is None:
            raise InvalidInput(
                f"the host pattern {pattern!r} counts in an order that is not known",
                hint="count within one group, or name the machines",
            )
        return self._inventory.ask_ansible(pattern)


def _without_mark(pattern: str) -> str:
    bare = pattern[1:]
    if not bare:
        raise InvalidInput(f"the host pattern {pattern!r} has nothing behind its mark")
    return bare


def _subscript(pattern: str) -> tuple[str, tuple[int, int | None] | None]:
    """Return the pattern without its ``[…]``, and the inclusive range that it says."""
    if pattern[0] == "~":
        return pattern, None
    found = _SUBSCRIPT.fullmatch(pattern)
    if found is None:
        return pattern, None
    expression, index, start, end = found.groups()
    if index is not None:
        return expression, (int(index), None)
    return expression, (int(start), int(end) if end else _TO_THE_END)


def _matcher(expression: str) -> re.Pattern[str]:
    try:
        if expression[0] == "~":
            return re.compile(expression[1:])
        return re.compile(fnmatch.translate(expression))
    except (re.error, RecursionError, OverflowError) as exc:
        raise InvalidInput(f"the host pattern {expression!r} is not valid: {exc}") from exc
