# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read teams."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction
from ansible_collections.rediacc.core.plugins.plugin_utils._things import look_up


class ActionModule(HomeAction):
    """Returns teams."""

    ARGUMENTS = {"name": {"type": "str"}}

    def work(self, office, options):
        """Return the teams."""
        if options["name"] is None:
            return {"changed": False, "teams": office.perform("team.list", {})}
        found = look_up(office, "team.inspect", {"name": options["name"]})
        return {"changed": False, "teams": [] if found is None else [found]}
