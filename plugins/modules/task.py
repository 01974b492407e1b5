#!/usr/bin/python
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: task
short_description: Queue a task, wait for it, or cancel it
description:
  - Queues one command, shell line, module call, playbook or named task for machines of one team.
    A worker runs it in its turn; what the queue does with it is what C(rediacc create task) says.
  - With O(wait=true) it returns when the task has ended, and fails when the task did not succeed.
  - With O(state=absent) it cancels a task.
  - The options are named as those of C(rediacc create task).
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.attributes
  - rediacc.core.attributes.actiongroup_rediacc
  - rediacc.core.home.module
  - rediacc.core.waiting
  - rediacc.core.waiting.wait
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Only with O(idempotency_key), or C(taskId) in O(retry). Else each run queues a task.
options:
  state:
    description:
      - V(present) queues a task, V(absent) cancels the one that O(id) or O(idempotency_key) names.
      - A task that has ended, and one that never was, is absent already.
    type: str
    choices: [present, absent]
    default: present
  id:
    description: The number or the UUID of the task to cancel.
    type: str
    aliases: [task_id]
  command:
    description:
      - A program with its arguments. No shell reads it; one with pipes or C($) outside quotes is
        refused, because it would print them and report success.
      - Exactly one of O(command), O(shell), O(module), O(playbook) and O(named) is given.
    type: str
  shell:
    description: A line for C(/bin/sh) on the machine.
    type: str
  module:
    description: The name of an Ansible module.
    type: str
  args:
    description:
      - The arguments of O(module). They are an option of this module, not the keyword of tasks of
        the same name.
    type: dict
  playbook:
    description: A playbook, as a path from the home or as a collection's name of it.
    type: str
  named:
    description:
      - A named task, a file of C(named_tasks/) in the home. O(extra_vars) are its variables.
    type: str
  team:
    description: The team. It follows from the machines where only one team has them.
    type: str
  machines:
    description: Names of machines, or host patterns.
    type: list
    elements: str
    aliases: [machine]
  groups:
    description: Groups of the team's inventory.
    type: list
    elements: str
    aliases: [group]
  all:
    description: All machines of the team.
    type: bool
    default: false
  limit:
    description: Only those that match this host pattern; a playbook's plays say the rest.
    type: str
  any:
    description: Only so many of the machines, those with least work and in good health.
    type: int
  priority:
    description:
      - Its level, V(1) or V(critical) to V(5) or V(minimal); V(normal) where nothing says more.
    type: str
    choices: ["1", "2", "3", "4", "5", critical, high, normal, low, minimal]
  timeout:
    description:
      - How long the task may run on its machines, as seconds or as V(30s), V(5m), V(1h30m).
      - How long this module waits is O(wait_timeout).
    type: str
  not_before:
    description: It starts no sooner than at this time, in ISO 8601 or V(+10m) from now.
    type: str
  expires_in:
    description: It fails when it has not started after so long.
    type: str
  labels:
    description: Marks to find it by.
    type: dict
  idempotency_key:
    description:
      - A key that means one task of the team for ever. A second run with the same content finds
        the task that the first one made, and changes nothing; one with other content fails.
      - With O(wait=true) the module then waits for that task and tells how it did, also when it
        had failed before. The module M(rediacc.core.task_retry) queues it again.
      - Use one where a play may run twice for one purpose, for example when its connection broke.
        An answer that is lost on the way makes no second task in any case.
    type: str
  retry:
    description:
      - The retry policy, with the keys of rediacc's JSON. C(retryCount) retries after the first
        attempt, C(retryDelay) seconds between them, C(backoff), C(maxDelay), C(jitter),
        C(retryOn) (any of V(failed), V(unreachable), V(timed_out), V(syntax), V(auth)),
        C(failureAction) (V(alert), V(none), V(lower) or V(run:NAMED_TASK)), C(onLost).
      - C(taskId), a UUID, names the new task, and the same one with the same content is one task.
    type: dict
  on_lost:
    description: What becomes of it when it was started and nobody saw its end.
    type: str
    choices: [hold, retry, fail]
  exclusive:
    description: Whether nothing else runs on its machines meanwhile, not even level 1.
    type: bool
    default: false
  secrets:
    description:
      - Variables of the environment for O(command) and O(shell), each with the name of a secret of
        the team, never a value. The value is read where the task runs.
    type: dict
  extra_vars:
    description:
      - Ansible's extra variables, or the variables of O(named).
      - They are stored with the task. Secrets belong in the team's vault, which playbooks read.
    type: dict
    aliases: [variables]
  extra_vars_files:
    description:
      - Files of variables on the controller. They are read when the task runs, may be encrypted
        with ansible-vault, and are stored by their names only.
    type: list
    elements: path
  become:
    description: Whether to become another user, V(root) by default.
    type: bool
    default: false
  become_user:
    description: The user to become.
    type: str
  become_method:
    description: How to become that user.
    type: str
  remote_user:
    description: The user to log in as.
    type: str
  check:
    description:
      - Whether the task runs in Ansible's check mode, and so changes nothing on its machines.
      - When this module itself runs in check mode, nothing is queued.
    type: bool
    default: false
  diff:
    description: Whether the task shows differences in files.
    type: bool
    default: false
  tags:
    description: Only tasks of O(playbook) with these tags.
    type: list
    elements: str
  skip_tags:
    description: No tasks of O(playbook) with these tags.
    type: list
    elements: str
  start_at_task:
    description: The task of O(playbook) to start at.
    type: str
  forks:
    description: How many machines at once.
    type: int
  chdir:
    description: The directory on the machine for O(command) and O(shell).
    type: str
  template:
    description:
      - Whether Ansible templates the text again where it runs, with the machine's variables.
    type: bool
    default: false
  verbosity:
    description: Ansible's C(-v) to C(-vvvv).
    type: int
    choices: [0, 1, 2, 3, 4]
    default: 0
