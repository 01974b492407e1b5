# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A team's inventory on its way into another one: as Ansible reads it, or as rediacc tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars, sort_groups
from ansible.inventory.manager import InventoryManager
from ansible.parsing.vault import EncryptedString
from ansible.template import trust_as_template
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources


class SourceInventory:
    """A team's inventory as Ansible itself reads it here: encrypted values stay encrypted.

    :param source: what Ansible takes as C(-i).
    :raises AnsibleParserError: it cannot read it; why, it has told as warnings.
    """

    def __init__(self, loader, source: str, *, cache: bool) -> None:
        self._loader = loader
        self._sources = [source]
        self._manager = InventoryManager(loader=loader, sources=self._sources, parse=False)
        if not self._manager.parse_source(source, cache=cache):
            raise AnsibleParserError(f"Ansible cannot read the inventory {source}")
        self._manager.reconcile_inventory()
        self._group_vars: dict[str, dict] = {}

    @property
    def machines(self) -> list[str]:
        """Their names, in inventory order."""
        return [host.name for host in self._manager.get_hosts()]

    def groups(self) -> Iterator[tuple[str, int, list[str], list[str]]]:
        """Yield each group's name, priority, own machines and child groups."""
        for group in sort_groups(self._manager.groups.values()):
            machines = [host.name for host in group.hosts]
            yield group.name, group.priority, machines, [kid.name for kid in group.child_groups]

    def groups_of(self, machine: str) -> list[str]:
        """Return all groups that hold a machine, without C(all)."""
        host = self._manager.get_host(machine)
        return [group.name for group in host.get_groups() if group.name != "all"]

    def group_variables(self, name: str) -> dict:
        """Return a group's own variables, those of C(group_vars) among them."""
        if name not in self._group_vars:
            group = self._manager.groups[name]
            self._group_vars[name] = combine_vars(group.get_vars(), self._from_files([group]))
        return self._group_vars[name]

    def machine_variables(self, machine: str) -> dict:
        """Return a machine's own variables, those of C(host_vars) among them."""
        host = self._manager.get_host(machine)
        return combine_vars(host.vars, self._from_files([host]))

    def all_variables(self, machine: str) -> dict:
        """Return what Ansible makes of a machine's and its groups' variables.

        The order is that of VARIABLE_PRECEDENCE, as far as it is about inventories.
        """
        host = self._manager.get_host(machine)
        groups = sort_groups(host.get_groups())
        everybody = [group for group in groups if group.name == "all"]
        others = [group for group in groups if group.name != "all"]
        merged = get_group_vars(everybody)
        for part in (
            get_group_vars(others),
            self._from_files(everybody),
            *(self._from_files([group]) for group in others),
            self.machine_variables(machine),
        ):
            merged = combine_vars(merged, part)
        return merged

    def _from_files(self, entities: list) -> dict:
        return get_vars_from_inventory_sources(self._loader, self._sources, entities, "all")


class ToldInventory:
    """A team's inventory as the operation C(inventory.read) told it.

    :param told: one entry of its answer.
    """

    def __init__(self, told: Mapping) -> None:
        self._told = told
        self._is_trusted = not told["has_uncertain_trust"]

    @property
    def machines(self) -> list[str]:
        """Their names, in inventory order."""
        return list(self._told["machines"])

    def groups(self) -> Iterator[tuple[str, int, list[str], list[str]]]:
        """Yield each group's name, priority, own machines and child groups."""
        for name, group in self._told["groups"].items():
            yield name, 1, list(group["machines"]), list(group["children"])

    def groups_of(self, machine: str) -> list[str]:
        """Return all groups that hold a machine, without C(all)."""
        groups = self._told["groups"]
        found = {name for name, group in groups.items() if machine in group["machines"]}
        fresh = found
        while fresh:
            fresh = {
                name
                for name, group in groups.items()
                if name not in found and not found.isdisjoint(group["children"])
            }
            found |= fresh
        return sorted(found - {"all"})

    def group_variables(self, _name: str) -> dict:
        """Return nothing: what comes from groups is told with each machine."""
        return {}

    def machine_variables(self, machine: str) -> dict:
        """Return a machine's and its groups' variables."""
        return self.all_variables(machine)

    def all_variables(self, machine: str) -> dict:
        """Return a machine's and its groups' variables."""
        variables = self._told["machines"][machine]["variables"]
        return {name: self._value(value) for name, value in variables.items()}

    def _value(self, value: object) -> object:
        """Return a value as Ansible had it before it wrote it as JSON."""
        if isinstance(value, Mapping):
            if value.keys() == {"__ansible_vault"}:
                return EncryptedString(ciphertext=str(value["__ansible_vault"]))
            if value.keys() == {"__ansible_unsafe"}:
                return str(value["__ansible_unsafe"])
            return {name: self._value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, str) and self._is_trusted:
            return trust_as_template(value)
        return value
