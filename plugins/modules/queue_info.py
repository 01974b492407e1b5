#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_info
short_description: Read the queue
description:
  - Returns what is pending, in the order of the starts and with the reason why each task waits,
    what runs, how deep the queue is by level and team, and the workers.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.attributes.info
  - rediacc.core.home.module
options:
  team:
    description: Only this team; without it all that the caller may see.
    type: str
  limit:
    description: At most so many tasks in RV(pending).
    type: int
    default: 100
seealso:
  - module: rediacc.core.task_info
"""

EXAMPLES = r"""
- name: Look at the queue
  rediacc.core.queue_info:
    team: prod
  register: queue

- name: Stop here when nobody would do the work
  ansible.builtin.assert:
    that: queue.workers_alive > 0
    fail_msg: no worker is running

- name: Show why tasks wait
  ansible.builtin.debug:
    msg: "{{ item.id }} {{ item.title }}: {{ item.why }}"
  loop: "{{ queue.pending }}"
  loop_control:
    label: "{{ item.id }}"
"""

RETURN = r"""
pending:
  description:
    - Pending tasks in the order of their start; then those that wait for a time; held ones last.
  returned: success
  type: list
  elements: dict
  contains:
    why:
      description: Why it waits.
      returned: success
      type: str
    held:
      description: Whether it waits for a person.
      returned: success
      type: bool
    id:
      description: The task's number.
      returned: success
      type: int
      sample: 42
    task_id:
      description: The same as C(id).
      returned: success
      type: int
    uid:
      description: The task's UUID.
      returned: success
      type: str
    team:
      description: The team whose machines it is for.
      returned: success
      type: str
    kind:
      description: V(command), V(shell), V(module) or V(playbook).
      returned: success
      type: str
    title:
      description: What it runs, on one line, cut where it is long.
      returned: success
      type: str
    named:
      description: The named task that it was made from, if it was.
      returned: success
      type: str
    machines:
      description: The machines that it is for.
      returned: success
      type: list
      elements: str
    priority:
      description: Its level, 1 (critical) to 5 (minimal).
      returned: success
      type: int
    labels:
      description: Its labels.
      returned: success
      type: dict
    created_by:
      description: Who queued it.
      returned: success
      type: str
    state:
      description: V(pending), V(running), V(succeeded), V(failed) or V(cancelled).
      returned: success
      type: str
    reason:
      description:
        - Why it is in this state, such as V(queued), V(busy machine), V(rc), V(unreachable).
      returned: success
      type: str
    rc:
      description: The exit code of its command; of several machines the first that is not 0.
      returned: when a command ended
      type: int
    queued_at:
      description: When it was queued, in UTC.
      returned: success
      type: str
      sample: "2030-01-31T17:00:00.000000Z"
    started_at:
      description: When it first started, or started anew after somebody tried it again.
      returned: success
      type: str
    finished_at:
      description: When it ended.
      returned: success
      type: str
    queue_seconds:
      description: How long it waited for its start.
      returned: success
      type: float
    elapsed:
      description: How many seconds it took from its first start to its end.
      returned: success
      type: float
    attempts:
      description: How often it has been tried.
      returned: success
      type: int
    retries_left:
      description: How often its retry policy would still try it again.
      returned: success
      type: int
running:
  description: The tasks that run, with the same keys but C(why) and C(held).
  returned: success
  type: list
  elements: dict
total:
  description: How deep the queue is in all.
  returned: success
  type: dict
  contains:
    pending:
      description: All that neither run nor have ended; the sum of the next four.
      returned: success
      type: int
    runnable:
      description: Wait for nothing but their turn and a free slot.
      returned: success
      type: int
    blocked:
      description: Wait for a machine or for the team's limit.
      returned: success
      type: int
    scheduled:
      description: Wait for their time, or for their retry.
      returned: success
      type: int
    held:
      description: Wait for a person.
      returned: success
      type: int
    running:
      description: Run.
      returned: success
      type: int
    arrivals_hour:
      description: Were queued in the last hour.
      returned: success
      type: int
    completions_hour:
      description: Ended in the last hour.
      returned: success
      type: int
    failures_hour:
      description: Failed in the last hour.
      returned: success
      type: int
    oldest_seconds:
      description: For how long the oldest of the runnable and blocked ones has waited.
      returned: success
      type: float
levels:
  description: The same for each level, 1 first, with C(level).
  returned: success
  type: list
  elements: dict
teams:
  description: The same for each team, with C(team).
  returned: success
  type: list
  elements: dict
workers:
  description:
    - The workers of the home, with C(host), C(pid), C(slots), C(is_alive) and the numbers of their
      C(tasks).
  returned: success
  type: list
  elements: dict
workers_alive:
  description: How many of them are alive.
  returned: success
  type: int
"""
