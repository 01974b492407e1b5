# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue tasks again."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import (
    FINAL,
    HELD,
    IDS_OPTION,
    WAIT_OPTIONS,
    TaskAction,
)


class ActionModule(TaskAction):
    """Queues failed and cancelled tasks again."""

    ARGUMENTS = {**IDS_OPTION, **WAIT_OPTIONS}

    def work(self, office, options):
        """Return the tasks; failed when one cannot be queued again, or does not succeed."""
        before = self.look(office, options["ids"])
        _check(before)
        ended = [str(one["task"]["id"]) for one in before if one["is_final"]]
        if not self.is_check:
            _queue_again(office, ended)
        numbers = [str(one["task"]["id"]) for one in before]
        states = {f"task {one['task']['id']}": one["task"]["state"] for one in before}
        values = {
            "changed": bool(ended),
            **self.diff(states, {**states, **{f"task {number}": "pending" for number in ended}}),
        }
        if options["wait"] and not self.is_check:
            return self.judged(self.wait_for(office, numbers, options), options, **values)
        tasks = [self.read(office, number) for number in numbers]
        again = "would be queued again" if self.is_check else "queued again"
        words = [again if number in ended else "has not ended" for number in numbers]
        message = "; ".join(
            f"task {number} {word}" for number, word in zip(numbers, words, strict=True)
        )
        return self.told(tasks, **values, msg=message)


def _check(progress):
    """Pass when none of the tasks is one that cannot be queued again.

    :raises RediaccFailure: one has succeeded, is held, or is in the archive.
    """
    for one in progress:
        task = one["task"]
        name = f"task {task['id']}"
        if task["reason"] == HELD:
            raise RediaccFailure(
                f"{name} is held: its command may have run",
                code="conflict",
                hint=f"decide: rediacc release {name} --retry (or --fail)",
            )
        if task["state"] == "succeeded":
            raise RediaccFailure(
                f"{name} has succeeded: only failed or cancelled tasks are queued again",
                code="conflict",
            )
        if task["is_archived"] and task["state"] in FINAL:
            raise RediaccFailure(
                f"{name} is archived: it can be read, and not changed any more", code="conflict"
            )


def _queue_again(office, ids):
    for one in office.perform("task.retry", {"ids": ids}) if ids else []:
        if not one["changed"]:
            raise RediaccFailure(one["message"], code=one["code"])
