#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: machine
short_description: Keep a machine of a team
description:
  - Adds a machine to a team whose inventory rediacc keeps, changes it in place, or removes it.
  - Says of a machine of any team whether it takes work.
  - In the team's hosts file only the entries that change are touched; everything else stays as
    people wrote it. An inventory of yours is never changed, a task that would is refused.
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
    description: The machine's name in the inventory.
    type: str
    required: true
  team:
    description: The team that it is of.
    type: str
    required: true
  state:
    description:
      - V(present) adds it, or changes what the other options say; what is not given stays.
      - V(online), V(maintenance) and V(offline) do so too, and say whether it takes work. What
        runs on it goes on.
      - V(absent) removes it. That is refused while a task for it is pending or running.
    type: str
    choices: [present, absent, online, maintenance, offline]
    default: present
  host:
    description: Its address; without it a new machine is reached by its name.
    type: str
    aliases: [address]
  user:
    description: The account to log in with.
    type: str
  port:
    description: SSH's port.
    type: int
  groups:
    description: The groups that the machine is in by the team's hosts file; V([]) for none.
    type: list
    elements: str
  append_groups:
    description: Whether it stays in the groups of that file that O(groups) does not name.
    type: bool
    default: false
  variables:
    description:
      - Host variables. They are written as they are, in plain text.
      - Secrets belong in the team's vault, see M(rediacc.core.secret).
    type: dict
  purge_variables:
    description:
      - Whether other host variables in the team's hosts file go.
      - Those for address, user and port have options of their own and stay.
    type: bool
    default: false
seealso:
  - module: rediacc.core.machine_info
  - module: rediacc.core.team
"""

EXAMPLES = r"""
- name: Have a machine
  rediacc.core.machine:
    name: web-01
    team: dev
    host: 192.0.2.10
    user: deploy
    groups: [app]
    variables:
      tier: front

- name: Let nothing start on it while it is mended
  rediacc.core.machine:
    name: web-01
    team: dev
    state: maintenance

- name: Give it one group more
  rediacc.core.machine:
    name: web-01
    team: dev
    groups: [canary]
    append_groups: true

- name: Take it out of the team
  rediacc.core.machine:
    name: web-01
    team: dev
    state: absent
"""

RETURN = r"""
machine:
  description: The machine as it is now, or as it was before it was removed.
  returned: when there is or was one
  type: dict
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
        - Its variables as the inventory has them, without values that are vaulted or whose name
          is one of a secret.
      returned: success
      type: dict
"""
