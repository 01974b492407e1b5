#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_info
short_description: Read alerts and silences
description:
  - Returns what is wrong in the teams that the caller may see, open alerts first, and what is
    silenced.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.attributes.info
  - rediacc.core.home.module
options:
  id:
    description:
      - Only the alert of this number, with its details.
      - That there is none is no error.
    type: str
  team:
    description: Only those of this team.
    type: str
  rule:
    description: Only those of this rule, such as V(task-failed).
    type: str
  resolved:
    description: Whether alerts that are over are returned too.
    type: bool
    default: false
  details:
    description: Whether each alert comes with its details.
    type: bool
    default: false
  limit:
    description: At most so many.
    type: int
    default: 50
seealso:
  - module: rediacc.core.alert
"""

EXAMPLES = r"""
- name: Read what is wrong in production
  rediacc.core.alert_info:
    team: prod
  register: found

- name: Begin nothing while something is wrong that nobody looks after
  ansible.builtin.assert:
    that: found.alerts | selectattr('state', 'eq', 'open') | list | length == 0
    fail_msg: "{{ found.alerts | map(attribute='title') | join('; ') }}"
"""

RETURN = r"""
alerts:
  description: One entry for each alert.
  returned: success
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
    key:
      description: What makes it the same alert when it comes again.
      returned: with O(id) or O(details)
      type: str
    what:
      description: What it is about.
      returned: with O(id) or O(details)
      type: str
    where:
      description: What is wrong with each machine or secret, by name.
      returned: with O(id) or O(details)
      type: dict
    why:
      description: The last lines of what machines said, masked.
      returned: with O(id) or O(details)
      type: list
      elements: str
    who:
      description: Whose tasks or plays it is about.
      returned: with O(id) or O(details)
      type: list
      elements: str
    why_resolved:
      description: Why it counts as over.
      returned: with O(id) or O(details)
      type: str
    silenced:
      description: Whether a silence keeps its messages back now.
      returned: with O(id) or O(details)
      type: bool
    deliveries:
      description: Its messages and what became of them.
      returned: with O(id) or O(details)
      type: list
      elements: dict
silences:
  description: The silences that hold now.
  returned: success
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
