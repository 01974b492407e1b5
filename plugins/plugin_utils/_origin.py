# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether rediacc started this Ansible, or a task of a run of rediacc did.

The results callback takes what says so out of the environment as soon as it is made, so that tasks
do not see it; it leaves word here for the plugins that are made after it.
"""

from __future__ import annotations

import os

_NAMES = ("REDIACC_RECORDS", "REDIACC_RUN")
_noted = []


def note_origin() -> None:
    """Remember what the environment says; to be called before it is taken out."""
    if _is_told() and not _noted:
        _noted.append(True)


def is_of_rediacc() -> bool:
    """Whether this Ansible is part of a run that rediacc records already."""
    return bool(_noted) or _is_told()


def _is_told() -> bool:
    return any(os.environ.get(name) for name in _NAMES)
