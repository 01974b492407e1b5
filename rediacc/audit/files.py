"""The audit in files: one entry a line with its hash, to be verified without a home.

Each line of JSON Lines is an object with the fields of :data:`FIELDS`; a line of CSV has the same
columns, ``detail`` as JSON. The hash covers all fields but itself: the SHA-256 of their JSON with
sorted keys, without spaces, in ASCII. ``previous`` is the hash of the entry before.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from rediacc.audit.chain import GENESIS, entry_hash
from rediacc.audit.checkpoint import Checkpoint
from rediacc.errors import InvalidInput
from rediacc.views import AuditEntryView, AuditVerdict

__all__ = ["FIELDS", "entry_of", "read_entries", "to_line", "verify_entries"]

FIELDS = (
    "seq",
    "at",
    "actor",
    "channel",
    "operation",
    "object",
    "outcome",
    "detail",
    "previous",
    "hash",
)
_NUMBERS = ("seq", "at")


def entry_of(view: AuditEntryView) -> dict[str, Any]:
    """Return the fields that a file holds; ``at`` in microseconds since 1970."""
    return {name: view.at_micros if name == "at" else getattr(view, name) for name in FIELDS} | {
        "detail": dict(view.detail)
    }


def to_line(entry: Mapping[str, Any], *, form: str) -> str:
    """Return one line of ``jsonl`` or ``csv``, with its line break."""
    if form == "jsonl":
        return json.dumps(entry, separators=(",", ":")) + "\n"
    text = io.StringIO()
    cells = [json.dumps(value) if name == "detail" else value for name, value in entry.items()]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def read_entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of an exported file: JSON Lines or CSV, also compressed (``.gz``).

    :raises InvalidInput: it cannot be read, or holds something else.
    """
    try:
        with _opened(path) as stream:
            first = stream.read(1)
            if not first:
                raise InvalidInput(f"{path}: holds no entry")
            rest = _lines(first, stream)
            yield from _of_json(rest, path) if first == "{" else _of_csv(rest, path)
    except (OSError, EOFError) as exc:
        raise InvalidInput(f"{path}: cannot be read: {getattr(exc, 'strerror', exc)}") from exc
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{path}: is not UTF-8 text") from exc


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.GzipFile(path), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _lines(first: str, stream: IO[str]) -> Iterator[str]:
    """Yield the lines of `stream`, whose first character was read already."""
    yield first + stream.readline()
    yield from stream


def verify_entries(
    entries: Iterable[Mapping[str, Any]], *, kept: Checkpoint | None = None
) -> AuditVerdict:
    """Recompute the chain of a file, from whichever entry it begins with.

    :param kept: an entry that the file must hold.
    """
    first = last = 0
    previous, problem, is_kept = GENESIS, "", kept is None
    for entry in entries:
        if not last:
            first = entry["seq"]
            expected = GENESIS if first == 1 else entry["previous"]
        else:
            expected = previous
        fits = entry["previous"] == expected and entry["seq"] == (last + 1 if last else first)
        if not fits or entry_hash(entry) != entry["hash"]:
            problem = f"the hash chain breaks at entry {entry['seq']}"
            break
        last, previous = entry["seq"], str(entry["hash"])
        is_kept = is_kept or (kept is not None and (kept.seq, kept.hash) == (last, previous))
    if not problem and not is_kept and kept is not None:
        problem = f"the file does not hold the entry {kept.seq} of the checkpoint that was given"
    note = "" if first <= 1 or problem else f"the file begins at entry {first}"
    end = Checkpoint(seq=last, hash=previous)
    return AuditVerdict(
        is_whole=not problem,
        problem=problem,
        note=note,
        first=first,
        last=last,
        checkpoint=str(end),
    )


def _of_json(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise InvalidInput(f"{path}: line {number} is no JSON") from exc
        yield _checked(entry, path, number)


def _of_csv(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    try:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise ValueError("other columns")
        for number, row in enumerate(reader, start=2):
            numbers = {name: int(row[name]) for name in _NUMBERS}
            yield _checked({**row, **numbers, "detail": json.loads(row["detail"])}, path, number)
    except UnicodeDecodeError:
        raise
    except (KeyError, TypeError, ValueError, csv.Error, RecursionError) as exc:
        raise InvalidInput(f"{path}: is no exported audit") from exc


def _checked(entry: Any, path: Path, number: int) -> dict[str, Any]:
    if (
        not isinstance(entry, dict)
        or set(entry) != set(FIELDS)
        or not all(isinstance(entry[name], int) for name in _NUMBERS)
    ):
        raise InvalidInput(f"{path}: line {number} is no entry of an audit")
    return entry
