#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: task_retry
short_description: Queue tasks again
description:
  - Queues failed and cancelled tasks again, for the machines that did not succeed. Tasks that
    have not ended stay as they are.
  - Fails for a task that has succeeded, and for one that is held, whose command may have run.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.home.module
  - rediacc.core.waiting
  - rediacc.core.waiting.ids
  - rediacc.core.waiting.wait
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: A task that has failed again is queued again.
seealso:
  - module: rediacc.core.task
"""

EXAMPLES = r"""
- name: Try again where it failed
  rediacc.core.task_retry:
    ids: [41, 42]
    wait: true
"""

RETURN = r"""
changed:
  description: Whether any of the tasks was queued again.
  returned: always
  type: bool
msg:
  description: What was done, or what happened on which machine.
  returned: always
  type: str
tasks:
  description:
    - The tasks in the order of O(ids). Of the keys that RV(tasks) has, those of the only task stand
      beside it where there is one.
  returned: success
  type: list
  elements: dict
  contains:
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
    waits:
      description: Why it waits, in words, while it is pending.
      returned: success
      type: list
      elements: str
    hosts:
      description:
        - The names of its machines by how they did last. The keys are V(ok), V(changed), V(failed),
          V(unreachable), V(timed_out), V(skipped), V(cancelled), V(lost), and V(waiting) for those
          that have no result yet.
      returned: success
      type: dict
      sample: {"ok": [], "changed": ["web-01"], "failed": ["web-02"], "waiting": []}
    results:
      description:
        - Each machine's last result by the machine's name. It has C(outcome) (as in C(hosts)),
          C(rc),
          C(msg), C(attempt), C(started_at), C(finished_at) and, of playbooks, C(counts).
        - Its output is in C(stdout), C(stdout_lines), C(stderr) and C(stderr_lines); C(truncated)
          says whether it was cut. What a module returned is in C(result).
      returned: success
      type: dict
      sample: {"web-02": {"outcome": "failed", "rc": 3, "stdout": "", "stderr": "disk full"}}
"""
