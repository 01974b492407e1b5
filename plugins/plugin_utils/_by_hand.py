# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A play that somebody started by hand: what is told of how it was started, and its records."""

from __future__ import annotations

import os
import socket

from ansible import constants, context
from ansible.release import __version__ as ansible_version

from ._spool import Spool, find_home

_MOST_NAMES = 100
# What must not be lost of a task that went wrong; of others the message is enough.
_FAILURES = ("failed", "unreachable", "ignored")


def is_ad_hoc() -> bool:
    """Whether this is C(ansible), which runs one module."""
    return "module_name" in context.CLIARGS


def begin_by_hand(plays: list, options: dict[str, object], masker: object) -> Spool | None:
    """Begin the file of this play; None where there is no home.

    :param options: the values of C(rediacc_home) and C(team).
    :param masker: masks what is told of the command line.
    :raises Exception: there can be no file.
    """
    home = find_home(options["rediacc_home"])
    if home is None:
        return None
    spool = Spool(home)
    spool.begin({**masker.mask_data(_header(plays)), "team": options["team"]})
    return spool


def slim(record: dict[str, object]) -> None:
    """Leave out of a result's record what nobody reads later."""
    if is_ad_hoc():
        return
    kept = ("diff", "results") if context.CLIARGS.get("diff") else ()
    record["result"] = {name: record["result"][name] for name in kept if name in record["result"]}
    if record["status"] not in _FAILURES:
        record.update(stdout="", stderr="")
        for name in ("stdout_b64", "stderr_b64"):
            record.pop(name, None)


def _header(plays):
    arguments = context.CLIARGS
    names = [str(name) for name in arguments.get("args") or ()]
    header = {
        "inventory": [str(source) for source in arguments.get("inventory") or ()],
        "limit": arguments.get("subset"),
        "options": _options(arguments),
        "extra_variables": _extra_variables(plays),
        "host": socket.gethostname(),
        "directory": os.getcwd(),
        "ansible": ansible_version,
    }
    if is_ad_hoc():
        pattern = arguments.get("args")
        return {**header, "module": str(arguments["module_name"]), "pattern": str(pattern)}
    return {**header, "playbooks": [_path(name) for name in names]}


def _path(name):
    """Return a playbook's path; one of a collection has none."""
    path = os.path.realpath(os.path.expanduser(name))
    return path if os.path.exists(path) else name


def _options(arguments):
    options = {name: arguments.get(name) for name in ("remote_user", "start_at_task", "verbosity")}
    options |= {name: bool(arguments.get(name)) for name in ("check", "diff", "become")}
    if options["become"]:
        options |= {name: arguments.get(name) for name in ("become_user", "become_method")}
    if arguments.get("forks") != constants.DEFAULT_FORKS:
        options["forks"] = arguments.get("forks")
    options["tags"] = [str(tag) for tag in arguments.get("tags") or () if tag != "all"]
    options["skip_tags"] = [str(tag) for tag in arguments.get("skip_tags") or ()]
    return options


def _extra_variables(plays):
    """Return the names of extra variables; their values are nobody's business."""
    if not plays:
        return []
    return sorted(map(str, plays[0].get_variable_manager().extra_vars))[:_MOST_NAMES]
