# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise an alert when a playbook fails."""

from __future__ import annotations

DOCUMENTATION = r"""
name: alert
type: notification
short_description: Raise an alert when a playbook fails
description:
  - When a playbook that somebody started with C(ansible-playbook) ends, and machines failed or
    could not be reached, rediacc raises an alert with these machines and the tasks that failed.
    It is in C(rediacc list alerts), and goes to the channels of the home as all alerts do.
  - All failures of one playbook in one team are one alert; it is over when the same playbook has
    ended well on each machine that failed, by hand with this callback, or in the queue.
  - Told are names of machines and tasks, actions, and whether it failed or was unreachable; never
    what machines or modules said. What Ansible decrypted from vaults is replaced by C(********),
    and tasks with C(no_log) are told by their action only.
  - Playbooks that run in the queue raise the alerts of their tasks, and nothing here.
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
  severity:
    description: How bad it is.
    type: str
    choices: [critical, error, warning, info]
    default: error
    env:
      - name: REDIACC_ALERT_SEVERITY
    ini:
      - section: callback_rediacc_alert
        key: severity
  resolve:
    description:
      - Whether playbooks that end well are told, too, so that their alerts end.
      - Not told are those that did only a part of their work, because of C(--tags),
        C(--skip-tags), C(--start-at-task) or C(--check).
    type: bool
    default: true
    env:
      - name: REDIACC_ALERT_RESOLVE
    ini:
      - section: callback_rediacc_alert
        key: resolve
"""

EXAMPLES = r"""
# In ansible.cfg:
#
# [defaults]
# callbacks_enabled = rediacc.core.alert
#
# [callback_rediacc]
# team = prod
"""

from ansible import context
from ansible_collections.rediacc.core.plugins.plugin_utils._end_of_play import (
    EndOfPlay,
    harmless,
    is_partial,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._process_secrets import (
    learn_what_was_read,
    process_secrets,
)

_MOST_LINES = 20
_MOST_NAMES = 5


class CallbackModule(EndOfPlay):
    """Raises alerts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rediacc.core.alert"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._failures = {}
        self._secrets = None
        if not self.disabled:
            self._start_masking()

    def _start_masking(self):
        try:
            self._secrets = process_secrets()
        except Exception as exc:
            # Names of tasks may hold templates; without masking they are not told.
            self._display.warning(f"rediacc.core.alert tells no names of tasks: {exc}")

    def begin(self, playbook):
        """Forget the playbook before."""
        self._failures = {}
        if self._secrets is not None:
            learn_what_was_read(playbook.get_plays())

    @harmless
    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Take a note of a task that failed."""
        if not ignore_errors:
            self._note(result, "failed")

    @harmless
    def v2_runner_on_unreachable(self, result):
        """Take a note of a machine that did not answer."""
        self._note(result, "unreachable")

    def _note(self, result, kind):
        # Masked when it is told: by then all is known that Ansible decrypted.
        self._failures[result.host.get_name()] = (self._name_of(result.task), kind)

    def _name_of(self, task):
        """Return what a task is told by: its name, where that can hold no secret."""
        action = str(task.action)
        if self._secrets is None or task.no_log or "{{" in action:
            return action if "{{" not in action else "a task"
        return str(task.get_name())

    def act(self, end):
        """Tell rediacc how the playbook ended."""
        if self._secrets is not None:
            mask = self._secrets.masker().mask
            self._failures = {
                name: (mask(task), kind) for name, (task, kind) in self._failures.items()
            }
        wrong = [*end.failed, *end.unreachable]
        fine = end.fine if self.get_option("resolve") and not is_partial() else []
        if context.CLIARGS.get("check") or not (wrong or fine):
            return
        request = {
            "key": end.key,
            "machines": {name: self._words(name, end) for name in wrong},
            "fine": fine,
            "why": self._lines(wrong),
            "severity": self.get_option("severity"),
        }
        if self.get_option("team") is not None:
            request["team"] = self.get_option("team")

        def tell(office):
            return office.perform("alert.raise", {"what": end.name_in(office.home), **request})

        self.in_home(tell)

    def _words(self, name, end):
        kind = "unreachable" if name in end.unreachable else "failed"
        return f"{kind}: {self._failures[name][0]}" if name in self._failures else kind

    def _lines(self, wrong):
        """Return a line for each task that failed, with its machines."""
        machines = {}
        for name in wrong:
            if name in self._failures:
                machines.setdefault(self._failures[name], []).append(name)
        return [f"{task}: {kind} on {_names(names)}" for (task, kind), names in machines.items()][
            :_MOST_LINES
        ]


def _names(names):
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
