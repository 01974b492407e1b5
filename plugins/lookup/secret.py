# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read secrets from teams' vaults."""

from __future__ import annotations

DOCUMENTATION = r"""
name: secret
short_description: Read a secret from a team's vault
description:
  - Returns the values of secrets, as C(rediacc get secret) does; each call is in the audit.
  - The caller needs the right to read secrets in the team (the role maintainer has it).
  - Where the callback P(rediacc.core.results#callback) or P(rediacc.core.alert#callback) is on,
    which it is in all runs of rediacc, the value is masked from then on in what it records and
    tells. Ansible itself does not know that it is secret, so that tasks which are given it need
    C(no_log=true).
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.home
options:
  _terms:
    description: The names of the secrets.
    type: list
    elements: str
    required: true
  team:
    description:
      - The team. Without it, the variable C(rediacc_team) of the machine, which the inventory
        P(rediacc.core.team#inventory) sets; else the only team of the home.
    type: str
  scope:
    description:
      - V(vars) for a variable of playbooks, V(private) for what only rediacc reads.
      - Needed only where there are two secrets of a name.
    type: str
    choices: [vars, private]
  default:
    description: What to return for a secret that does not exist; without it that is an error.
    type: raw
seealso:
  - name: Team vaults
    description: What lies where, and who can read it.
    link: https://github.com/rediacc/core/blob/main/docs/vaults.md
"""

EXAMPLES = r"""
- name: Log in
  ansible.builtin.uri:
    url: https://registry.example.com/login
    method: POST
    body_format: json
    body:
      password: "{{ lookup('rediacc.core.secret', 'registry_password', team='prod') }}"
  no_log: true

- name: Work without a proxy where no one is set
  ansible.builtin.set_fact:
    proxy: "{{ lookup('rediacc.core.secret', 'proxy_url', default='') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description:
    - The values, in the order of the names. A variable that is no text is returned as it is.
  type: list
  elements: raw
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.rediacc.core.plugins.plugin_utils._process_secrets import learn_value
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import (
    RediaccFailure,
    open_rediacc,
)

_HOME_OPTIONS = ("rediacc_home", "rediacc_token", "rediacc_program")


class LookupModule(LookupBase):
    """Reads secrets."""

    def run(self, terms, variables=None, **kwargs):
        """Return the values."""
        self.set_options(var_options=variables, direct=kwargs)
        team = self.get_option("team") or (variables or {}).get("rediacc_team")
        options = {name: self.get_option(name) for name in _HOME_OPTIONS}
        try:
            with open_rediacc(options) as office:
                return [self._read(office, str(name), team, kwargs) for name in terms]
        except RediaccFailure as exc:
            raise AnsibleLookupError(f"rediacc: {exc}") from None

    def _read(self, office, name, team, given):
        request = {"name": name, "scope": self.get_option("scope")}
        if team is not None:
            request["team"] = str(team)
        try:
            value = office.perform("secret.get", request)["value"]
        except RediaccFailure as exc:
            if exc.code == "not_found" and "default" in given:
                return self.get_option("default")
            raise
        learn_value(value)
        return value
