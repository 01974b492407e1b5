"""An inventory as a value: names, groups and, read only where needed, variables."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Group", "Groups", "Hosts", "Inventory"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group's own machines and child groups, in Ansible's order."""

    machines: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


class Groups(Mapping[str, tuple[str, ...]]):
    """Every group with all its machines, those of its children included, in Ansible's order."""

    def __init__(self, structure: Mapping[str, Group], machines: tuple[str, ...]) -> None:
        self._structure = structure
        self._resolved: dict[str, tuple[str, ...]] = {"all": machines}

    def __getitem__(self, name: str) -> tuple[str, ...]:
        found = self._resolved.get(name)
        if found is None:
            found = self._resolved[name] = machines_of(self._structure, name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._structure

    def __iter__(self) -> Iterator[str]:
        return iter(self._structure)

    def __len__(self) -> int:
        return len(self._structure)


def machines_of(structure: Mapping[str, Group], name: str) -> tuple[str, ...]:
    """Return all machines of group `name`, breadth first as Ansible's ``Group.get_hosts``."""
    seen_groups = {name}
    level = [name]
    machines = dict.fromkeys(structure[name].machines)
    while level:
        children = [child for parent in level for child in structure[parent].children]
        level = [child for child in dict.fromkeys(children) if child not in seen_groups]
        seen_groups.update(level)
        for child in level:
            machines.update(dict.fromkeys(structure[child].machines))
    return tuple(machines)


class Hosts(Mapping[str, Mapping[str, Any]]):
    """Every machine with its variables, parsed one machine at a time from the cached text.

    :param spans: for each machine, where its JSON object starts in `text` and how long it is.
    """

    def __init__(
        self, names: Sequence[str], spans: Sequence[tuple[int, int]], text: mmap.mmap | bytes
    ) -> None:
        self._places = dict(zip(names, spans, strict=True))
        self._text = text

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        start, length = self._places[name]
        loaded: dict[str, Any] = json.loads(self._text[start : start + length]) if length else {}
        return loaded

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inventory:
    """A team's machines as Ansible reads them.

    :param source: what Ansible gets as ``-i``: an absolute path, or a list with commas.
    :param hosts: each machine, in inventory order, with its variables; read when asked for.
    :param groups: each group, ``all`` and ``ungrouped`` too, with all its machines.
    :param structure: each group's own machines and children.
    :param addresses: each machine's ``ansible_host`` where it is a plain value.
    :param has_hidden_variables: some variables may come from encrypted files (or from plugins
        that can decrypt): none is kept but addresses, ports and accounts that stand in plain
        files too.
    :param has_uncertain_trust: an inventory plugin made it: whether a text is a template or only
        looks like one cannot be told from outside.
    :param digest: of everything above; equal digests mean equal inventories.
    :param warnings: what Ansible complained about while it read.
    :param ask_ansible: resolves a pattern by the user's own Ansible, for what depends on an order
        that only Ansible knows.
    """

    team: str
    source: str
    hosts: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, tuple[str, ...]]
    structure: Mapping[str, Group]
    addresses: Mapping[str, str]
    has_hidden_variables: bool
    digest: str
    has_uncertain_trust: bool = False
    warnings: tuple[str, ...] = ()
    ask_ansible: Callable[[str], tuple[str, ...]] | None = field(default=None, repr=False)

    def groups_of(self, machine: str) -> tuple[str, ...]:
        """Return the groups that hold `machine`, sorted, without ``all``, as ``group_names``."""
        direct = {name for name, group in self.structure.items() if machine in group.machines}
        found: set[str] = set()
        while direct:
            found |= direct
            direct = {
                name
                for name, group in self.structure.items()
                if name not in found and not direct.isdisjoint(group.children)
            }
        return tuple(sorted(found - {"all"}))

    def groups_of_all(self) -> dict[str, tuple[str, ...]]:
        """Return :meth:`groups_of` for every machine, in one go over the groups."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.structure):
            for machine in self.groups[name] if name != "all" else ():
                found.setdefault(machine, []).append(name)
        return {machine: tuple(names) for machine, names in found.items()}
