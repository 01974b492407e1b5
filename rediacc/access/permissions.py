"""Who may do what. One function decides; every operation passes it.

In embedded use the operating system is the boundary: whoever can read the database and the
account's keys can do everything, and roles would only guard against mistakes. So the rule here
is the operating system's own: the account that owns the home, and root.
"""

from __future__ import annotations

import os
from pathlib import Path

from rediacc.errors import AccessDenied
from rediacc.values import Caller

__all__ = ["authorize"]


def authorize(caller: Caller, operation: str, *, home: Path) -> None:
    """Pass when `caller` may perform `operation` in `home`.

    :raises AccessDenied: they may not.
    """
    owner = home.stat().st_uid
    if caller.uid not in (0, owner):
        raise AccessDenied(
            f"{caller.name} may not do {operation} here: the home {home} belongs to uid {owner}",
            hint=f"run it as that account, for example with sudo -u '#{owner}'",
        )
    # Root passes; so does the owner. An effective uid that differs from the real one is a
    # setuid program, which rediacc must never be part of.
    if os.geteuid() != os.getuid():
        raise AccessDenied(f"{operation} is refused under a changed effective uid")
