#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: member
short_description: Keep a member
description:
  - Gives people and programs roles in teams or in the home, and takes them away.
  - A member is an account of the host, or a token that a program shows.
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
    support: partial
    details:
      - With O(renew_token=true) each run makes a new token.
options:
  name:
    description: The member's name; that of an account of the host, or any for a token.
    type: str
    required: true
  state:
    description:
      - V(present) makes the member, or changes its roles and its end.
      - V(absent) takes all roles away. What the member queued stays.
    type: str
    choices: [present, absent]
    default: present
  roles:
    description:
      - The role in each team, by the team's name; C(*) stands for every team that is not named.
      - V(viewer), V(operator), V(maintainer), or one that C(rediacc.toml) defines.
      - Nobody gives more than they have.
    type: dict
  purge_roles:
    description: Whether the roles in teams that O(roles) does not name are taken away.
    type: bool
    default: false
  home_role:
    description:
      - The role in the home as a whole; V(none) takes it away.
      - Without it, what the member has stays.
    type: str
    choices: [none, auditor, owner]
  token:
    description:
      - Whether a new member is a token and no account.
      - The token is in the result of the task that makes it and nowhere after; it is not printed.
    type: bool
    default: false
  renew_token:
    description: Make a new token of that name; the old one holds no longer.
    type: bool
    default: false
  expires_in:
    description:
      - How long a new member or a renewed token holds, such as V(90d).
      - It counts from the moment in which it is made and changes nothing later.
    type: str
  expires_at:
    description:
      - Until when the member holds, as an ISO 8601 time.
      - Unlike O(expires_in) it is kept on every run.
    type: str
notes:
  - In check mode no token is made.
seealso:
  - module: rediacc.core.team
"""

EXAMPLES = r"""
- name: Let anna work in two teams, and nowhere else
  rediacc.core.member:
    name: anna
    roles:
      prod: operator
      staging: maintainer
    purge_roles: true

- name: Make a token for the pipeline
  rediacc.core.member:
    name: ci
    token: true
    roles:
      staging: operator
    expires_in: 90d
  register: ci

- name: Keep it where the pipeline finds it, when it was made just now
  ansible.builtin.copy:
    content: "{{ ci.token }}"
    dest: /etc/pipeline/rediacc-token
    mode: "0600"
  no_log: true
  when: ci.token is defined

- name: Take all roles away
  rediacc.core.member:
    name: anna
    state: absent
"""

RETURN = r"""
member:
  description: The member as it is now, or as it was before it was removed.
  returned: when there is or was one
  type: dict
  contains:
    name:
      description: Its name.
      returned: success
      type: str
      sample: anna
    kind:
      description: V(account) or V(token).
      returned: success
      type: str
      sample: account
    home_role:
      description: V(auditor), V(owner) or empty.
      returned: success
      type: str
    teams:
      description: Its role by team; C(*) stands for every team that is not named.
      returned: success
      type: dict
      sample: {prod: operator}
    created_at:
      description: When it was made, in UTC.
      returned: success
      type: str
    created_by:
      description: Who made it.
      returned: success
      type: str
    expires_at:
      description: Until when it holds, in UTC; null for ever.
      returned: success
      type: str
    used_at:
      description: When it last asked for something, to the minute.
      returned: success
      type: str
    is_expired:
      description: Whether it holds no longer.
      returned: success
      type: bool
    notes:
      description: What whoever made it should know.
      returned: success
      type: list
      elements: str
token:
  description:
    - The token. It is returned this once.
    - Output of the task is hidden then, as with C(no_log); what registers the result has it.
  returned: when a token was made
  type: str
"""
