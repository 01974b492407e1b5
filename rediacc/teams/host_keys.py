"""Host keys as known_hosts files hold them: looked up, compared, appended, never changed."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import InvalidInput, RediaccError

__all__ = ["Key", "Record", "append_lines", "hashed_name", "parse_key", "parse_records", "status"]

_TYPE = re.compile(r"[a-z0-9][a-z0-9@.-]{2,63}")
_KEY_LIMIT = 16384


@dataclass(frozen=True, kw_only=True)
class Key:
    """A public host key: its type and its base64 text."""

    type: str
    text: str

    @property
    def fingerprint(self) -> str:
        """Return what ``ssh-keygen -l`` shows: ``SHA256:…``."""
        digest = hashlib.sha256(base64.b64decode(self.text)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A known_hosts line that matches a machine.

    :param marker: empty, ``revoked`` or ``cert-authority``.
    """

    key: Key
    marker: str = ""


def parse_key(key_type: str, text: str) -> Key:
    """Return the key that two fields of a line mean.

    :raises InvalidInput: they are no public key.
    """
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput("a host key is not base64") from exc
    length = int.from_bytes(blob[:4], "big")
    if not _TYPE.fullmatch(key_type) or len(text) > _KEY_LIMIT:
        raise InvalidInput(f"{key_type[:60]!r} is no type of host key")
    if blob[4 : 4 + length] != key_type.encode():
        raise InvalidInput(f"a host key is not of the type that it claims: {key_type}")
    return Key(type=key_type, text=text)


def parse_records(output: str) -> tuple[Record, ...]:
    """Return the lines that ``ssh-keygen -F`` found; lines that ssh would skip are skipped."""
    records = []
    for line in output.splitlines():
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        marker = fields.pop(0)[1:] if fields[0].startswith("@") else ""
        if len(fields) < 3:
            continue
        try:
            records.append(Record(key=parse_key(fields[1], fields[2]), marker=marker))
        except InvalidInput:
            # ssh ignores lines that it cannot read, too.
            continue
    return tuple(records)


def status(key: Key, shown: Collection[Key], records: Sequence[Record]) -> str:
    """Return ``known``, ``unknown`` or ``changed`` for one of the keys that a machine showed.

    :param shown: all keys that it showed: when none of them is on record although others are,
        or one of a recorded type differs, the machine is not the one that was recorded.
    """
    if any(record.marker == "revoked" and record.key in shown for record in records):
        return "changed"
    if any(record.marker == "cert-authority" for record in records):
        return "known"
    recorded = {record.key for record in records if not record.marker}
    if not recorded:
        return "unknown"
    matching = recorded & set(shown)
    types = {known.type for known in matching}
    differs = any(other.type in {known.type for known in recorded} - types for other in shown)
    if not matching or differs:
        return "changed"
    return "known" if key in recorded else "unknown"


def hashed_name(name: str) -> str:
    """Return `name` as OpenSSH's ``HashKnownHosts`` writes it."""
    salt = secrets.token_bytes(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Append `lines` durably; what is in the file stays as it is.

    :raises RediaccError: the file cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            ends = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            text = ("" if ends else "\n") + "".join(f"{line}\n" for line in lines)
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise RediaccError(f"cannot write {path}: {exc.strerror}") from exc
