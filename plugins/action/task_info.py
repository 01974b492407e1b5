# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tasks."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import TaskAction
from ansible_collections.rediacc.core.plugins.plugin_utils._task_request import LEVELS
from ansible_collections.rediacc.core.plugins.plugin_utils._task_values import (
    values_of_view,
)

_STATES = ["pending", "running", "succeeded", "failed", "cancelled"]
_FILTERS = ("team", "machine", "created_by", "named", "idempotency_key")


class ActionModule(TaskAction):
    """Returns tasks."""

    ARGUMENTS = {
        "ids": {"type": "list", "elements": "str", "aliases": ["id", "task_id", "task_ids"]},
        "states": {
            "type": "list",
            "elements": "str",
            "choices": _STATES,
            "aliases": ["state"],
        },
        "team": {"type": "str"},
        "machine": {"type": "str"},
        "priority": {"type": "str", "choices": ["1", "2", "3", "4", "5", *LEVELS]},
        "labels": {"type": "dict"},
        "created_by": {"type": "str"},
        "named": {"type": "str"},
        "idempotency_key": {"type": "str", "no_log": False},
        "archived": {"type": "bool", "default": False},
        "limit": {"type": "int", "default": 50},
        "output": {"type": "bool", "default": False},
    }
    RULES = {
        "mutually_exclusive": [
            ("ids", name) for name in ("states", "priority", "labels", *_FILTERS)
        ]
    }

    def work(self, office, options):
        """Return the tasks."""
        output = options["output"]
        if options["ids"] is not None:
            tasks = [self.read(office, name, output) for name in options["ids"]]
            return self.told(tasks, changed=False)
        views = office.perform("task.list", _filter(options))
        if output:
            return {
                "changed": False,
                "tasks": [self.read(office, str(view["id"])) for view in views],
            }
        return {"changed": False, "tasks": [values_of_view(view) for view in views]}


def _filter(options):
    """Return the fields of a C(TaskFilter)."""
    priority = options["priority"]
    return {
        **{name: options[name] for name in _FILTERS},
        "states": options["states"] or [],
        "priority": None if priority is None else LEVELS.get(priority) or int(priority),
        "labels": {name: str(value) for name, value in (options["labels"] or {}).items()},
        "limit": options["limit"],
        "is_archived": options["archived"],
    }
