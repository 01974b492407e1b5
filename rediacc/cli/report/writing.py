"""Writing the page: whole or not at all, for its writer alone, over nothing but another report."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from rediacc.cli.report.page import MARK
from rediacc.errors import Conflict, InvalidInput, RediaccError

__all__ = ["check_target", "write_page"]

_LOOKED_AT = 4096


def check_target(path: Path) -> None:
    """Pass when a report may be put at `path`: nothing is there, or an older report.

    :raises InvalidInput: its directory is missing, or something else than a file is there.
    :raises Conflict: another file is there.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise InvalidInput(f"--out {path}: there is no directory {path.parent}") from None
        return
    except OSError as exc:
        raise InvalidInput(f"--out {path}: {exc.strerror}") from exc
    if stat.S_ISLNK(found.st_mode):
        raise InvalidInput(
            f"--out {path} is a symbolic link", hint="name the file that it leads to, or remove it"
        )
    if not stat.S_ISREG(found.st_mode):
        sort = "a directory" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
        raise InvalidInput(f"--out {path} is {sort}", hint="name a file")
    if found.st_size and not _is_report(path):
        raise Conflict(
            f"--out {path} is there and is no report: it was not touched",
            hint="name another file, or remove it",
        )


def write_page(path: Path, page: str) -> None:
    """Put `page` at `path` in one step, readable by its writer alone.

    :raises RediaccError: as :func:`check_target`, or the disk is full or not writable.
    """
    check_target(path)
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(part, flags, 0o600), "wb") as stream:
            stream.write(page.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as exc:
        raise RediaccError(f"cannot write {path}: {exc.strerror}") from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _is_report(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return MARK.encode() in stream.read(_LOOKED_AT)
    except OSError:
        return False
