# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue a follow-up for the machines on which a playbook failed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: retry
type: notification
short_description: Queue a follow-up for the machines that failed
description:
  - When a playbook that somebody started with C(ansible-playbook) ends, and machines failed or
    could not be reached, a task for exactly these machines is added to the queue of rediacc. It
    runs the same playbook with the same options, or the named task of O(task).
  - Nothing is queued when nothing failed, in check mode, for a machine for which a follow-up
    waits or runs already, and for one that had O(max_count) of them in O(period).
  - Nothing is queued by playbooks that run in the queue, those that a follow-up runs among them.
  - Whatever goes wrong here is one warning; the play and its exit code stay as they are.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.home.callback
requirements:
  - to be enabled in C(callbacks_enabled)
options:
  team:
    description: The team of the machines; without it, it follows from their names.
    type: str
    env:
      - name: REDIACC_TEAM
    ini:
      - section: callback_rediacc
        key: team
  task:
    description:
      - The named task to queue in place of the playbook.
      - It gets no variables, so that each of them needs a default.
    type: str
    env:
      - name: REDIACC_RETRY_TASK
    ini:
      - section: callback_rediacc_retry
        key: task
  outcomes:
    description: Which machines get a follow-up.
    type: list
    elements: str
    choices: [failed, unreachable]
    default: [failed, unreachable]
    env:
      - name: REDIACC_RETRY_OUTCOMES
    ini:
      - section: callback_rediacc_retry
        key: outcomes
  priority:
    description: The level of the follow-up, from 1 to 5; without it the named task's, or 3.
    type: int
    env:
      - name: REDIACC_RETRY_PRIORITY
    ini:
      - section: callback_rediacc_retry
        key: priority
  delay:
    description: How long after the end of the play it may start, such as V(90s) or V(1h).
    type: str
    default: 5m
    env:
      - name: REDIACC_RETRY_DELAY
    ini:
      - section: callback_rediacc_retry
        key: delay
  retries:
    description: How often the queue tries the follow-up again when it fails.
    type: int
    default: 0
    env:
      - name: REDIACC_RETRY_RETRIES
    ini:
      - section: callback_rediacc_retry
        key: retries
  max_count:
    description:
      - How many follow-ups of one playbook, or of one named task, a machine gets in O(period).
      - This ends what would go round without end, for example a playbook that cron starts.
    type: int
    default: 3
    env:
      - name: REDIACC_RETRY_MAX_COUNT
    ini:
      - section: callback_rediacc_retry
        key: max_count
  period:
    description: The time for which O(max_count) holds.
    type: str
    default: 1d
    env:
      - name: REDIACC_RETRY_PERIOD
    ini:
      - section: callback_rediacc_retry
        key: period
  extra_vars:
    description:
      - Whether a follow-up gets variables that were typed with C(-e NAME=VALUE). The queue keeps
        them as they are, so that they must not be secret.
      - Without it, a playbook that was given such variables has no follow-up, and says so.
        C(-e @FILE) is passed on as the name of the file in any case.
    type: bool
    default: false
    env:
      - name: REDIACC_RETRY_EXTRA_VARS
    ini:
      - section: callback_rediacc_retry
        key: extra_vars
notes:
  - The follow-up uses the inventory of the team in rediacc, and logs in as rediacc does.
