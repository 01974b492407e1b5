# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mark what a playbook starts on machines, so that it can be found and ended."""

from __future__ import annotations

from ansible.playbook.task import Task
from ansible.template import trust_as_template

MARKER_NAME = "REDIACC_RUN"

# Tasks that start nothing, or where an environment is unwanted: `raw` warns about one.
_UNMARKED = frozenset(
    prefix + name
    for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    for name in (
        "raw",
        "meta",
        "include_tasks",
        "include_role",
        "import_tasks",
        "import_role",
        "import_playbook",
    )
)
_MARKED_CONNECTIONS = (
    "smart",
    "ssh",
    "ansible.builtin.ssh",
    "ansible.legacy.ssh",
    "paramiko",
    "paramiko_ssh",
    "ansible.builtin.paramiko_ssh",
    "local",
    "ansible.builtin.local",
    "ansible.legacy.local",
)


class RunMarker:
    """Adds the run's marker to the environment of tasks."""

    def __init__(self, marker: str) -> None:
        # Hosts of one task may have different connections, so the worker decides for each.
        # Undefined: the play's own connection, which Ansible sets as this variable before it
        # evaluates a task's environment.
        self._entry = trust_as_template(
            "{{ {'%s': '%s'} if ansible_connection | default('ssh') in %s else {} }}"
            % (MARKER_NAME, marker, list(_MARKED_CONNECTIONS))
        )

    def mark(self, task: Task) -> None:
        """Add the marker to the task's own environment, once, and keep what is there."""
        if task.action in _UNMARKED:
            return
        own = self._own_environment(task)
        if any(item is self._entry for item in own):
            return
        # The last item wins: a task that sets the variable itself must be found all the same.
        task.environment = [*own, self._entry]

    @staticmethod
    def _own_environment(task: Task) -> list[object]:
        """Return the task's own part: reading the attribute would give the inherited too."""
        own = vars(task).get("_environment")
        if own is None or isinstance(own, type):  # a class stands for what was never set
            return []
        return list(own) if isinstance(own, list) else [own]
