"""Small helpers for private files and for text that comes from outside."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rediacc.errors import InvalidInput, RediaccError

__all__ = [
    "PARSE_LIMIT_BYTES",
    "TEXT_LIMIT",
    "checked_text",
    "exclusive_lock",
    "one_line",
    "private_directory",
    "read_limited",
    "write_private",
]

PARSE_LIMIT_BYTES = 16 << 20
TEXT_LIMIT = 4096


def private_directory(path: Path) -> Path:
    """Make `path` (and what is missing above it) for the owner only, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise RediaccError(f"cannot make the directory {path}: {exc.strerror}") from exc
    return path


def write_private(path: Path, data: bytes | str, *, mode: int = 0o600) -> None:
    """Replace `path` atomically and durably; a reader sees the old content or the new, never half.

    :raises RediaccError: it could not be written; `path` is then as it was.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise RediaccError(f"cannot write {path}: {exc.strerror}") from exc


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; others wait. The system frees it when the process ends."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise RediaccError(f"cannot open the lock {path}: {exc.strerror}") from exc
    try:
        if os.geteuid() == 0:
            # Root works here as well, and must not lock the home's account out for ever.
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_limited(path: Path, *, limit_bytes: int = PARSE_LIMIT_BYTES) -> bytes:
    """Return the content of `path`.

    :raises InvalidInput: it cannot be read or is larger than `limit_bytes`.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as exc:
        raise InvalidInput(f"cannot read {path}: {exc.strerror}") from exc
    if len(content) > limit_bytes:
        raise InvalidInput(f"{path} is larger than {limit_bytes >> 20} MiB")
    return content


def checked_text(value: str, what: str, *, limit: int = TEXT_LIMIT) -> str:
    """Return `value` when it may stand in an argument list as what it is.

    :param what: what the value is, for the complaint, for example ``machine name``.
    :raises InvalidInput: it is empty, too long, starts with ``-`` or holds control characters.
    """
    if not value or not value.strip():
        raise InvalidInput(f"a {what} is empty")
    if len(value) > limit:
        raise InvalidInput(f"a {what} is longer than {limit} characters")
    if not value.isprintable():
        raise InvalidInput(f"the {what} {value[:60]!r} holds control characters")
    if value.startswith("-"):
        raise InvalidInput(f"the {what} {value[:60]!r} starts with '-'")
    return value


def one_line(text: str, *, limit: int = 500) -> str:
    """Fold `text` into one printable line of at most `limit` characters."""
    folded = " ".join(text.split())
    line = "".join(char if char.isprintable() else "?" for char in folded)
    return line if len(line) <= limit else line[: limit - 1] + "…"
