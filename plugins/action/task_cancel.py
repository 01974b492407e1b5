# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel tasks."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._cancelling import cancel
from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import (
    FINAL,
    IDS_OPTION,
    WAIT_OPTIONS,
    TaskAction,
    stand,
)


class ActionModule(TaskAction):
    """Cancels tasks."""

    ARGUMENTS = {
        **IDS_OPTION,
        "fail_if_ended": {
            "type": "bool",
            "default": False,
            "aliases": ["fail_if_not_running"],
        },
        **WAIT_OPTIONS,
    }

    def work(self, office, options):
        """Return the tasks and what became of each."""
        tasks, changed, diff = cancel(self, office, options["ids"], options)
        late = [task for task in tasks if task["state"] not in FINAL]
        bad = []
        if options["wait"] and not self.is_check:
            bad += [stand(task, options["wait_timeout"]) for task in late]
        if options["fail_if_ended"]:
            bad += [task["msg"] for task in tasks if not task["changed"]]
        message = "; ".join(bad or [task["msg"] for task in tasks])
        return self.told(tasks, changed=changed, failed=bool(bad), msg=message, **diff)
