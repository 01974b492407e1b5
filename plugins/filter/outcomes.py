# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines by how their tasks went."""

from __future__ import annotations

DOCUMENTATION = r"""
name: outcomes
short_description: Machines by how their tasks went
description:
  - Sums up results of M(rediacc.core.task), M(rediacc.core.task_info), M(rediacc.core.task_wait)
    or the lookup P(rediacc.core.task#lookup), of one task or of many.
author:
  - the rediacc authors (@rediacc)
options:
  _input:
    description: A registered result, also that of a loop, or a list of them.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show how it went everywhere
  ansible.builtin.debug:
    msg: "{{ deployed | rediacc.core.outcomes }}"
  # changed: [web-01, web-02], unreachable: [web-03]
"""

RETURN = r"""
_value:
  description:
    - The names of machines, sorted, by outcome (C(ok), C(changed), C(failed), C(unreachable),
      C(timed_out), C(skipped), C(cancelled), C(lost), C(waiting)); only outcomes that there were.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.rediacc.core.plugins.plugin_utils._task_results import (
    machines_by_outcome,
)


def outcomes(value):
    """Return the machines by outcome."""
    try:
        return machines_by_outcome(value)
    except ValueError as exc:
        raise AnsibleFilterError(f"rediacc.core.outcomes: {exc}") from None


class FilterModule:
    """Gives the filter."""

    def filters(self):
        """Return the filter by its name."""
        return {"outcomes": outcomes}
