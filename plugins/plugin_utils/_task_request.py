# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the module C(task) to the request that the operation takes."""

from __future__ import annotations

from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure
from ansible_collections.rediacc.core.plugins.plugin_utils._times import moment_of, seconds_of

LEVELS = {"critical": 1, "high": 2, "normal": 3, "low": 4, "minimal": 5}
WORK = ("command", "shell", "module", "playbook", "named")

_WORDS = {"type": "list", "elements": "str"}
TASK_OPTIONS = {
    "command": {"type": "str"},
    "shell": {"type": "str"},
    "module": {"type": "str"},
    "args": {"type": "dict"},
    "playbook": {"type": "str"},
    "named": {"type": "str"},
    "team": {"type": "str"},
    "machines": {**_WORDS, "aliases": ["machine"]},
    "groups": {**_WORDS, "aliases": ["group"]},
    "all": {"type": "bool", "default": False},
    "limit": {"type": "str"},
    "any": {"type": "int"},
    "priority": {"type": "str", "choices": ["1", "2", "3", "4", "5", *LEVELS]},
    "timeout": {"type": "str"},
    "not_before": {"type": "str"},
    "expires_in": {"type": "str"},
    "labels": {"type": "dict"},
    "idempotency_key": {"type": "str", "no_log": False},
    "retry": {"type": "dict"},
    "on_lost": {"type": "str", "choices": ["hold", "retry", "fail"]},
    "exclusive": {"type": "bool", "default": False},
    "secrets": {"type": "dict", "no_log": False},
    "extra_vars": {"type": "dict", "aliases": ["variables"]},
    "extra_vars_files": {"type": "list", "elements": "path"},
    "become": {"type": "bool", "default": False},
    "become_user": {"type": "str"},
    "become_method": {"type": "str"},
    "remote_user": {"type": "str"},
    "check": {"type": "bool", "default": False},
    "diff": {"type": "bool", "default": False},
    "tags": _WORDS,
    "skip_tags": _WORDS,
    "start_at_task": {"type": "str"},
    "forks": {"type": "int"},
    "chdir": {"type": "str"},
    "template": {"type": "bool", "default": False},
    "verbosity": {"type": "int", "default": 0, "choices": [0, 1, 2, 3, 4]},
}
# These go as they are.
_ANSIBLE = (
    *("become", "become_user", "become_method", "remote_user", "check", "diff"),
    *("start_at_task", "forks", "chdir", "template", "verbosity"),
)
_PLAIN = ("team", "limit", "named", "exclusive", "on_lost", "idempotency_key")


def task_request(options, path_dwim):
    """Return the fields of a C(TaskRequest) that the options mean.

    :param path_dwim: makes the path of a file of variables absolute, as plays mean it.
    :raises RediaccFailure: an option means nothing.
    """
    kind = next((word for word in WORK[:4] if options[word] is not None), None)
    variables = options["extra_vars"] or {}
    files = options["extra_vars_files"] or []
    if options["named"] is not None and files:
        raise RediaccFailure(
            "extra_vars_files: the variables of a named task are checked, so they cannot come "
            "from a file that is read where the task runs",
            code="invalid_input",
        )
    given = [{"file": path_dwim(path)} for path in files]
    given += [{"values": variables}] if variables else []
    priority = options["priority"]
    return {
        **{name: options[name] for name in _PLAIN},
        "kind": kind,
        "text": None if kind is None else options[kind],
        "module_args": options["args"] or {},
        "machines": options["machines"] or [],
        "groups": options["groups"] or [],
        "all_machines": options["all"],
        "any_count": options["any"],
        "variables": variables if options["named"] is not None else {},
        "priority": None if priority is None else LEVELS.get(priority) or int(priority),
        "timeout_seconds": seconds_of(options["timeout"], "timeout"),
        "not_before": moment_of(options["not_before"], "not_before"),
        "expires_in_seconds": seconds_of(options["expires_in"], "expires_in"),
        "labels": {name: str(value) for name, value in (options["labels"] or {}).items()},
        "retry": options["retry"] or {},
        "secrets": options["secrets"] or {},
        "options": {
            **{name: options[name] for name in _ANSIBLE},
            "tags": options["tags"] or [],
            "skip_tags": options["skip_tags"] or [],
            "extra_vars": [] if options["named"] is not None else given,
        },
    }
