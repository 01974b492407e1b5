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
    description: Only the team of this name; without it all of them.
    type: str
"""

EXAMPLES = r"""
- name: Read all teams
  rediacc.core.team_info:
  register: result

- name: Show how many machines each has
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.machines }}"
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
"""
