"""From records and the run's end to results by machine and a verdict. Pure: reads nothing.

Results come from the callback's records alone. A machine without a record has no result, and
what has no result never counts as success.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rediacc.values import FailureClass, Kind, MachineOutcome, MachineResult, Reason

__all__ = [
    "Harvest",
    "ad_hoc_result",
    "harvest_playbook",
    "is_connection_lost",
    "rc_of",
    "reason_of_failure",
    "time_of",
    "unreadable_result",
]

_MOST_TEXT = 2000
# What a machine says of itself may be anything; a database's column may not.
_MOST_RC = 2**31 - 1
_MOST_BYTES = 2**53
_MOST_OUTPUT = 16 << 20
_MOST_DEPTH = 64
# What ssh says before a session is open (OpenSSH, sshconnect.c and ssh.c), and Ansible's own words.
_NEVER_CONNECTED = re.compile(
    r"ssh: connect to host|ssh: Could not resolve|Connection refused|No route to host"
    r"|Network is unreachable|Connection timed out|Permission denied|Authentication fail"
    r"|Host key verification failed|kex_exchange_identification|banner exchange|no matching "
    r"|Too many authentication failures|Connection (?:closed|reset) by .* port \d+"
    r"|Bad configuration option|Unable to negotiate|REMOTE HOST IDENTIFICATION|not find .*sshpass"
    r"|UNPROTECTED PRIVATE KEY|Could not resolve hostname|Name or service not known"
    r"|Data could not be sent to remote host"
    r"|Failed to create temporary directory|Timeout \(\d+s\) waiting for privilege",
    re.IGNORECASE,
)
_ERROR = re.compile(r"^(?:\[ERROR\]:|ERROR!)\s*(.+)$", re.MULTILINE)
_DONE = (MachineOutcome.OK, MachineOutcome.CHANGED)
_OUTCOMES = {
    "ok": MachineOutcome.OK,
    "changed": MachineOutcome.CHANGED,
    "ignored": MachineOutcome.OK,
    "skipped": MachineOutcome.SKIPPED,
    "failed": MachineOutcome.FAILED,
    "unreachable": MachineOutcome.UNREACHABLE,
}


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What the records of a playbook tell.

    :param is_whole: whether Ansible came to its end and said so.
    """

    results: tuple[MachineResult, ...]
    is_whole: bool
    has_begun: bool


def ad_hoc_result(record: Mapping[str, Any], *, kind: Kind) -> MachineResult:
    """Return the machine's result in the one record of a generated play."""
    is_timeout = bool(record.get("timed_out"))
    outcome = _OUTCOMES[record["status"]]
    if is_timeout and outcome is MachineOutcome.FAILED:
        outcome = MachineOutcome.TIMED_OUT
    message = _message(record) if not outcome.is_success else ""
    is_doubtful = is_connection_lost(record)
    if is_doubtful:
        message = f"the connection was lost; the work may have been done or not: {message}"
    is_program = kind in (Kind.COMMAND, Kind.SHELL)
    if is_program and outcome in _DONE and rc_of(record) != 0:
        # Our module would have said so: something else answered in its place.
        outcome = MachineOutcome.FAILED
        message = _message(record) or "the machine told no return code"
    return MachineResult(
        machine=record["host"],
        outcome=outcome,
        # What our own signal made of a command says nothing about the command.
        rc=None if outcome is MachineOutcome.TIMED_OUT else rc_of(record),
        message=message,
        stdout=_stream(record, "stdout"),
        stderr=_stream(record, "stderr"),
        stdout_bytes=_size(record, "stdout"),
        stderr_bytes=_size(record, "stderr"),
        truncated=bool(record.get("truncated")),
        started_at=time_of(record.get("started_at")),
        finished_at=time_of(record.get("ended_at")),
        # A doubt is never tried again by itself: it could start the same work twice.
        failure=None if is_doubtful else _failure(record, outcome),
        result=_plain(record.get("result") or {}) if kind is Kind.MODULE else {},
        delegated_to=_delegated([record]),
    )


def is_connection_lost(record: Mapping[str, Any]) -> bool:
    """Whether a machine became unreachable after the work may have begun there.

    ssh says when it could not connect; any other end of the connection is a doubt. A module that
    could not be sent whole (``ansible.plugins.connection.ssh._send_initial_data``) was not begun:
    the interpreter reads it to its end first.
    """
    if record.get("status") != "unreachable":
        return False
    return _NEVER_CONNECTED.search(str(record.get("message") or "")) is None


def unreadable_result(machine: str, why: str) -> MachineResult:
    """Return the result of a machine whose record cannot be taken for one: it failed."""
    return MachineResult(
        machine=machine,
        outcome=MachineOutcome.FAILED,
        failure=FailureClass.FAILED,
        message=f"its result cannot be read: {why}",
    )


