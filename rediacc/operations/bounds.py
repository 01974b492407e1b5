"""What a task may not hold when its author must not act as the account that runs it.

A worker runs Ansible with the account's rights, and parts of Ansible work on the controller: the
plugins of some modules read files there, extra variables choose programs that start there, and
templates run code there. Whoever may queue tasks, and is kept from the account by nothing but
rediacc (through sudo), could take the account over with them. Maintainers write inventories and
variables, which is the same power; so these rules are for everybody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rediacc.errors import AccessDenied
from rediacc.requests import TaskRequest
from rediacc.values import Kind

__all__ = ["check_bounded_request", "check_bounded_targets"]

# Modules of ansible.builtin without a part on the controller that reads or writes there. What is
# not named here may have one: `copy`, `template`, `script`, `fetch`, `unarchive` and `uri` do, and
# so may any module of a collection.
_SAFE_MODULES = frozenset(
    re.findall(
        r"\w+",
        """
        apt apt_key apt_repository blockinfile command cron deb822_repository debconf dnf dnf5
        dpkg_selections expect file find gather_facts get_url getent git group hostname iptables
        known_hosts lineinfile mount_facts package package_facts ping pip raw reboot replace
        rpm_key service service_facts setup shell slurp stat subversion systemd systemd_service
        sysvinit tempfile user wait_for wait_for_connection yum_repository
        """,
    )
)
_PREFIXES = ("", "ansible.builtin.")
_LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
_TEMPLATE_MARKS = ("{{", "{%", "{#")


def check_bounded_request(request: TaskRequest, *, home: Path) -> None:
    """Pass when nothing in `request`, as a person gave it, can act as the account.

    What a named task's file brings is its author's; only what the request adds is looked at.

    :raises AccessDenied: something in it could; the message names it.
    """
    options = request.options
    if options.template:
        raise _denied("--template", "lets Ansible evaluate code with the account's rights")
    for variables in options.extra_vars:
        if variables.file is not None:
            raise _denied(f"-e @{variables.file}", "reads a file with the account's rights")
        _check_variables(variables.values or {})
    if request.kind is Kind.MODULE and request.text is not None:
        _check_module(request.text)
    if request.kind is Kind.PLAYBOOK and request.text is not None:
        _check_playbook(request.text, home)


def check_bounded_targets(machines: Sequence[str], hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """Pass when no machine of an ad-hoc task is the controller itself.

    :param hosts: the variables of the inventory's machines.
    :raises AccessDenied: one is.
    """
    for name in machines:
        variables = hosts.get(name)
        is_local = (
            name in _LOCAL_NAMES
            if variables is None
            else variables.get("ansible_connection", "ssh") in ("local", "ansible.builtin.local")
        )
        if is_local:
            raise _denied(f"machine {name}", "is the controller, where the account itself works")


def _check_variables(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name.startswith("ansible_"):
            raise _denied(f"-e {name}", "can choose a program that starts on the controller")
        if any(mark in text for text in _texts(value) for mark in _TEMPLATE_MARKS):
            raise _denied(f"a template in -e {name}", "is evaluated with the account's rights")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []


def _check_module(name: str) -> None:
    prefix, _separator, short = name.rpartition(".")
    if short not in _SAFE_MODULES or (f"{prefix}." if prefix else "") not in _PREFIXES:
        raise _denied(
            f"--module {name}", "may have a part that works on the controller with its rights"
        )


def _check_playbook(playbook: str, home: Path) -> None:
    if Path(playbook).is_absolute():
        path = Path(playbook).resolve()
        if not path.is_relative_to(home.resolve()):
            raise _denied(f"the playbook {playbook}", "lies outside the home")


def _denied(what: str, why: str) -> AccessDenied:
    return AccessDenied(
        f"{what} takes the role maintainer of the team: it {why}",
        hint="a named task can bring it for everybody",
    )
