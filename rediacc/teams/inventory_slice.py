"""The part of an inventory that one ad-hoc task needs, exact or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rediacc.teams.inventory_data import Inventory

__all__ = ["slice_inventory"]

# Names that mean something else once the other machines, the inventory's place or the play are
# not those of the whole inventory.
_WIDER = re.compile(
    r"\b(?:hostvars|groups|play_hosts|ansible_play\w*|ansible_inventory_sources|ansible_limit"
    r"|inventory_dir|inventory_file|playbook_dir|inventory_hostnames)\b"
)
_LOOKUP = re.compile(r"\b(?:lookup|query|q)\s*\(\s*(?:['\"](?:ansible\.builtin\.)?(\w+)['\"])?")
# Lookups whose answer depends on nothing but their arguments and the world outside.
_PLAIN_LOOKUPS = {"env", "pipe", "password", "vars", "url", "dict", "items", "random_choice"}
# What yaml or json may have turned from another type into text: keys that were numbers, dates.
_RETYPED_KEY = re.compile(
    r"[-+]?[0-9._]+(?:e[-+]?\d+)?|true|false|null|none|yes|no|on|off|~|", re.IGNORECASE
)
_RETYPED_TEXT = re.compile(r"\d{4}-\d\d?-\d\d?(?:[Tt ].*)?")
# Names that the inventory file's own language does not take for ranges or ports.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_TAGGED = {"__ansible_unsafe", "__ansible_vault"}


def slice_inventory(inventory: Inventory, machines: Sequence[str]) -> dict[str, Any] | None:
    """Return an inventory of exactly `machines`, for Ansible's yaml plugin to read as JSON.

    Their variables and group names are the same as with the whole inventory. Variables that come
    from groups become the machine's own.

    :returns: ``None`` when that cannot be promised; the whole inventory must serve then.
    """
    if inventory.has_hidden_variables or not machines:
        return None
    variables: dict[str, Mapping[str, Any]] = {}
    for machine in machines:
        if machine not in inventory.hosts or _PLAIN_NAME.fullmatch(machine) is None:
            return None
        own = inventory.hosts[machine]
        if not all(
            _is_exact(value, is_trusted=not inventory.has_uncertain_trust) for value in own.values()
        ):
            return None
        variables[machine] = own
    wanted = [machine for machine in inventory.hosts if machine in variables]
    children = _Nesting(inventory, wanted).children("all")
    if children is None:
        return None
    return {
        "all": {"hosts": {name: dict(variables[name]) for name in wanted}, "children": children}
    }


def _is_exact(value: Any, *, is_trusted: bool) -> bool:
    if isinstance(value, str):
        return _is_exact_text(value, is_trusted=is_trusted)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(_is_exact(item, is_trusted=is_trusted) for item in value)
    if isinstance(value, dict):
        if len(value) == 1 and value.keys() <= _TAGGED:
            return True
        return all(
            _RETYPED_KEY.fullmatch(name) is None
            and name not in _TAGGED
            and _is_exact(item, is_trusted=is_trusted)
            for name, item in value.items()
        )
    return True


def _is_exact_text(text: str, *, is_trusted: bool) -> bool:
    if not is_trusted and ("{{" in text or "{%" in text or "{#" in text):
        return False
    if _WIDER.search(text) or _RETYPED_TEXT.fullmatch(text):
        return False
    return all(name in _PLAIN_LOOKUPS for name in _LOOKUP.findall(text))


class _Nesting:
    """Rebuilds the part of the group tree that leads to some machines."""

    def __init__(self, inventory: Inventory, machines: Sequence[str]) -> None:
        self._structure = inventory.structure
        self._wanted = dict.fromkeys(machines)
        self._own = {
            name: [machine for machine in group.machines if machine in self._wanted]
            for name, group in inventory.structure.items()
        }
        self._leads = self._leading()
        self._told: set[str] = set()

    def _leading(self) -> set[str]:
        found = {name for name, own in self._own.items() if own}
        grows = True
        while grows:
            more = {
                name
                for name, group in self._structure.items()
                if name not in found and not found.isdisjoint(group.children)
            }
            found |= more
            grows = bool(more)
        return found

    def children(self, parent: str) -> dict[str, Any] | None:
        """Return the child groups of `parent`, each told once; ``None`` for a group unheard of."""
        children: dict[str, Any] = {}
        for name in self._structure[parent].children:
            if name not in self._leads or name == "ungrouped":
                continue
            if not name.isprintable():
                return None
            if name in self._told:
                children[name] = {}
                continue
            self._told.add(name)
            nested = self.children(name)
            if nested is None:
                return None
            children[name] = {
                "hosts": {machine: {} for machine in self._own[name]},
                "children": nested,
            }
        return children
