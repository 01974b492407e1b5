"""Changes to files: planned as values, written atomically, refused when somebody was faster.

A plan reads; :func:`apply_changes` writes. Between the two the audit can note the intent, and
afterwards :func:`is_applied` tells, also after a crash, whether the change is in the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rediacc.errors import Conflict, InvalidInput, RediaccError

__all__ = ["FileChange", "apply_change", "apply_changes", "is_applied", "read_file"]

_LIMIT_BYTES = 16 << 20
_NEW_DIRECTORY_MODE = 0o777
_NEW_FILE_MODE = 0o666


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """One file's change, with what it is based on.

    :param path: the file; links are followed, and the file that they lead to changes.
    :param before: the content that the plan saw; ``None``: there was no file.
    :param after: the new content; ``None``: the file is removed.
    :param summary: what changes and why, one line for people and the audit.
    :param prunes: also remove the file's directory, if the removal left it empty.
    :param mode: the mode of a new file; ``None`` leaves it to the account's umask. Directories
        that are made for a private file are private too.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    summary: str
    prunes: bool = False
    mode: int | None = None


def read_file(path: Path) -> bytes | None:
    """Return a regular file's content, or ``None`` when there is no such file.

    :raises InvalidInput: it is something else, larger than 16 MiB, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise InvalidInput(f"cannot read {path}: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{path} is no regular file")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(_LIMIT_BYTES + 1)
    if len(content) > _LIMIT_BYTES:
        raise InvalidInput(f"{path} is larger than {_LIMIT_BYTES >> 20} MiB")
    return content


def is_applied(change: FileChange) -> bool:
    """Whether the file now holds what the change was to make it."""
    return read_file(change.path) == change.after


def apply_change(change: FileChange) -> None:
    """Make the change durably: a reader sees the old content or the new one, never a part.

    :raises Conflict: the file no longer is what the plan saw; nothing was changed.
    :raises RediaccError: the file could not be written; it is as it was.
    """
    target = _followed(change.path)
    try:
        if change.after is not None:
            is_private = change.mode is not None and not change.mode & 0o077
            _make_directories(target.parent, 0o700 if is_private else _NEW_DIRECTORY_MODE)
        with _locked(target.parent):
            if read_file(target) != change.before:
                raise Conflict(
                    f"{change.path} has changed meanwhile: nothing was written",
                    hint="try again",
                )
            if change.after is None:
                target.unlink(missing_ok=True)
            else:
                _replace(target, change.after, mode=change.mode)
            _sync_directory(target.parent)
        if change.prunes and change.after is None:
            _prune(target.parent)
    except OSError as exc:
        raise RediaccError(f"cannot write {change.path}: {exc.strerror}") from exc


def apply_changes(changes: Sequence[FileChange]) -> None:
    """Make several changes in order; when one fails, those before it are taken back.

    :raises Conflict: a file no longer is what the plan saw.
    :raises RediaccError: a file could not be written.
    """
    for change in changes:
        if read_file(change.path) != change.before:
            raise Conflict(
                f"{change.path} has changed meanwhile: nothing was written", hint="try again"
            )
    done: list[FileChange] = []
    try:
        for change in changes:
            apply_change(change)
            done.append(change)
    except RediaccError as exc:
        for change in reversed(done):
            _take_back(change, exc)
        raise


def _take_back(change: FileChange, cause: RediaccError) -> None:
    inverse = replace(
        change, before=change.after, after=change.before, prunes=change.before is None
    )
    try:
        apply_change(inverse)
    except RediaccError as exc:
        raise RediaccError(
            f"{cause.message}; and {change.path} could not be put back: {exc.message}",
            hint=f"check {change.path} by hand",
        ) from exc


def _followed(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as exc:
        raise InvalidInput(f"{path} is a link that leads nowhere") from exc


def _make_directories(directory: Path, mode: int) -> None:
    """Make what is missing and see that it survives a power cut."""
    if directory.is_dir():
        return
    _make_directories(directory.parent, mode)
    # Another process may make it at the same moment.
    directory.mkdir(mode=mode, exist_ok=True)
    _sync_directory(directory.parent)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep out other rediacc processes between the comparison and the replacement."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, content: bytes, *, mode: int | None) -> None:
    # A leading dot: Ansible ignores such files in an inventory directory.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        old = target.stat()
    except FileNotFoundError:
        old = None
    narrow = 0o600 if old is not None else mode
    descriptor = os.open(temporary, flags, _NEW_FILE_MODE if narrow is None else narrow)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if old is not None:
                _take_over(stream.fileno(), old)
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _take_over(descriptor: int, old: os.stat_result) -> None:
    """Give the new file the old one's owner, where we may, and its mode."""
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        # Only root may give files away; a group's member keeps what is possible: the mode.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(directory: Path) -> None:
    # Not empty, or already gone: then it is not ours to remove.
    with contextlib.suppress(OSError):
        directory.rmdir()
