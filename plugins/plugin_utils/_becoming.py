# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether what a playbook starts may run as another user than the one who logs in.

Ansible decides for each task and host: the variable ``ansible_become``, else the keyword
``become`` (ansible-core, ``executor/task_executor.py``). What is only known on the way, such as
a template, counts as becoming: a stop that looks for too much misses nothing.
"""

from __future__ import annotations

import os

from ansible.module_utils.parsing.convert_bool import boolean

_VARIABLE = "ansible_become"
_SETTERS = ("set_fact", "include_vars", "add_host")
_BESIDE_PLAYBOOKS = ("group_vars", "host_vars")


def may_be_true(value):
    """Return whether a keyword or variable that Ansible takes for a boolean may become true."""
    if value is None:
        return False
    try:
        return boolean(str(value) if isinstance(value, str) else value)
    except TypeError:
        return True


class BecomeWatch:
    """Looks whether a run may become another user, until it once finds that it may."""

    def __init__(self):
        self.is_found = False
        self._play = None
        self._has_setters = False
        self._seen = None

    def begin_play(self, play):
        """Tell which play the tasks and hosts that follow belong to."""
        self._play = play
        beside = play.get_loader().get_basedir()
        has_files = any(os.path.isdir(os.path.join(beside, name)) for name in _BESIDE_PLAYBOOKS)
        # The inventory's own variables say the same to the play that stops this run; only where
        # files lie beside the playbook too is it worth a look at each host.
        self._seen = set() if has_files or self._has_setters else None

    def look_at_task(self, task):
        """Look at a task that is about to start, with what its block, role and play say."""
        self._note(lambda: may_be_true(task.become) or self._is_set(task=task))

    def look_at_host(self, host):
        """Look at the variables of a host that is about to get a task."""
        if self.is_found or self._seen is None or host.get_name() in self._seen:
            return
        self._seen.add(host.get_name())
        self._note(lambda: self._is_set(host=host))

    def look_at_end(self, task):
        """Look at each host anew after a task that may have set its variables."""
        if str(task.action).rpartition(".")[2] in _SETTERS:
            self._has_setters = True
            self._seen = set()

    def _note(self, may_become):
        if self.is_found:
            return
        try:
            self.is_found = may_become()
        except Exception:
            self.is_found = True  # what cannot be known counts as becoming

    def _is_set(self, **where):
        manager = self._play.get_variable_manager()
        variables = manager.get_vars(play=self._play, include_hostvars=False, **where)
        return may_be_true(variables.get(_VARIABLE))
