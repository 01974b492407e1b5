"""Whether roles bind those who come through ``sudo`` to this account.

Without members, ``sudo -u ACCOUNT rediacc`` is what it always was: acting as the account. As soon
as one person is listed in any home of the account, a mark in its home directory says so, and from
then on everybody who comes through sudo is the person that they are, in every home of the account:
else a second home, in which nobody is listed, would be a way around the first.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from rediacc.errors import AccessDenied

__all__ = ["bind", "bounded_environment", "check_own_home", "is_bound", "mark_of"]

_NAME = Path(".config", "rediacc", "members")
_TEXT = """\
# People are members of a rediacc home of this account, so whoever comes to it through sudo is
# bound to their role, in all its homes. Remove this file when nobody is a member any more.
"""
# What a person may say to a process that runs with another account's rights. No variable here is
# a program, a path or a setting; REDIACC_HOME is checked like --home.
_KEPT = (
    "COLUMNS",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LINES",
    "NO_COLOR",
    "REDIACC_HOME",
    "REDIACC_OUTPUT",
    "REDIACC_TOKEN",
    "SUDO_UID",
    "TERM",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def mark_of(directory: str) -> Path:
    """Return where the mark lies in an account's home directory."""
    return Path(directory) / _NAME


def is_bound() -> bool:
    """Say whether roles bind who comes through sudo to the account of this process."""
    directory = _account_home()
    return directory is not None and mark_of(directory).exists()


def _account_home() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def bind(environment: Mapping[str, str]) -> str:
    """Make the mark in the account's home directory; return what hinders it, if anything."""
    # Under sudo HOME may still be the person's own.
    own = "SUDO_UID" in environment
    directory = _account_home() if own else environment.get("HOME")
    if not directory:
        return "the account has no home directory"
    mark = mark_of(directory)
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            mark.write_text(_TEXT, encoding="utf-8")
    except OSError as exc:
        return f"{mark}: {exc.strerror}"
    return "" if is_bound() else f"HOME is {directory}, and that is not the account's own"


def bounded_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a person who is bound: the account's own, not theirs.

    ``sudo`` removes most by itself; this holds where its configuration keeps more.
    """
    account = pwd.getpwuid(os.getuid())  # it has a mark in its home directory, so it is known
    kept = {name: environment[name] for name in _KEPT if name in environment}
    return {
        **kept,
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "PATH": f"{Path(sys.executable).parent}:{_PATH}",
    }


def check_own_home(home: Path) -> None:
    """Pass when `home` and its settings belong to the account of this process.

    For people who are bound: a home of their own would be settings, inventories and playbooks of
    their own, read and run with the account's rights.

    :raises AccessDenied: it is somebody else's.
    """
    for path in (home, home / "rediacc.toml"):
        if path.stat().st_uid != os.getuid():
            raise AccessDenied(
                f"{home} is no home of this account: {path} belongs to uid {path.stat().st_uid}",
                hint="through sudo only homes of the account that you become are served",
            )