"""

EXAMPLES = r"""
# In ansible.cfg; unreachable machines get the playbook again, ten minutes later:
#
# [defaults]
# callbacks_enabled = rediacc.core.retry
#
# [callback_rediacc_retry]
# outcomes = unreachable
# delay = 600
"""

import datetime
import os

import yaml
from ansible import context
from ansible.parsing.splitter import parse_kv
from ansible_collections.rediacc.core.plugins.plugin_utils._end_of_play import EndOfPlay

_LABEL = "retry-of"
_MOST_LISTED = 1000


class CallbackModule(EndOfPlay):
    """Queues follow-ups."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rediacc.core.retry"
    CALLBACK_NEEDS_ENABLED = True

    def act(self, end):
        """Queue a task for the machines that failed."""
        outcomes = self.get_option("outcomes")
        machines = [
            *(end.failed if "failed" in outcomes else ()),
            *(end.unreachable if "unreachable" in outcomes else ()),
        ]
        if not machines or context.CLIARGS.get("check"):
            return
        line = self.in_home(lambda office: self._queue(office, end, machines))
        if line:
            self._display.display(f"rediacc: {line}")

    def _queue(self, office, end, machines):
        """Return what to tell."""
        what = self.get_option("task") or end.name_in(office.home)
        label = f"{'task' if self.get_option('task') else 'playbook'} {what}"[-200:]
        left = self._due(office, machines, label)
        if not left:
            return f"no follow-up of {what}: enough of them for {_names(machines)}"
        request = {
            "machines": left,
            "labels": {_LABEL: label},
            "idempotency_key": f"retry-{end.key}",
            "not_before": _in_seconds(self._seconds("delay")),
            "retry": {"retryCount": self.get_option("retries")},
            **self._work(what),
        }
        for name in ("team", "priority"):
            if self.get_option(name) is not None:
                request[name] = self.get_option(name)
        created = office.perform("task.create", request)
        shown = f"task {created['task']['id']} follows on {_names(left)}"
        return f"{shown} in {self.get_option('delay')}"

    def _due(self, office, machines, label):
        """Return the machines that may have one more follow-up."""
        asked = {"labels": {_LABEL: label}, "limit": _MOST_LISTED}
        if self.get_option("team") is not None:
            asked["team"] = self.get_option("team")
        since = _in_seconds(-self._seconds("period"))
        counts, busy = dict.fromkeys(machines, 0), set()
        for task in office.perform("task.list", asked):
            if task["state"] in ("pending", "running"):
                busy.update(task["machines"])
            # Both are ISO 8601 in UTC, so that texts compare as times do.
            if task["created_at"] >= since:
                for name in task["machines"]:
                    counts[name] = counts.get(name, 0) + 1
        most = self.get_option("max_count")
        return [name for name in machines if name not in busy and counts[name] < most]

    def _seconds(self, name):
        # Loaded here for the same reason as what it stands beside.
        from ansible_collections.rediacc.core.plugins.plugin_utils._times import seconds_of

        return seconds_of(self.get_option(name), name)

    def _work(self, what):
        if self.get_option("task"):
            return {"named": what}
        return {"kind": "playbook", "text": what, "options": self._play_options()}

    def _play_options(self):
        """Return the options of the command line that say what the playbook does."""
        given = context.CLIARGS
        options = {
            "become": bool(given.get("become")),
            "diff": bool(given.get("diff")),
            "tags": [tag for tag in given.get("tags") or () if tag != "all"],
            "skip_tags": list(given.get("skip_tags") or ()),
            "extra_vars": [self._variables(str(one)) for one in given.get("extra_vars") or ()],
        }
        for name in ("become_user", "become_method", "remote_user", "start_at_task"):
            if given.get(name):
                options[name] = given[name]
        return options

    def _variables(self, given):
        if given.startswith("@"):
            return {"file": os.path.abspath(os.path.expanduser(given[1:]))}
        if not self.get_option("extra_vars"):
            raise ValueError(
                "no follow-up: the playbook was given variables with -e, and the queue would keep "
                "them; set extra_vars in [callback_rediacc_retry] where they are no secret"
            )
        if given.startswith("{"):
            return {"values": dict(yaml.safe_load(given))}
        return {"values": {name: str(value) for name, value in parse_kv(given).items()}}


def _in_seconds(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")


def _names(machines):
    shown = ", ".join(machines[:3])
    return shown if len(machines) <= 3 else f"{shown} and {len(machines) - 3} more"
