# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does, in the words of the documentation of Ansible."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of attributes."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict what would change, without changing it.
  diff_mode:
    description: Returns what changed, or would in C(check_mode), when in diff mode.
  idempotent:
    description: Run twice in a row, it changes nothing the second time.
"""

    ACTIONGROUP_REDIACC = r"""
attributes:
  action_group:
    description: Use C(group/rediacc.core.rediacc) in C(module_defaults) to set shared options.
    support: full
    membership:
      - rediacc.core.rediacc
"""

    INFO = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""
