# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue a task, or cancel one."""

from __future__ import annotations

import time
import uuid

from ansible_collections.rediacc.core.plugins.plugin_utils._cancelling import cancel
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._task_action import (
    FINAL,
    PASSING,
    WAIT_OPTIONS,
    TaskAction,
    in_options_words,
    stand,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._task_request import (
    TASK_OPTIONS,
    WORK,
    task_request,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._task_values import (
    hosts_of,
    values_of_view,
)

QUEUED = "queued"
_TRIES = 3
_PAUSE_SECONDS = 1.0


class ActionModule(TaskAction):
    """Queues a task or cancels one."""

    ARGUMENTS = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "id": {"type": "str", "aliases": ["task_id"]},
        **TASK_OPTIONS,
        **WAIT_OPTIONS,
    }
    RULES = {
        "mutually_exclusive": [WORK],
        "required_if": [
            ("state", "present", WORK, True),
            ("state", "absent", ("id", "idempotency_key"), True),
        ],
        "required_by": {"args": "module"},
    }

    def work(self, office, options):
        """Queue or cancel."""
        try:
            if options["state"] == "absent":
                return self._cancel(office, options)
            if options["id"] is not None:
                message = "id is for state=absent: the queue gives a new task its number"
                raise RediaccFailure(message, code="invalid_input")
            return self._queue(office, options)
        except RediaccFailure as exc:
            raise in_options_words(exc) from None

    # -- state=present

    def _queue(self, office, options):
        request = task_request(options, path_dwim=self._loader.path_dwim)
        if self.is_check:
            created = office.perform("task.create", {**request, "dry_run": True})
            return self._created(created)
        created = create_once(office, request)
        result = self._created(created)
        if not options["wait"]:
            self._warn(created)
            return result
        number = str(result["id"])
        try:
            (task,) = self.wait_for(office, [number], options)
        except RediaccFailure as exc:
            message = f"task {number} was queued; waiting for it failed: {exc.message}"
            return {**result, "failed": True, "msg": message, "code": exc.code}
        is_good = task["state"] == "succeeded"
        message = stand(task, options["wait_timeout"])
        return {**result, **task, "failed": not is_good, "msg": message}

    def _created(self, created):
        """Return the result for a task that was just accepted, or would be."""
        task, is_new = created["task"], created["is_new"]
        result = {
            **values_of_view(task),
            "changed": is_new,
            "msg": _what_was_done(created, self.is_check),
            "ahead": created["ahead"],
            "workers_alive": created["workers_alive"],
            "notes": created["notes"],
            "waits": created["waits"],
            "policy": _policy(created["policy"]),
            "results": {},
            "hosts": hosts_of(task, {}),
        }
        shown = {name: result[name] for name in ("state", "team", "machines", "title", "priority")}
        return {**result, **self.diff({} if is_new else shown, shown)}

    def _warn(self, created):
        task = created["task"]
        if created["is_new"] and task["reason"] == QUEUED and not created["workers_alive"]:
            self._display.warning(f"task {task['id']} waits: no worker is running: rediacc worker")

    # -- state=absent

    def _cancel(self, office, options):
        names = _named_tasks(office, options)
        try:
            found = cancel(self, office, names, options) if names else ([], False, {})
        except RediaccFailure as exc:
            if exc.code != "not_found":
                raise
            found = ([], False, {})
        tasks, changed, diff = found
        if not tasks:
            named = options["id"] or f"with the idempotency key {options['idempotency_key']!r}"
            message = f"there is no task {named}"
            return {"id": None, "task_id": None, "state": "absent", "msg": message, **diff}
        (task,) = tasks
        is_late = options["wait"] and task["state"] not in FINAL and not self.is_check
        message = stand(task, options["wait_timeout"]) if is_late else task["msg"]
        return {**task, "changed": changed, "failed": is_late, "msg": message, **diff}


def _named_tasks(office, options):
    """Return the numbers of the task that is to be cancelled: one, or none."""
    if options["id"] is not None:
        return [options["id"]]
    wanted = {"idempotency_key": options["idempotency_key"], "limit": 2}
    if options["team"] is not None:
        wanted["team"] = options["team"]
    found = office.perform("task.list", wanted)
    if len(found) > 1:
        teams = ", ".join(sorted(task["team"] for task in found))
        raise RediaccFailure(
            f"idempotency_key {wanted['idempotency_key']!r} names a task in several teams: {teams}",
            code="invalid_input",
            hint="say which with team",
        )
    return [str(task["id"]) for task in found]


def create_once(office, request):
    """Create a task; where no answer comes, ask again in a way that makes no second one.

    The task's own UUID is chosen here, so that the same request finds the task that the lost
    answer was about. An idempotency key does the same.
    """
    is_own = not request.get("idempotency_key") and "taskId" not in request["retry"]
    if is_own:
        request = {**request, "retry": {**request["retry"], "taskId": str(uuid.uuid4())}}
    for number in range(_TRIES):
        try:
            created = office.perform("task.create", request)
            return {**created, "is_new": created["is_new"] or is_own}
        except RediaccFailure as exc:
            if exc.code not in PASSING or number == _TRIES - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    return None


def _what_was_done(created, is_check):
    task = created["task"]
    if not created["is_new"]:
        return f"task {task['id']} exists already: {task['state']}"
    count = len(task["machines"])
    where = f"{count} machine{'' if count == 1 else 's'} of team {task['team']}"
    if is_check:
        return f"a task would be queued for {where}, behind {created['ahead']} others"
    return f"task {task['id']} was queued for {where}"


def _policy(view):
    """Return the retry policy in force, in the words in which it is given."""
    policy = view["policy"]
    return {
        "retryCount": policy["retry_count"],
        "retryDelay": policy["retry_delay_seconds"],
        "backoff": policy["backoff"],
        "maxDelay": policy["max_delay_seconds"],
        "jitter": policy["jitter"],
        "retryOn": policy["retry_on"],
        "failureAction": policy["failure_action"],
        "onLost": policy["on_lost"],
    }
