"""Files of the archive: compressed JSON Lines, each with a manifest beside it.

A file is written under the name ``….part``, brought to the disk, read back and compared. It gets
its own name only when the database knows of it, so that a name without ``.part`` always means a
whole, verified file.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rediacc.errors import ArchiveDamaged, Conflict, RediaccError
from rediacc.times import moment

__all__ = [
    "DIRECTORY",
    "Shelf",
    "WrittenFile",
    "lines_of",
]

DIRECTORY = "archive"
_PART = ".part"
_MANIFEST = ".manifest.json"
_LEVEL = 6


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A file that lies on the disk, whole and verified, but without its own name yet.

    :param path: relative to the shelf, as it will be named.
    :param sha256: of the file's bytes, compressed.
    """

    path: str
    sha256: str
    rows: int
    bytes: int


class Shelf:
    """The archive's directory.

    :param state: the home's private directory.
    """

    def __init__(self, state: Path) -> None:
        self.root = state / DIRECTORY

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time write here; the lock ends with the process.

        :raises Conflict: another process is archiving.
        """
        self._make_directory(self.root)
        descriptor = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise Conflict(
                    "another process is moving things to the archive", hint="try again later"
                ) from exc
            yield
        finally:
            os.close(descriptor)

    def write(self, sort: str, lines: Iterable[bytes], *, name: str, at: int) -> WrittenFile:
        """Write `lines` to a new file, bring it to the disk, read it back and compare.

        :param name: what the file's name says of its content.
        :param at: microseconds; the year that it is filed under.
        :raises RediaccError: it cannot be written, or does not hold what was written.
        """
        path = f"{sort}/{moment(at):%Y}/{name}-{secrets.token_hex(3)}.jsonl.gz"
        target = self.root / path
        try:
            for directory in (self.root, self.root / sort, target.parent):
                self._make_directory(directory)
            rows, digest = _write_part(_part_of(target), lines)
            _sync_directory(target.parent)
            content = _read_from_disk(_part_of(target))
        except OSError as exc:
            raise RediaccError(f"cannot write the archive {target}: {exc.strerror}") from exc
        read_rows, read_digest = _look_through(content, target)
        if (read_rows, read_digest) != (rows, digest):
            raise ArchiveDamaged(f"{target} does not hold what was written to it: nothing is moved")
        return WrittenFile(
            path=path, sha256=hashlib.sha256(content).hexdigest(), rows=rows, bytes=len(content)
        )

    def publish(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Give a written file its own name and put its manifest beside it; again changes nothing.

        :raises ArchiveDamaged: the file is under neither name.
        """
        target = self.root / path
        try:
            if not target.exists():
                if not _part_of(target).exists():
                    raise ArchiveDamaged(f"the archive {target} is missing", hint=_RESTORE)
                _part_of(target).rename(target)
            content = json.dumps(dict(manifest), indent=2, sort_keys=True) + "\n"
            _replace(_manifest_of(target), content.encode())
            _sync_directory(target.parent)
        except OSError as exc:
            raise RediaccError(f"cannot write the archive {target}: {exc.strerror}") from exc

    def is_unpublished(self, path: str) -> bool:
        """Whether a recorded file still has its draft's name, or no manifest."""
        target = self.root / path
        is_named = target.exists()
        return _part_of(target).exists() or (is_named and not _manifest_of(target).exists())

    def read(self, path: str, *, sha256: str) -> bytes:
        """Return the content of a file, uncompressed.

        :raises ArchiveDamaged: it is missing, or is not what was put there.
        """
        target = self.root / path
        found = target if target.exists() else _part_of(target)
        try:
            content = found.read_bytes()
        except FileNotFoundError as exc:
            raise ArchiveDamaged(f"the archive {target} is missing", hint=_RESTORE) from exc
        except OSError as exc:
            raise ArchiveDamaged(f"the archive {target} cannot be read: {exc.strerror}") from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArchiveDamaged(
                f"the archive {target} was changed: its checksum is another", hint=_RESTORE
            )
        return gzip.decompress(content)

    def manifest(self, path: str) -> dict[str, Any] | None:
        """Return what the manifest beside a file says; ``None`` where there is none to read."""
        try:
            found = json.loads(_manifest_of(self.root / path).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def strangers(self, known: frozenset[str]) -> list[str]:
        """Return the files that look like archives and are not among `known`."""
        found = (str(path.relative_to(self.root)) for path in self.root.glob("*/*/*.jsonl.gz"))
        return sorted(path for path in found if path not in known)

    def sweep(self, known: frozenset[str]) -> None:
        """Remove drafts that no row of the database names: what a crash left half done."""
        for part in self.root.glob(f"*/*/*{_PART}"):
            name = str(part.relative_to(self.root)).removesuffix(_PART)
            if name not in known:
                part.unlink(missing_ok=True)

    def _make_directory(self, directory: Path) -> None:
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_directory(directory.parent)


_RESTORE = "restore it from a backup; 'rediacc verify archive' checks all files"


def lines_of(content: bytes) -> Iterator[bytes]:
    """Return the lines of a file's content."""
    return (line for line in content.split(b"\n") if line)


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + _PART)


def _manifest_of(target: Path) -> Path:
    return target.with_name(target.name.removesuffix(".jsonl.gz") + _MANIFEST)


def _write_part(part: Path, lines: Iterable[bytes]) -> tuple[int, str]:
    """Write `lines` compressed to the disk; return how many and the digest of all."""
    rows, digest = 0, hashlib.sha256()
    flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "wb") as raw:
        # No name and no time in the header: the same content makes the same file.
        with gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as packed:
            for line in lines:
                rows += 1
                digest.update(line)
                packed.write(line)
        raw.flush()
        os.fsync(raw.fileno())
    return rows, digest.hexdigest()


def _read_from_disk(path: Path) -> bytes:
    """Read a file, as far as the system lets us from the disk and not from its memory."""
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return stream.read()


def _look_through(content: bytes, target: Path) -> tuple[int, str]:
    rows, digest = 0, hashlib.sha256()
    try:
        for line in gzip.GzipFile(fileobj=io.BytesIO(content)):
            json.loads(line)
            rows += 1
            digest.update(line)
    except (OSError, EOFError, ValueError) as exc:
        raise ArchiveDamaged(f"{target} cannot be read back: nothing is moved") from exc
    return rows, digest.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
