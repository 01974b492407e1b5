# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for tasks."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import (
    IDS_OPTION,
    WAITING_OPTIONS,
    TaskAction,
)


class ActionModule(TaskAction):
    """Waits until tasks have ended."""

    ARGUMENTS = {**IDS_OPTION, **WAITING_OPTIONS}

    def work(self, office, options):
        """Return the tasks as they ended; failed unless all succeeded."""
        tasks = self.wait_for(office, options["ids"], options)
        return self.judged(tasks, options, changed=False)
