"""How a read inventory lies on the disk: one private file of names, one of variables."""

from __future__ import annotations

import hashlib
import json
import mmap
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rediacc.teams.files import write_private
from rediacc.teams.inventory_data import Group, Groups, Hosts, Inventory

__all__ = ["Record", "load_record", "open_inventory", "store_record"]

_FORMAT = 1
# Somebody who just read the old names may still want the variables that belong to them.
_KEEP_OLD_SECONDS = 60.0
_ONLY_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Record:
    """The file of names.

    :param key: what the inventory was read from; another key makes the record stale.
    :param read_at: when, in seconds since the epoch.
    :param variables: the name of the file of variables.
    :param spans: where each machine's variables stand in that file.
    """

    key: str
    read_at: float
    source: str
    is_dynamic: bool
    has_hidden_variables: bool
    has_uncertain_trust: bool
    machines: Sequence[str]
    groups: Mapping[str, Mapping[str, Sequence[str]]]
    addresses: Mapping[str, str]
    spans: Sequence[tuple[int, int]]
    variables: str
    digest: str
    warnings: Sequence[str]
    format: int = _FORMAT


def load_record(directory: Path, stem: str) -> Record | None:
    """Return the stored record; ``None`` when there is none that this version understands."""
    try:
        stored = json.loads((directory / f"{stem}.json").read_bytes())
        if stored.get("format") != _FORMAT:
            return None
        return Record(**stored)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def store_record(
    directory: Path,
    stem: str,
    *,
    key: str,
    read_at: float,
    source: str,
    structure: Mapping[str, Group],
    machines: Sequence[str],
    variables: Mapping[str, Mapping[str, Any]],
    is_dynamic: bool,
    has_hidden_variables: bool,
    has_uncertain_trust: bool,
    warnings: Sequence[str],
) -> Record:
    """Write what was read, variables first, then the names that lead to them."""
    lines, spans, start = [], [], 0
    for machine in machines:
        own = variables.get(machine)
        line = json.dumps(own, separators=(",", ":")).encode() + b"\n" if own else b""
        lines.append(line)
        spans.append((start, len(line)))
        start += len(line)
    text = b"".join(lines)
    groups = {name: asdict(group) for name, group in structure.items()}
    flags = (has_hidden_variables, has_uncertain_trust)
    digest = hashlib.sha256(repr((source, list(machines), groups, flags)).encode() + text)
    record = Record(
        key=key,
        read_at=read_at,
        source=source,
        is_dynamic=is_dynamic,
        has_hidden_variables=has_hidden_variables,
        has_uncertain_trust=has_uncertain_trust,
        machines=machines,
        groups=groups,
        addresses=_addresses(machines, variables),
        spans=spans,
        variables=f"{stem}.{digest.hexdigest()[:16]}.vars",
        digest=digest.hexdigest(),
        warnings=warnings,
    )
    write_private(directory / record.variables, text)
    write_private(directory / f"{stem}.json", json.dumps(asdict(record), separators=(",", ":")))
    _forget_old(directory, stem, record.variables)
    return record


def _addresses(
    machines: Sequence[str], variables: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    found = {}
    for machine in machines:
        own = variables.get(machine, {})
        address = own.get("ansible_host", own.get("ansible_ssh_host"))
        if isinstance(address, str):
            named = _ONLY_VARIABLE.fullmatch(address.strip())
            if named is not None:
                address = machine if named[1] == "inventory_hostname" else own.get(named[1])
        if isinstance(address, str) and "{" not in address:
            found[machine] = address
    return found


def _forget_old(directory: Path, stem: str, current: str) -> None:
    oldest = time.time() - _KEEP_OLD_SECONDS
    for path in directory.glob(f"{stem}.*.vars"):
        try:
            if path.name != current and path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:
            continue


def open_inventory(
    directory: Path,
    record: Record,
    *,
    team: str,
    ask_ansible: Callable[[str], tuple[str, ...]],
) -> Inventory | None:
    """Return the recorded inventory; ``None`` when its variables are gone."""
    machines = tuple(record.machines)
    structure = {
        name: Group(machines=tuple(group["machines"]), children=tuple(group["children"]))
        for name, group in record.groups.items()
    }
    try:
        text = _map(directory / record.variables)
        hosts = Hosts(machines, record.spans, text)
    except (OSError, ValueError):
        return None
    return Inventory(
        team=team,
        source=record.source,
        hosts=hosts,
        groups=Groups(structure, machines),
        structure=structure,
        addresses=record.addresses,
        has_hidden_variables=record.has_hidden_variables,
        has_uncertain_trust=record.has_uncertain_trust,
        digest=record.digest,
        warnings=tuple(record.warnings),
        ask_ansible=ask_ansible,
    )


def _map(path: Path) -> mmap.mmap | bytes:
    """Map the file: it stays readable after a newer one has taken its place."""
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            return b""
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
