# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse delegation to machines of other teams, before anything connects to them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible.vars.manager import VariableManager

_METHOD = "get_delegated_vars_and_hostname"
_ADDRESS_VARIABLES = ("ansible_host", "ansible_ssh_host", "ansible_paramiko_host")

Report = Callable[[str, str, str], None]


def read_denied(path: str | None) -> frozenset[str]:
    """Return the host names and addresses that a file denies.

    :raises OSError: it cannot be read.
    :raises ValueError: it is no list of texts.
    """
    if not path:
        return frozenset()
    with open(path, encoding="utf-8") as handle:
        entries = json.load(handle)
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"{path} is no list of host names")
    return frozenset(plain_name(entry) for entry in entries)


def plain_name(name: str) -> str:
    """Return a host as it is compared: no user, scheme, brackets, final dot or capitals."""
    name = name.strip().lower()
    name = name.removeprefix("ssh://").rpartition("@")[2]
    return name.strip("[]").rstrip(".")


def guard_delegation(denied: frozenset[str], report: Report) -> None:
    """Have each delegation to a denied host fail, in this process and those forked from it.

    :param report: called with host, delegated host and message before the task fails.
    :raises AttributeError: this Ansible resolves delegation differently; nothing is guarded.
    """
    original = getattr(VariableManager, _METHOD)

    @functools.wraps(original)
    def guarded(self, templar, task, variables, *args, **options):
        answer = original(self, templar, task, variables, *args, **options)
        delegated_vars, name = answer
        if name and _reaches(str(name), delegated_vars, self._loader, denied):
            message = (
                f"rediacc: delegation to {str(name)!r} is refused: it is a machine of another team"
            )
            report(str(variables.get("inventory_hostname", "")), str(name), message)
            raise AnsibleError(message)
        return answer

    setattr(VariableManager, _METHOD, guarded)


def _reaches(
    name: str, delegated_vars: Mapping[str, object], loader: object, denied: frozenset[str]
) -> bool:
    if plain_name(name) in denied:
        return True
    host_vars = delegated_vars.get("ansible_delegated_vars", {}).get(name, {})
    given = {key: host_vars[key] for key in _ADDRESS_VARIABLES if key in host_vars}
    if not given:
        return False
    # An address that cannot be resolved here fails the task as it would when connecting.
    addresses = Templar(loader=loader, variables=host_vars).template(given)
    return any(plain_name(str(address)) in denied for address in addresses.values())
