# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that wait for tasks."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of shared options."""

    # How long to wait, for who waits in any case.
    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - How long this module waits, as seconds or as V(90s), V(15m), V(1h30m). V(0) looks once.
      - When it runs out the module fails and says why the task waits; the task goes on. How long
        a task may run is another thing, see the option O(rediacc.core.task#module:timeout).
      - Without it the module waits for as long as it takes.
    type: str
  interval:
    description:
      - The longest pause between two looks at the queue, from 0.1 seconds to a minute. The first
        looks follow each other faster.
    type: str
    default: "1"
notes:
  - A wait ends at once when a task is held, because only a person brings it on.
  - A wait survives that the database is away for a moment.
"""

    WAIT = r"""
options:
  wait:
    description: Whether to wait until the tasks have ended.
    type: bool
    default: false
"""

    IDS = r"""
options:
  ids:
    description: The numbers of the tasks, or their UUIDs.
    type: list
    elements: str
    required: true
    aliases: [id, task_id, task_ids]
"""
