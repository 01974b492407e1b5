#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_info
short_description: Read machines
description:
  - Returns machines of the teams that the caller may see, whether they take work, how much of it
    they have, and the newest look at their health.
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
      - Only machines of this name, with their variables.
      - That there is none is no error.
    type: str
  team:
    description: Only those of this team.
    type: str
  group:
    description: Only those of this group.
    type: str
  state:
    description: Only those in this state.
    type: str
    choices: [online, maintenance, offline]
seealso:
  - module: rediacc.core.machine
  - plugin: rediacc.core.team
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Read the machines of production
  rediacc.core.machine_info:
    team: prod
  register: found

- name: Stop where one of them is full
  ansible.builtin.assert:
    that: (item.health.disk_percent | default(0, true)) < 90
  loop: "{{ found.machines }}"
  loop_control:
    label: "{{ item.name }}"
  when: item.health is not none
"""

RETURN = r"""
machines:
  description: One entry for each machine.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      returned: success
      type: str
      sample: web-01
    team:
      description: The team that it is of.
      returned: success
      type: str
      sample: prod
    state:
      description: Whether it takes work, V(online), V(maintenance) or V(offline).
      returned: success
      type: str
      sample: online
    address:
      description: Where it is reached.
      returned: success
      type: str
      sample: 192.0.2.10
    user:
      description: As whom it is logged into; empty where the inventory does not say.
      returned: success
      type: str
    port:
      description: SSH's port; null where the inventory does not say.
      returned: success
      type: int
    groups:
      description: The groups that it is in, also through other groups.
      returned: success
      type: list
      elements: str
    running:
      description: The numbers of the tasks that run on it.
      returned: success
      type: list
      elements: int
    pending_count:
      description: How many tasks wait for it.
      returned: success
      type: int
    health:
      description: The newest look at it; null when nobody looked.
      returned: success
      type: dict
      contains:
        at:
          description: When that was, in UTC.
          returned: success
          type: str
        age_seconds:
          description: How long ago that was.
          returned: success
          type: float
        state:
          description: V(ok), V(overloaded), V(unreachable), or V(stale), too old to say anything.
          returned: success
          type: str
        is_reachable:
          description: Whether it answered.
          returned: success
          type: bool
        cpus:
          description: How many processors it has.
          returned: success
          type: int
        cpu_percent:
          description: How busy they were.
          returned: success
          type: float
        load1:
          description: The load average of the minute before.
          returned: success
          type: float
        memory_percent:
          description: How much of its memory was in use.
          returned: success
          type: float
        memory_bytes:
          description: How much memory it has.
          returned: success
          type: int
        disk_percent:
          description: How full its fullest real file system was.
          returned: success
          type: float
        disk_path:
          description: Which file system that is.
          returned: success
          type: str
        uptime_seconds:
          description: How long it had been up.
          returned: success
          type: float
        message:
          description: Why numbers are missing.
          returned: success
          type: str
    variables:
      description:
        - Its variables as the inventory has them; vaulted ones stay vaulted.
        - Empty in lists.
      returned: success
      type: dict
unreadable:
  description: The teams whose inventory cannot be read, each with why; empty with O(team).
  returned: success
  type: dict
"""
