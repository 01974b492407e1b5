# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines on which tasks did not succeed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: failed_machines
short_description: Machines on which tasks did not succeed
description:
  - Takes what P(rediacc.core.outcomes#filter) takes.
  - Named are machines that failed, were unreachable, ran into the time limit, were cancelled or
    whose end is unknown; not those that a task has not reached yet.
author:
  - the rediacc authors (@rediacc)
options:
  _input:
    description: A registered result, also that of a loop, or a list of them.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Roll back where it went wrong
  rediacc.core.task:
    named: rollback
    machines: "{{ deployed | rediacc.core.failed_machines }}"
  when: deployed | rediacc.core.failed_machines | length > 0
"""

RETURN = r"""
_value:
  description: Their names, sorted.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.rediacc.core.plugins.plugin_utils._task_results import (
    machines_by_outcome,
)

_BAD = ("failed", "unreachable", "timed_out", "cancelled", "lost")


def failed_machines(value):
    """Return the names of the machines."""
    try:
        found = machines_by_outcome(value)
    except ValueError as exc:
        raise AnsibleFilterError(f"rediacc.core.failed_machines: {exc}") from None
    return sorted({name for outcome in _BAD for name in found.get(outcome, ())})


class FilterModule:
    """Gives the filter."""

    def filters(self):
        """Return the filter by its name."""
        return {"failed_machines": failed_machines}
