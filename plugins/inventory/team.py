# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams of rediacc as an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: team
short_description: The inventories of rediacc's teams, with the state and health of machines
description:
  - Gives the machines of one team or of several, with the variables and groups that the
    inventories of these teams give them, and with what rediacc knows of them.
  - Reads files whose names end in C(.rediacc.yml) or C(.rediacc.yaml).
  - Each team has a group of its own, see O(team_group_prefix).
  - One team keeps its groups as they are, with their variables. Of several teams, each machine is
    in the groups that it has in its own team, and its variables come from that team only, those of
    groups as its own; groups have no variables and no child groups then, so that no team's settings
    reach a machine of another. A machine's name that two teams have is an error.
  - Encrypted values stay encrypted. Encrypted files of variables are opened as Ansible opens them,
    so that their passwords are needed (C(--vault-id TEAM@CLIENT), see C(rediacc vault-client));
    what they hold is never in the cache.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - rediacc.core.home
requirements:
  - to be enabled, as C(auto) is in C([inventory] enable_plugins) by default
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices: [rediacc.core.team]
  teams:
    description: The teams; without it all that the caller may see.
    type: list
    elements: str
    default: []
  team_group_prefix:
    description: What the name of each team's group begins with, before the name of the team.
    type: str
    default: team_
  reader:
    description:
      - Who reads the teams' inventories.
      - V(ansible) is this Ansible, from their files, as with C(-i); what it sees is exactly what it
        would see without this plugin.
      - V(rediacc) takes what rediacc has read and keeps, which is quicker for large and dynamic
        inventories, and needs no access to the files. It has no values of encrypted files; of
        teams with such files only addresses, ports and accounts, and a warning says so.
    type: str
    choices: [ansible, rediacc]
    default: ansible
notes:
  - Each machine has the variables C(rediacc_team), C(rediacc_state) (V(online), V(maintenance) or
    V(offline)), C(rediacc_health) (V(ok), V(overloaded), V(unreachable), V(stale), V(unknown)),
    C(rediacc_sample) (the numbers of the newest look at it, empty without one),
    C(rediacc_running) (the numbers of the tasks that run on it) and C(rediacc_pending) (how many
    tasks wait for it).
  - With O(cache) a second call asks rediacc nothing. A look that grows old in the cache becomes
    V(stale) all the same.
  - Files for this plugin lie outside of the inventories of teams.
"""

EXAMPLES = r"""
# prod.rediacc.yml: one team, as with -i inventories/production
plugin: rediacc.core.team
teams: [prod]

# everything.rediacc.yml: all teams, grouped by how the machines are
plugin: rediacc.core.team
keyed_groups:
  - key: rediacc_health
    prefix: health
groups:
  busy: rediacc_pending > 10
