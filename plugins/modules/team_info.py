#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: team_info
short_description: Read teams
description:
  - Returns the teams of a home that the caller may see, with their inventories.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.attributes.info
  - rediacc.core.home.module
options:
  name:
    description:
      - Only the team of this name; without it all of them.
      - That there is none of that name is no error.
    type: str
seealso:
  - module: rediacc.core.team
"""

EXAMPLES = r"""
- name: Read all teams
  rediacc.core.team_info:
  register: result

- name: Show how many machines each has
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.machine_count }}"
  loop: "{{ result.teams }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
teams:
  description: One entry for each team.
  returned: success
  type: list
  elements: dict
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
