# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read teams."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._action import HomeAction


class ActionModule(HomeAction):
    """Returns teams."""

    ARGUMENTS = {"name": {"type": "str"}}

    def work(self, office, options):
        """Return the teams."""
        if options["name"] is None:
            teams = office.perform("team.list", {})
        else:
            teams = [office.perform("team.inspect", {"name": options["name"]})]
        return {"changed": False, "teams": teams}
