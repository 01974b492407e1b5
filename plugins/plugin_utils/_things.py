# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that keep teams, machines, members and secrets as wished have in common."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure

_ABOUT_THE_CHANGE = ("changed", "before", "after", "is_dry_run")


def look_up(office, operation, values):
    """Return what an operation reads, or C(None) where it is not there."""
    try:
        return office.perform(operation, values)
    except RediaccFailure as exc:
        if exc.code == "not_found":
            return None
        raise


def told(noun, answer, *, with_diff=False):
    """Return the result of a change: C(changed), what the thing is now, and the difference.

    :param noun: under which name the result holds the thing.
    :param answer: of the operation; C(None) where there was nothing to remove.
    """
    if answer is None:
        return {"changed": False}
    thing = {name: one for name, one in answer.items() if name not in _ABOUT_THE_CHANGE}
    result = {"changed": answer["changed"], noun: thing}
    if with_diff and "before" in answer:
        header = f"{noun} {thing['name']}"
        result["diff"] = {
            "before_header": header,
            "after_header": header,
            "before": answer["before"] or {},
            "after": answer["after"] or {},
        }
    return result


def unchanged(noun, view):
    """Return the result for what is as it was wished."""
    return {"changed": False, noun: view}


def given(options, *names):
    """Return those of the named options that were given."""
    return {name: options[name] for name in names if options[name] is not None}
