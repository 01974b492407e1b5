#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Keep a secret of a team's vault
description:
  - Sets a secret where it has another value, or deletes it.
  - The value that is there is compared and not revealed. It is in no result, log, difference, or
    process list; the files hold it encrypted only.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.home.module
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Whoever may set a secret and not read it is not told whether it has that value already.
        Each of their runs sets it.
options:
  name:
    description: The secret's name.
    type: str
    required: true
    aliases: [key]
  team:
    description: The team that it is of.
    type: str
    required: true
  state:
    description:
      - V(present) sets it where it is not there or has another value.
      - V(absent) deletes it. What was committed to git stays in its history.
    type: str
    choices: [present, absent]
    default: present
  value:
    description:
      - Its value, a text. Required with O(state=present).
      - It should come from a vaulted variable or a lookup, not from the playbook.
    type: str
  scope:
    description:
      - V(vars) is a variable that the team's playbooks read, V(private) is one that none reads.
      - Without it a secret that exists is kept in its scope, and a new one is a variable.
    type: str
    choices: [vars, private]
seealso:
  - module: rediacc.core.member
  - plugin: rediacc.core.secret
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Have the database password in the vault of production
  rediacc.core.secret:
    name: db_password
    team: prod
    value: "{{ lookup('ansible.builtin.env', 'DB_PASSWORD') }}"
  register: password

- name: Tell that it is another one now
  ansible.builtin.debug:
    msg: The database password changed
  when: password is changed

- name: Keep a key that no playbook reads
  rediacc.core.secret:
    name: backup_token
    team: prod
    scope: private
    value: "{{ vaulted_backup_token }}"

- name: Delete what is not used any more
  rediacc.core.secret:
    name: old_password
    team: prod
    state: absent
"""

RETURN = r"""
secret:
  description: The secret, without its value.
  returned: when there is or was one
  type: dict
  contains:
    name:
      description: Its name.
      returned: success
      type: str
      sample: db_password
    team:
      description: The team that it is of.
      returned: success
      type: str
      sample: prod
    scope:
      description: V(vars) for a variable that playbooks read, V(private) for one that none reads.
      returned: success
      type: str
      sample: vars
    path:
      description: The encrypted file that holds it, relative to the home where it lies there.
      returned: success
      type: str
      sample: inventories/prod/group_vars/all/vault.yml
    set_at:
      description: When rediacc set it, in UTC; null for what came with the repository.
      returned: success
      type: str
    set_by:
      description: Who set it.
      returned: success
      type: str
    error:
      description: Always empty.
      returned: success
      type: str
"""
