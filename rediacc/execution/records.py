"""Reading the records that the results callback appends to a run's directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["read_records"]

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