def harvest_playbook(
    records: Sequence[Mapping[str, Any]],
    machines: Iterable[str],
    *,
    without_end: MachineOutcome = MachineOutcome.LOST,
) -> Harvest:
    """Return the results of a playbook, one for each of `machines` that Ansible spoke of.

    :param without_end: how machines fared when Ansible did not come to its end.
    """
    stats = next((r["hosts"] for r in reversed(records) if r["type"] == "stats"), None)
    results = [record for record in records if record["type"] == "result"]
    by_host: dict[str, list[Mapping[str, Any]]] = {}
    for record in results:
        by_host.setdefault(record["host"], []).append(record)
    names = dict.fromkeys([*machines, *by_host, *(stats or {})])
    found = []
    for name in names:
        counts = (stats or {}).get(name)
        if counts is not None or (stats is None and name in by_host):
            outcome = without_end if counts is None else _outcome_of_counts(counts)
            found.append(_playbook_result(name, by_host.get(name, []), counts or {}, outcome))
    return Harvest(
        results=tuple(found),
        is_whole=stats is not None,
        has_begun=any(record["type"] in ("task", "result") for record in records),
    )


def reason_of_failure(*, has_begun: bool, output: str, error: str) -> tuple[Reason, str]:
    """Return why a run without a proper end failed, and Ansible's own words for it."""
    errors = _ERROR.findall(output)
    lines = [line for line in output.splitlines() if line.strip()]
    words = error or (errors[-1] if errors else lines[-1] if lines else "")
    message = " ".join(words.split())[:_MOST_TEXT]
    if has_begun:
        return Reason.INTERNAL, message or "Ansible ended before it told its results"
    return Reason.CONFIG, message or "Ansible did not start the play"


def _playbook_result(
    name: str,
    records: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    outcome: MachineOutcome,
) -> MachineResult:
    last = next((r for r in reversed(records) if r["status"] in ("failed", "unreachable")), None)
    telling = last if last is not None and not outcome.is_success else None
    if telling is not None and telling.get("timed_out") and outcome is MachineOutcome.FAILED:
        outcome = MachineOutcome.TIMED_OUT
    return MachineResult(
        machine=name,
        outcome=outcome,
        rc=rc_of(telling) if telling else None,
        message=f"{telling['task']}: {_message(telling)}" if telling else "",
        stdout=_stream(telling, "stdout") if telling else "",
        stderr=_stream(telling, "stderr") if telling else "",
        started_at=time_of(records[0].get("started_at")) if records else None,
        finished_at=time_of(records[-1].get("ended_at")) if records else None,
        failure=_failure(telling, outcome) if telling else _default_failure(outcome),
        counts=dict(counts),
        delegated_to=_delegated(records),
    )


def _outcome_of_counts(counts: Mapping[str, int]) -> MachineOutcome:
    if counts.get("unreachable"):
        return MachineOutcome.UNREACHABLE
    if counts.get("failures"):
        return MachineOutcome.FAILED
    if counts.get("changed"):
        return MachineOutcome.CHANGED
    return MachineOutcome.OK if counts.get("ok") else MachineOutcome.SKIPPED


def _message(record: Mapping[str, Any]) -> str:
    return " ".join(str(record.get("message") or "").split())[:_MOST_TEXT]


def _stream(record: Mapping[str, Any], name: str) -> str:
    encoded = record.get(f"{name}_b64")
    if encoded:
        try:
            data = base64.b64decode(encoded)
        except (binascii.Error, TypeError, ValueError):
            return ""
        return data[:_MOST_OUTPUT].decode("utf-8", "surrogateescape")
    return str(record.get(name) or "")[:_MOST_OUTPUT]


def rc_of(record: Mapping[str, Any]) -> int | None:
    """Return a record's return code, if it is one that a database takes."""
    value = record.get("rc")
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_MOST_RC <= value <= _MOST_RC else None


def _size(record: Mapping[str, Any], name: str) -> int:
    value = record.get(f"{name}_bytes")
    return max(0, min(value, _MOST_BYTES)) if isinstance(value, int) else 0


def _plain(value: Any, depth: int = _MOST_DEPTH) -> Any:
    """Return `value` as any JSON reader and database takes it: finite, not nested without end."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MOST_BYTES:
        return str(value)
    if not isinstance(value, Mapping | list):
        return value
    if depth == 0:
        return "(nested too deeply)"
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth - 1) for key, item in value.items()}
    return [_plain(item, depth - 1) for item in value]


def _failure(record: Mapping[str, Any], outcome: MachineOutcome) -> FailureClass | None:
    if outcome.is_success:
        return None
    given = record.get("failure")
    if given in set(FailureClass):
        return FailureClass(given)
    return _default_failure(outcome)


def _default_failure(outcome: MachineOutcome) -> FailureClass | None:
    return {
        MachineOutcome.FAILED: FailureClass.FAILED,
        MachineOutcome.UNREACHABLE: FailureClass.UNREACHABLE,
        MachineOutcome.TIMED_OUT: FailureClass.TIMED_OUT,
    }.get(outcome)


def _delegated(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    names = {str(r["delegated_to"]) for r in records if r.get("delegated_to")}
    return tuple(sorted(names))


def time_of(value: object) -> datetime | None:
    """Return a record's time in UTC; ``None`` where there is none that can be read."""
    try:
        found = datetime.fromisoformat(str(value)) if value else None
        return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        return None
