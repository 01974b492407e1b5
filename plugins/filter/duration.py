# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as seconds."""

from __future__ import annotations

DOCUMENTATION = r"""
name: duration
short_description: The seconds of a duration
description:
  - Reads durations as all options of rediacc do, so that one variable can serve both rediacc and
    modules that want seconds.
author:
  - the rediacc authors (@rediacc)
options:
  _input:
    description: A number of seconds, or parts such as V(90s), V(15m), V(1h30m), V(2d), V(1w).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Wait as long as the task may run
  ansible.builtin.wait_for:
    path: /var/run/deployed
    timeout: "{{ deploy_timeout | rediacc.core.duration | int }}"
  vars:
    deploy_timeout: 15m
"""

RETURN = r"""
_value:
  description: The seconds.
  type: float
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._times import seconds_of


def duration(value):
    """Return the seconds."""
    if value is None or isinstance(value, bool):
        raise AnsibleFilterError(f"rediacc.core.duration: {value!r} is no duration")
    try:
        return seconds_of(str(value), "rediacc.core.duration")
    except RediaccFailure as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    """Gives the filter."""

    def filters(self):
        """Return the filter by its name."""
        return {"duration": duration}
