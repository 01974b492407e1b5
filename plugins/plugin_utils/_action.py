# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on a home share: options, the open home, errors as failed results."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import (
    RediaccFailure,
    open_rediacc,
)

HOME_OPTIONS = {
    "rediacc_home": {"type": "path"},
    "rediacc_token": {"type": "str", "no_log": True},
    "rediacc_program": {"type": "path"},
}


class HomeAction(ActionBase):
    """An action that performs operations in a home, on the controller.

    A class below it says its options in :attr:`ARGUMENTS` (the unit tests compare them with the
    module's documentation) and what it does in :meth:`work`.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    ARGUMENTS = {}
    RULES = {}
    """``mutually_exclusive``, ``required_one_of``, ``required_if`` ... as modules take them."""

    def run(self, tmp=None, task_vars=None):
        """Return the task's result."""
        super().run(tmp, task_vars)
        # Failures are returned, not raised: failed_when and until look only at what is returned.
        try:
            _result, options = self.validate_argument_spec(
                argument_spec={**HOME_OPTIONS, **self.ARGUMENTS}, **self.RULES
            )
        except AnsibleActionFail as exc:
            return _failed(exc.message, "invalid_input")
        if options["rediacc_program"] is None:
            options["rediacc_program"] = os.environ.get("REDIACC_PROGRAM") or None
        try:
            with open_rediacc(options) as office:
                return self.work(office, options)
        except RediaccFailure as exc:
            return _failed(str(exc), exc.code)

    def work(self, office, options):
        """Do what the task asks for.

        :param office: performs operations: ``office.perform("task.inspect", {"id": "42"})``.
        :param options: the checked options.
        :returns: the task's result, with C(changed).
        """
        raise NotImplementedError

    @property
    def is_check(self):
        """Whether nothing may be changed."""
        return self._task.check_mode

    @property
    def is_diff(self):
        """Whether the result should show what changed."""
        return self._task.diff


def _failed(message, code):
    return {"changed": False, "failed": True, "msg": message, "code": code}
