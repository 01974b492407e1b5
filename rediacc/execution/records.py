"""Reading the records that the results callback appends to a run's directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["may_have_become", "read_records"]

_MOST_BYTES = 64 << 20


def read_records(path: Path, *, nonce: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the whole records after `offset` that carry `nonce`, and where to go on reading.

    A last line without its end is left for the next call; anything else that is no record of
    this run is passed over, and so is a line longer than any record may be.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(_MOST_BYTES)
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    if not end and len(data) == _MOST_BYTES:
        return [], offset + len(data)  # the rest of that line is no JSON and passed over too
    records = []
    for line in data[:end].splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and record.get("nonce") == nonce:
            records.append(record)
    return records, offset + end


def may_have_become(path: Path, *, nonce: str) -> bool:
    """Return whether the run of these records may have become another user on a machine.

    The callback tells it before the first such task starts. Records that are not there or cannot
    be read say nothing, and then it may have.
    """
    try:
        with path.open("rb") as stream:
            return not nonce or any(_may_tell_become(line, nonce) for line in stream)
    except OSError:
        return True


def _may_tell_become(line: bytes, nonce: str) -> bool:
    """Whether a line is the record of becoming, or what is left of a record."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return True
    is_ours = isinstance(record, dict) and record.get("nonce") == nonce
    return not line.endswith(b"\n") or (is_ours and record.get("type") == "become")
