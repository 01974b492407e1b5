# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on tasks share: reading tasks, waiting for them, telling how they did."""

from __future__ import annotations

import re
import time

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._task_values import (
    ending,
    one_line,
    values_of_detail,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._times import seconds_of

WAITING_OPTIONS = {
    "interval": {"type": "str", "default": "1"},
    "wait_timeout": {"type": "str"},
}
WAIT_OPTIONS = {"wait": {"type": "bool", "default": False}, **WAITING_OPTIONS}
IDS_OPTION = {
    "ids": {
        "type": "list",
        "elements": "str",
        "required": True,
        "aliases": ["id", "task_id", "task_ids"],
    }
}
FINAL = ("succeeded", "failed", "cancelled")
HELD = "held: lost"

# One operation waits so long: a shorter wait costs the program more starts, a longer one would
# notice later that nobody waits any more.
_LONGEST_LOOK_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
# The database or the program can be away for a moment; what was asked for may be done or not.
PASSING = ("database_unavailable", "no_answer")

# The operations' messages name the options of the command line.
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
_OPTION_NAMES = {"machine": "machines", "group": "groups", "label": "labels", "secret": "secrets"}


class TaskAction(HomeAction):
    """An action on tasks."""

    def run(self, tmp=None, task_vars=None):
        """Return the task's result."""
        # A result with an exit code and without a word on failure would count as failed.
        return {"changed": False, "failed": False, **super().run(tmp, task_vars)}

    # -- reading

    def read(self, office, name, with_output=True):
        """Return the task that a number or a UUID names, as modules return it."""
        return values_of_detail(office.perform("task.inspect", {"id": name}), with_output)

    def look(self, office, ids):
        """Return how the tasks stand, without their output, in the order of C(ids)."""
        return office.perform("task.wait", {"ids": ids})

    # -- waiting

    def wait_for(self, office, ids, options):
        """Return when all tasks have ended or are held, or the wait is over.

        :returns: the tasks with their results, in the order of C(ids).
        :raises RediaccFailure: they cannot be read.
        """
        patience = Patience(options)
        is_refresh = False
        while True:
            try:
                progress = office.perform("task.wait", patience.request(ids, is_refresh))
                is_refresh = True
                if patience.is_over or all(one["is_final"] or one["is_held"] for one in progress):
                    return [self.read(office, str(one["task"]["id"])) for one in progress]
            except RediaccFailure as exc:
                if exc.code not in PASSING or patience.is_over:
                    raise
                patience.pause()

    # -- telling

    def told(self, tasks, **values):
        """Return the result for several tasks; where it is one, its values stand beside them."""
        only = tasks[0] if len(tasks) == 1 else {}
        return {**only, **values, "tasks": tasks}

    def judged(self, tasks, options, **values):
        """Return the result for tasks that were waited for: failed unless all succeeded."""
        bad = [task for task in tasks if task["state"] != "succeeded"]
        message = "; ".join(stand(task, options["wait_timeout"]) for task in bad or tasks)
        return self.told(tasks, **values, failed=bool(bad), msg=message)

    def diff(self, before, after):
        """Return C(diff) where it is wanted, from states by number."""
        if not self.is_diff:
            return {}
        return {"diff": {"before": before, "after": after}}


class Patience:
    """How long somebody is willing to wait."""

    def __init__(self, options):
        limit = seconds_of(options["wait_timeout"], "wait_timeout")
        self._interval = seconds_of(options["interval"], "interval")
        self._end = None if limit is None else time.monotonic() + limit

    @property
    def is_over(self):
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end

    def request(self, ids, is_refresh):
        """Return the request of the next look."""
        return {
            "ids": ids,
            "seconds": self._left(_LONGEST_LOOK_SECONDS),
            "interval_seconds": self._interval,
            "is_refresh": is_refresh,
        }

    def pause(self):
        """Sleep before another try, but not beyond the end."""
        time.sleep(self._left(_PAUSE_SECONDS))

    def _left(self, most):
        if self._end is None:
            return most
        return max(0.0, min(most, self._end - time.monotonic()))


def stand(task, wait_timeout=None):
    """Return in one line how a task stands that somebody waited for."""
    if task["state"] in FINAL:
        return ending(task)
    waits = "; ".join(map(one_line, task["waits"]))
    if task["reason"] == HELD:
        return f"task {task['id']} is {task['reason']}: {waits}"
    words = ", ".join(dict.fromkeys((task["state"], task["reason"])))
    line = f"the wait of {wait_timeout} ran out; task {task['id']} goes on ({words})"
    return f"{line}: {waits}" if waits else line


def in_options_words(failure):
    """Return a failure that names options as modules do: C(machines) for C(--machine)."""

    def named(match):
        return _OPTION_NAMES.get(match[1], match[1].replace("-", "_"))

    hint = failure.hint if "rediacc " in failure.hint else _OPTION.sub(named, failure.hint)
    return RediaccFailure(_OPTION.sub(named, failure.message), code=failure.code, hint=hint)