compose:
  is_free: rediacc_running | length == 0
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/rediacc-inventory
cache_timeout: 60
"""

import datetime
import hashlib
import json
import os

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.template import trust_as_template
from ansible.utils.path import unfrackpath
from ansible.utils.vars import combine_vars
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import (
    RediaccFailure,
    open_rediacc,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._team_inventory import (
    SourceInventory,
    ToldInventory,
)

_SUFFIXES = (".rediacc.yml", ".rediacc.yaml")
_HOME_OPTIONS = ("rediacc_home", "rediacc_token", "rediacc_program")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Gives teams' machines."""

    NAME = "rediacc.core.team"

    _reading = set()

    def verify_file(self, path):
        """Say whether a file is for this plugin."""
        return super().verify_file(path) and str(path).endswith(_SUFFIXES)

    def parse(self, inventory, loader, path, cache=True):
        """Add the teams that a file names."""
        super().parse(inventory, loader, path, cache=cache)
        if self._reading or os.environ.get("REDIACC_READS_INVENTORY"):
            raise AnsibleParserError(
                f"{path} lies in the inventory of a team, which it is to read: move it elsewhere"
            )
        self._read_config_data(path)
        self._reading.add(path)
        try:
            self._fill(self._told(path, cache=cache), cache=cache)
        except RediaccFailure as exc:
            raise AnsibleParserError(f"rediacc: {exc}") from None
        finally:
            self._reading.discard(path)

    # -- what rediacc tells

    def _told(self, path, *, cache):
        """Return the answer of the operation, or what the cache holds of it."""
        is_cached = self.get_option("cache")
        key = f"{self.get_cache_key(path)}_{self._digest()}" if is_cached else ""
        if is_cached and cache:
            try:
                return self._cache[key]
            except KeyError:
                pass
        told = self._ask(path)
        if is_cached:
            self._cache[key] = told
        return told

    def _digest(self):
        """Name what the answer depends on, beside the file's path."""
        options = {name: self.get_option(name) for name in (*_HOME_OPTIONS, "teams", "reader")}
        return hashlib.sha256(json.dumps(options, default=str).encode()).hexdigest()[:12]

    def _ask(self, path):
        options = {name: self.get_option(name) for name in _HOME_OPTIONS}
        request = {
            "teams": self.get_option("teams"),
            "contents": self.get_option("reader") == "rediacc",
        }
        with open_rediacc(options, start=self._start(path)) as office:
            return office.perform("inventory.read", request)

    def _start(self, path):
        """Return where the home is looked for: from here, else from the file."""
        here = os.getcwd()
        found = here
        while not os.path.exists(os.path.join(found, "rediacc.toml")):
            parent = os.path.dirname(found)
            if parent == found:
                return os.path.dirname(unfrackpath(path))
            found = parent
        return here

    # -- what becomes of it

    def _fill(self, told, *, cache):
        sources = {one["team"]: self._source(one, cache=cache) for one in told}
        self._check_names(sources)
        for one in told:
            source = sources[one["team"]]
            if len(sources) == 1:
                self._add_whole(source)
            else:
                self._add_flat(source)
            self._add_team(one, source)
        for source in sources.values():
            for machine in source.machines:
                self._construct(machine)

    def _source(self, told, *, cache):
        if self.get_option("reader") == "ansible":
            return SourceInventory(self.loader, told["source"], cache=cache)
        if not told["is_complete"]:
            self.display.warning(
                f"team {told['team']} has encrypted files of variables: only addresses, ports and "
                "accounts of its machines are known here (reader: ansible has all variables)"
            )
        return ToldInventory(told)

    def _check_names(self, sources):
        """Pass when no machine is in two teams."""
        seen = {}
        for team, source in sources.items():
            for machine in source.machines:
                if machine in seen:
                    raise AnsibleParserError(
                        f"machine {machine} is in the teams {seen[machine]} and {team}: "
                        "name the teams in 'teams' so that each name is there once"
                    )
                seen[machine] = team

    def _add_whole(self, source):
        """Add a team's groups and machines as they are."""
        groups = list(source.groups())
        for name, priority, machines, _children in groups:
            self.inventory.add_group(name)
            self._set(name, source.group_variables(name))
            if priority != 1:
                self.inventory.set_variable(name, "ansible_group_priority", priority)
            for machine in machines:
                self.inventory.add_host(machine, name)
        for name, _priority, _machines, children in groups:
            for child in children:
                self.inventory.add_child(name, child)
        for machine in source.machines:
            self.inventory.add_host(machine)
            self._set(machine, source.machine_variables(machine))
            self._correct(machine, source.all_variables(machine))

    def _correct(self, machine, wanted):
        """Give a machine what its groups give it in another order of precedence in files."""
        given = self._variables(machine)
        for name, value in wanted.items():
            if name not in given or given[name] is not value:
                self.inventory.set_variable(machine, name, value)

    def _add_flat(self, source):
        """Add a team's machines to the groups of the same names, which have no variables."""
        for machine in source.machines:
            self.inventory.add_host(machine)
            for name in source.groups_of(machine):
                if name != "ungrouped":
                    self.inventory.add_group(name)
                    self.inventory.add_child(name, machine)
            self._set(machine, source.all_variables(machine))

    def _set(self, entity, variables):
        for name, value in variables.items():
            self.inventory.set_variable(entity, name, value)

    def _add_team(self, told, source):
        """Add the team's group, and what rediacc knows of its machines."""
        prefix = self.get_option("team_group_prefix")
        group = self._sanitize_group_name(f"{prefix}{told['team']}")
        if group in self.inventory.groups:
            raise AnsibleParserError(
                f"there is a group {group}, which is the name of the group of team "
                f"{told['team']}: set another team_group_prefix"
            )
        self.inventory.add_group(group)
        for machine in source.machines:
            self.inventory.add_child(group, machine)
            self._set(machine, self._known(told, machine))

    def _known(self, told, machine):
        known = told["machines"].get(machine, {})
        sample = dict(known.get("health") or {})
        health = "unknown"
        if sample:
            age = _age(sample["at"])
            health = "stale" if age > told["stale_seconds"] else sample["state"]
            sample.update(state=health, age_seconds=age)
        return {
            # Words of rediacc's own; what a machine said stays what it is, no template.
            "rediacc_team": trust_as_template(told["team"]),
            "rediacc_state": trust_as_template(known.get("state", "online")),
            "rediacc_health": trust_as_template(health),
            "rediacc_sample": sample,
            "rediacc_running": list(known.get("running", ())),
            "rediacc_pending": known.get("pending_count", 0),
        }

    def _construct(self, machine):
        strict = self.get_option("strict")
        variables = self._variables(machine)
        self._set_composite_vars(self.get_option("compose"), variables, machine, strict=strict)
        variables = self._variables(machine)
        for add, option in (
            (self._add_host_to_composed_groups, "groups"),
            (self._add_host_to_keyed_groups, "keyed_groups"),
        ):
            add(self.get_option(option), variables, machine, strict=strict, fetch_hostvars=False)

    def _variables(self, machine):
        host = self.inventory.get_host(machine)
        return combine_vars(get_group_vars(host.get_groups()), host.get_vars())


def _age(at):
    seen = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
    return max(0.0, (datetime.datetime.now(datetime.timezone.utc) - seen).total_seconds())
