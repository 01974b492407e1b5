#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: team
short_description: Keep a team
description:
  - Makes a team, changes its settings in C(rediacc.toml), or removes it.
  - A team is an Ansible inventory and its people. Over an inventory that exists nothing of it is
    changed; without one rediacc makes an inventory and keeps it.
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
    support: full
  idempotent:
    support: full
options:
  name:
    description: The team's name.
    type: str
    required: true
  state:
    description:
      - V(present) makes it or changes what the other options say; what is not given stays.
      - V(absent) removes it. That is refused while it has a task that is pending or running. An
        inventory of yours and the team's vault stay as they are.
    type: str
    choices: [present, absent]
    default: present
  inventory:
    description:
      - An inventory that exists, a path from the home; without it a new team gets one that
        rediacc keeps.
      - Another one is refused while the team has a task that is pending or running, and for a team
        whose inventory rediacc keeps.
    type: str
  ssh:
    description:
      - V(user) logs in as the account that runs the worker does, V(vault) with a key of the
        team's own, which is made where there is none.
      - A new team that rediacc keeps takes V(vault), one over an inventory V(user).
    type: str
    choices: [user, vault]
  sample_every:
    description: How often a worker looks at CPU, memory and disk, such as V(60s); V(0) for never.
    type: str
  weight:
    description: Its share among teams at one level, 1 to 1000; a new team has 1.
    type: int
seealso:
  - module: rediacc.core.team_info
  - module: rediacc.core.machine
"""

EXAMPLES = r"""
- name: Make an inventory that exists a team
  rediacc.core.team:
    name: prod
    inventory: inventories/production
    sample_every: 60s

- name: Have a team whose machines rediacc keeps
  rediacc.core.team:
    name: dev
    ssh: vault
  register: dev

- name: Show the key that its machines must let in
  ansible.builtin.debug:
    var: dev.team.public_key

- name: Give production twice the share of other teams
  rediacc.core.team:
    name: prod
    weight: 2

- name: Remove a team
  rediacc.core.team:
    name: dev
    state: absent
"""

RETURN = r"""
team:
  description: The team as it is now, or as it was before it was removed.
  returned: when there is or was one
  type: dict
  contains:
    name:
      description: Its name.
      returned: success
      type: str
      sample: prod
    inventory:
      description: Its inventory, relative to the home where it lies there.
      returned: success
      type: str
      sample: inventories/prod
    is_managed:
      description: Whether rediacc keeps the inventory's files.
      returned: success
      type: bool
    ssh:
      description: V(user) where people's own keys log in, V(vault) where a key of the team does.
      returned: success
      type: str
      sample: user
    machine_count:
      description: How many machines it has.
      returned: success
      type: int
    group_count:
      description: How many groups it has, without those that are Ansible's own.
      returned: success
      type: int
    weight:
      description: Its share among teams at one level.
      returned: success
      type: int
    sample_every_seconds:
      description: How often its machines are sampled; null for never.
      returned: success
      type: float
    error:
      description: Why its inventory cannot be read; empty where it can.
      returned: success
      type: str
    public_key:
      description: The public half of its own key to log in with; empty where people's keys do.
      returned: success
      type: str
    vault:
      description: Where its vault's key is, V(file), V(command), or V(repository) without one.
      returned: success
      type: str
"""
