"""What names, addresses and variables may look like before they get into files or arguments."""

from __future__ import annotations

import difflib
import ipaddress
import keyword
import math
import re
from collections.abc import Iterable
from typing import Any

from rediacc.errors import InvalidInput

__all__ = [
    "check_address",
    "check_group",
    "check_machine",
    "check_named_task",
    "check_port",
    "check_team",
    "check_user",
    "check_value",
    "check_variable",
    "did_you_mean",
    "is_address",
    "looks_secret",
]

_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TEAM = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_NAMED_TASK = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,254}\$?")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_RESERVED_GROUPS = {"all", "ungrouped"}
_SECRET = re.compile(
    r"(?:pass|password|passwd|passphrase|secret|token|api_?key|(?:private|access)_?key|credential)"
    r"s?$",
    re.IGNORECASE,
)
_VALUE_DEPTH = 32
_VALUE_TEXT = 65536


def check_machine(name: str) -> str:
    """Return `name` when it may name a machine.

    :raises InvalidInput: it may not.
    """
    if not _MACHINE.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no machine name",
            hint="letters, digits, '.', '_', '-', at most 63; the first a letter or digit",
        )
    if name in _RESERVED_GROUPS:
        raise InvalidInput(f"a machine cannot be named {name}: Ansible has a group of that name")
    return name


def check_team(name: str) -> str:
    """Return `name` when it may name a team.

    :raises InvalidInput: it may not.
    """
    if not _TEAM.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no team name",
            hint="lower-case letters, digits, '-', '_', at most 32; the first a letter or digit",
        )
    return name


def check_named_task(name: str) -> str:
    """Return `name` when it may name a named task.

    :raises InvalidInput: it may not.
    """
    if not _NAMED_TASK.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name of a named task",
            hint="small letters, digits, '_', '-', at most 64; the first a letter or digit",
        )
    return name


def check_group(name: str) -> str:
    """Return `name` when Ansible takes it for a group and the group is not one of its own.

    :raises InvalidInput: it may not.
    """
    if name in _RESERVED_GROUPS:
        raise InvalidInput(f"the group {name} is Ansible's own: every machine is in it by itself")
    if not _GROUP.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no group name",
            hint="letters, digits and '_'; the first no digit",
        )
    return name


def check_variable(name: str) -> str:
    """Return `name` when Ansible takes it for a variable.

    :raises InvalidInput: it does not.
    """
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or len(name) > 255:
        raise InvalidInput(
            f"{name[:80]!r} is no variable name",
            hint="letters, digits and '_'; the first no digit; no word of Python's own",
        )
    return name


def check_user(user: str) -> str:
    """Return `user` when it may name an account on a machine.

    :raises InvalidInput: it may not.
    """
    if not _USER.fullmatch(user):
        raise InvalidInput(f"{user[:80]!r} is no user name")
    return user


def check_port(port: int) -> int:
    """Return `port` when it is one.

    :raises InvalidInput: it is not.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise InvalidInput(f"{port!r} is no port: 1 to 65535")
    return port


def check_address(address: str) -> str:
    """Return `address` when it is a host name (RFC 1123), an IPv4 or an IPv6 address.

    :raises InvalidInput: it is none.
    """
    if not is_address(address) and not _is_host_name(address):
        raise InvalidInput(
            f"{address[:80]!r} is no host name and no address",
            hint="a name such as web1.example.com, an IPv4 or an IPv6 address",
        )
    return address


def looks_secret(name: str) -> bool:
    """Whether a variable of this name is likely to hold a secret."""
    return _SECRET.search(name) is not None


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address; IPv6 may have a zone (``fe80::1%eth0``)."""
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not percent or parsed.version == 6


def _is_host_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    # RFC 1123, 2.1: a last label of digits only would be an address, and a broken one.
    return not labels[-1].isdigit()


def check_value(value: Any, what: str) -> Any:
    """Return `value` when JSON can carry it and it is of sane size.

    :param what: whose value it is, for the complaint.
    :raises InvalidInput: it is none.
    """
    _check_value(value, what, _VALUE_DEPTH)
    return value


def _check_value(value: Any, what: str, depth: int) -> None:
    if depth == 0:
        raise InvalidInput(f"{what} is nested too deeply")
    if isinstance(value, str):
        _check_text(value, what)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{what} holds {value}, which is no number for JSON")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidInput(f"{what} holds a key that is no text: {key!r}")
            _check_text(key, what)
            _check_value(item, what, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, what, depth - 1)
    elif value is not None and not isinstance(value, bool | int | float):
        raise InvalidInput(f"{what} is no JSON value")


def _check_text(text: str, what: str) -> None:
    if len(text) > _VALUE_TEXT:
        raise InvalidInput(f"{what} is longer than {_VALUE_TEXT} characters")
    if "\0" in text or any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        raise InvalidInput(f"{what} holds a character that is no text")


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a hint that names what `given` may have meant, else all that is known."""
    names = sorted(known)
    alike = difflib.get_close_matches(given, names, n=1)
    return f"did you mean {alike[0]}?" if alike else f"known: {', '.join(names) or 'none'}"
