# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancelling tasks, for the modules that do it."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import FINAL

STOPPING = "cancelling"


def cancel(action, office, ids, options):
    """Cancel tasks, or say what would be.

    :returns: the tasks, each with C(changed) and C(msg), whether any changed, and C(diff).
    :raises RediaccFailure: one does not exist, or may not be cancelled.
    """
    before = action.look(office, ids)
    numbers = [str(one["task"]["id"]) for one in before]
    open_ones = [
        number
        for number, one in zip(numbers, before, strict=True)
        if not one["is_final"] and not _stops(one)
    ]
    if action.is_check:
        said = dict.fromkeys(open_ones, "would be cancelled")
    else:
        said = _cancelled(office, open_ones)
        if options["wait"]:
            action.wait_for(office, numbers, options)
    tasks = []
    for number, one in zip(numbers, before, strict=True):
        task = action.read(office, number)
        word = said.get(number) or _standing(one, task)
        if number in said and task["state"] == "cancelled":
            word = "cancelled"  # by now, whatever it took
        tasks.append({**task, "changed": number in said, "msg": f"task {number} {word}"})
    states = {f"task {n}": one["task"]["state"] for n, one in zip(numbers, before, strict=True)}
    after = {f"task {task['id']}": task["state"] for task in tasks}
    if action.is_check:
        after.update({f"task {number}": "cancelled" for number in said})
    return tasks, bool(said), action.diff(states, after)


def _cancelled(office, ids):
    """Cancel tasks; return what became of each that was not over by then."""
    said = {}
    for one in office.perform("task.cancel", {"ids": ids}) if ids else []:
        if one["changed"]:
            said[one["id"]] = one["message"]
        elif one["code"] != "conflict":
            raise RediaccFailure(one["message"], code=one["code"])
    return said


def _stops(progress):
    return progress["task"]["reason"] == STOPPING


def _standing(before, task):
    """Return why there was nothing to do, in words that follow the task's number."""
    if _stops(before) and task["state"] not in FINAL:
        return "is being stopped already"
    verb = "was" if task["state"] == "cancelled" else "has"
    return f"{verb} {task['state']} already"