seealso:
  - module: rediacc.core.task_info
  - module: rediacc.core.task_wait
  - module: rediacc.core.task_cancel
  - module: rediacc.core.task_retry
  - module: rediacc.core.queue_info
"""

EXAMPLES = r"""
- name: Restart the web servers, before other work, and wait until it is done
  rediacc.core.task:
    team: prod
    groups: [web]
    module: ansible.builtin.service
    args:
      name: nginx
      state: restarted
    become: true
    priority: high
    timeout: 2m
    wait: true
    wait_timeout: 15m

- name: Queue a backup that is tried again
  rediacc.core.task:
    machines: [db-01]
    shell: pg_dump shop | gzip > /var/backups/shop.gz
    retry:
      retryCount: 3
      retryDelay: 30
      failureAction: alert
    idempotency_key: "backup-{{ ansible_date_time.date }}"
  register: backup

- name: Run a playbook in check mode and show who would change
  rediacc.core.task:
    team: staging
    playbook: site.yml
    extra_vars:
      version: "1.2"
    check: true
    diff: true
    wait: true
  register: preview

- name: Show it
  ansible.builtin.debug:
    var: preview.results

- name: Run a named task
  rediacc.core.task:
    named: deploy
    extra_vars:
      version: "1.2"

- name: Do without the backup after all
  rediacc.core.task:
    state: absent
    id: "{{ backup.id }}"
"""

RETURN = r"""
changed:
  description:
    - Whether a task was queued or cancelled. False when O(idempotency_key) names a task that
      exists. What changed on the machines is in RV(hosts) and RV(results).
  returned: always
  type: bool
msg:
  description: What was done, or what happened on which machine.
  returned: always
  type: str
id:
  description: The task's number; null in check mode, where there is none.
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
  description:
    - V(pending), V(running), V(succeeded), V(failed) or V(cancelled); V(absent) where
      O(state=absent) found no task.
  returned: success
  type: str
reason:
  description: Why it is in this state, such as V(queued), V(busy machine), V(rc), V(unreachable).
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
    - Each machine's last result by the machine's name. It has C(outcome) (as in C(hosts)), C(rc),
      C(msg), C(attempt), C(started_at), C(finished_at) and, of playbooks, C(counts).
    - Its output is in C(stdout), C(stdout_lines), C(stderr) and C(stderr_lines); C(truncated) says
      whether it was cut. What a module returned is in C(result).
  returned: success
  type: dict
  sample: {"web-02": {"outcome": "failed", "rc": 3, "stdout": "", "stderr": "disk full"}}
ahead:
  description: How many pending tasks stood before it when it was queued.
  returned: when O(state=present)
  type: int
workers_alive:
  description: How many workers could take it then.
  returned: when O(state=present)
  type: int
notes:
  description: What else there is to know, for example plays that match no machine now.
  returned: when O(state=present)
  type: list
  elements: str
policy:
  description: The retry policy in force, in the words of O(retry).
  returned: when O(state=present)
  type: dict
"""
