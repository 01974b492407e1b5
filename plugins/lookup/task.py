# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tasks of the queue."""

from __future__ import annotations

DOCUMENTATION = r"""
name: task
short_description: Read a task of the queue
description:
  - Returns how tasks stand and what they left on each machine, as M(rediacc.core.task_info) does.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.home
options:
  _terms:
    description: Numbers or UUIDs of tasks, or idempotency keys, see O(by).
    type: list
    elements: str
    required: true
  by:
    description: What the terms are.
    type: str
    choices: [id, idempotency_key]
    default: id
  team:
    description: The team of the tasks; needed where two teams have tasks of the same key.
    type: str
  field:
    description:
      - Only this value, for example V(state), V(rc) or V(elapsed).
      - What lies deeper is named by a list, for example V([results, web-01, stdout]).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Go on only after last night's backup
  ansible.builtin.assert:
    that: state == 'succeeded'
  vars:
    state: "{{ lookup('rediacc.core.task', night, by='idempotency_key', field='state') }}"
    night: backup-2026-11-22

- name: Show what a machine said
  ansible.builtin.debug:
    msg: "{{ lookup('rediacc.core.task', 42, field=['results', 'web-01', 'stdout']) }}"
"""

RETURN = r"""
_raw:
  description: One entry for each term, or the value of O(field) of each.
  type: list
  elements: raw
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import (
    RediaccFailure,
    open_rediacc,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._task_values import values_of_detail

_HOME_OPTIONS = ("rediacc_home", "rediacc_token", "rediacc_program")


class LookupModule(LookupBase):
    """Reads tasks."""

    def run(self, terms, variables=None, **kwargs):
        """Return the tasks or a value of each."""
        self.set_options(var_options=variables, direct=kwargs)
        options = {name: self.get_option(name) for name in _HOME_OPTIONS}
        try:
            with open_rediacc(options) as office:
                return [self._chosen(self._read(office, str(term)), term) for term in terms]
        except RediaccFailure as exc:
            raise AnsibleLookupError(f"rediacc: {exc}") from None

    def _read(self, office, term):
        number = term if self.get_option("by") == "id" else self._number_of(office, term)
        return values_of_detail(office.perform("task.inspect", {"id": number}))

    def _number_of(self, office, key):
        asked = {"idempotency_key": key, "limit": 2}
        if self.get_option("team") is not None:
            asked["team"] = self.get_option("team")
        found = office.perform("task.list", asked)
        if not found:
            raise RediaccFailure(f"there is no task with the idempotency key {key!r}")
        if len(found) > 1:
            teams = ", ".join(task["team"] for task in found)
            raise RediaccFailure(f"several teams have a task with the key {key!r}: {teams}")
        return str(found[0]["id"])

    def _chosen(self, task, term):
        value = task
        for name in self.get_option("field") or ():
            if not isinstance(value, dict) or name not in value:
                path = ".".join(self.get_option("field"))
                raise RediaccFailure(f"task {term} has no value {path}")
            value = value[name]
        return value
