"""One look at a machine, from what the collection's ``machine_health`` module told. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MachineSample", "look_of_record"]

_MOST_MESSAGE = 300
_MOST_PATH = 500
_LARGEST = float(2**53)
_TIMED_OUT = "Timed out after"
# Ansible's own words before what ssh says.
_SSH_PREAMBLE = re.compile(
    r"^.{0,300}Make sure this host can be reached over ssh: ?|^Task failed: "
)


@dataclass(frozen=True, kw_only=True)
class MachineSample:
    """One look at a machine; `at` in microseconds, percentages of the whole machine."""

    team: str
    machine: str
    at: int
    is_reachable: bool
    cpus: int | None = None
    cpu_percent: float | None = None
    load1: float | None = None
    memory_percent: float | None = None
    memory_bytes: int | None = None
    disk_percent: float | None = None
    disk_path: str | None = None
    uptime_seconds: float | None = None
    message: str = ""


def look_of_record(
    record: Mapping[str, Any], *, team: str, at: int, timeout_seconds: float
) -> MachineSample:
    """Return the look that a record of the results callback holds; what it says is not trusted.

    A machine that could not be reached or did not answer in time was not reachable. One that
    answered but could not tell its health was; the message says why there are no numbers.

    :param at: when the record came, in microseconds.
    """
    message = _SSH_PREAMBLE.sub("", " ".join(str(record.get("message") or "").split()))
    message = message[:_MOST_MESSAGE]
    status, machine = record.get("status"), str(record.get("host"))
    if status == "failed" and message.startswith(_TIMED_OUT):
        status, message = "unreachable", f"did not answer within {timeout_seconds:g} seconds"
    if status not in ("ok", "changed"):
        return MachineSample(
            team=team,
            machine=machine,
            at=at,
            is_reachable=status != "unreachable",
            message=message or "told nothing",
        )
    result = record.get("result")
    told: Mapping[str, Any] = result if isinstance(result, Mapping) else {}
    load = told.get("load")
    cpus, memory = _number(told.get("cpus")), _number(told.get("memory_bytes"))
    path = told.get("disk_path")
    return MachineSample(
        team=team,
        machine=machine,
        at=at,
        is_reachable=True,
        cpus=None if cpus is None else int(min(cpus, 1 << 20)),
        cpu_percent=_percent(told.get("cpu_percent")),
        load1=_number(load[0]) if isinstance(load, list) and load else None,
        memory_percent=_percent(told.get("memory_percent")),
        memory_bytes=None if memory is None else int(memory),
        disk_percent=_percent(told.get("disk_percent")),
        disk_path=path[:_MOST_PATH] if isinstance(path, str) else None,
        uptime_seconds=_number(told.get("uptime_seconds")),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and 0 <= value <= _LARGEST else None


def _percent(value: object) -> float | None:
    number = _number(value)
    return None if number is None else min(100.0, float(number))
