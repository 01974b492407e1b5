#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert
short_description: Look after alerts, close them, silence them
description:
  - Acknowledges or closes alerts, by number or all that fit.
  - Begins and ends silences, so that planned work alarms nobody.
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
    support: full
options:
  state:
    description:
      - V(acknowledged) says that somebody looks after alerts that are open; their updates are no
        longer sent. Alerts that are over stay so.
      - V(resolved) says that alerts are over; whoever was told of them is told so.
      - V(silenced) has nothing sent, for a time, of alerts that fit; they are recorded.
      - V(unsilenced) ends the silences that cover exactly what O(team), O(rule) and O(machine)
        say.
    type: str
    choices: [acknowledged, resolved, silenced, unsilenced]
    required: true
  id:
    description: The numbers of the alerts to acknowledge or close.
    type: list
    elements: str
    aliases: [ids]
  team:
    description:
      - Of this team, all alerts that are not over, or what a silence covers.
      - Without it a silence covers the whole home, which takes a role in it.
    type: str
  rule:
    description: Of this rule, such as V(task-failed); without it of all.
    type: str
  machine:
    description: The machine, or the pattern of names, that a silence covers; without it all.
    type: str
  duration:
    description:
      - How long a new silence lasts, such as V(1h). Required with O(state=silenced).
      - A silence of the same alerts that holds already stays as it is, whenever it ends.
    type: str
  why:
    description: Why a silence is made.
    type: str
    default: ""
seealso:
  - module: rediacc.core.alert_info
"""

EXAMPLES = r"""
- name: Say nothing of production while it is upgraded
  rediacc.core.alert:
    team: prod
    state: silenced
    duration: 1h
    why: upgrade of the database

- name: Speak again
  rediacc.core.alert:
    team: prod
    state: unsilenced

- name: Say that somebody looks after two alerts
  rediacc.core.alert:
    id: [3, 4]
    state: acknowledged

- name: Close all alerts about failed tasks of staging
  rediacc.core.alert:
    team: staging
    rule: task-failed
    state: resolved
"""

RETURN = r"""
alerts:
  description: The alerts as they are now.
  returned: with O(state=acknowledged) and O(state=resolved)
  type: list
  elements: dict
  contains:
    id:
      description: Its number.
      returned: success
      type: int
      sample: 3
    rule:
      description: The rule that raised it.
      returned: success
      type: str
      sample: task-failed
    severity:
      description: V(critical), V(error), V(warning) or V(info).
      returned: success
      type: str
      sample: error
    state:
      description: V(open), V(acknowledged) or V(resolved).
      returned: success
      type: str
      sample: open
    team:
      description: The team that it is about; empty for the whole home.
      returned: success
      type: str
    title:
      description: What is wrong, on one line.
      returned: success
      type: str
    number:
      description: How many events it counts, or how many things are wrong now.
      returned: success
      type: int
    first_at:
      description: When it began, in UTC.
      returned: success
      type: str
    last_at:
      description: When it was last seen, in UTC.
      returned: success
      type: str
    resolved_at:
      description: When it was over, in UTC.
      returned: success
      type: str
    acknowledged_at:
      description: Since when somebody looks after it, in UTC.
      returned: success
      type: str
    acknowledged_by:
      description: Who does.
      returned: success
      type: str
    tasks:
      description: The numbers of the tasks that it is about.
      returned: success
      type: list
      elements: int
    command:
      description: The command to look at it with.
      returned: success
      type: str
silences:
  description: The silences that the task is about.
  returned: with O(state=silenced) and O(state=unsilenced)
  type: list
  elements: dict
  contains:
    id:
      description: Its number.
      returned: success
      type: int
    team:
      description: The team that it covers; empty for all.
      returned: success
      type: str
    rule:
      description: The rule that it covers; empty for all.
      returned: success
      type: str
    machine:
      description: The machine or pattern of names that it covers; empty for all.
      returned: success
      type: str
    why:
      description: Why it was made.
      returned: success
      type: str
    created_by:
      description: Who made it.
      returned: success
      type: str
    created_at:
      description: When it was made, in UTC.
      returned: success
      type: str
    until:
      description: When it ends, in UTC.
      returned: success
      type: str
    is_active:
      description: Whether it holds now.
      returned: success
      type: bool
"""
