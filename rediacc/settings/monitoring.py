"""``[monitoring]`` of ``rediacc.toml``: limits of machines, and metrics for Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import InvalidInput
from rediacc.settings.reader import Reader

__all__ = ["MonitoringSettings", "check_sample_every", "read_monitoring"]

_SAMPLE_EVERY = (5.0, 3600.0)
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """How machines are sampled, when they count as overloaded, and where metrics go.

    :param timeout_seconds: how long one machine may take to tell its health.
    :param forks: how many machines are asked at once.
    :param cpu_limit: percent from which a machine is overloaded; likewise memory and disk.
    :param metrics: host and port on which a worker serves metrics; ``None`` for nowhere.
    :param textfile: the file to which a worker writes metrics each minute; ``None`` for none.
    """

    timeout_seconds: float = 10.0
    forks: int = 20
    cpu_limit: float = 90.0
    memory_limit: float = 95.0
    disk_limit: float = 95.0
    metrics: tuple[str, int] | None = None
    textfile: Path | None = None


def check_sample_every(seconds: float, what: str) -> None:
    """Pass when machines can be sampled that often.

    :param what: the key or option that says it.
    :raises InvalidInput: they cannot.
    """
    low, high = _SAMPLE_EVERY
    if not low <= seconds <= high:
        raise InvalidInput(f"{what} must be from {low:g} to {high:g} seconds")


def read_monitoring(reader: Reader, home: Path) -> MonitoringSettings:
    """Read the table ``[monitoring]``; paths are from `home`.

    :raises InvalidInput: a key or a value of it cannot be meant.
    """
    table = reader.table("monitoring")
    limits = ("cpu_limit", "memory_limit", "disk_limit")
    reader.known("monitoring", table, {"timeout", "forks", *limits, "metrics", "textfile"})
    default = MonitoringSettings()
    textfile = reader.text(table, "monitoring.textfile", None)
    return MonitoringSettings(
        timeout_seconds=reader.number(table, "monitoring.timeout", 10.0, low=1, high=300),
        forks=int(reader.number(table, "monitoring.forks", default.forks, low=1, high=500)),
        cpu_limit=reader.number(table, "monitoring.cpu_limit", default.cpu_limit, low=1),
        memory_limit=reader.number(table, "monitoring.memory_limit", default.memory_limit, low=1),
        disk_limit=reader.number(table, "monitoring.disk_limit", default.disk_limit, low=1),
        metrics=_endpoint(reader, reader.text(table, "monitoring.metrics", None)),
        textfile=home / Path(textfile).expanduser() if textfile else None,
    )


def _endpoint(reader: Reader, text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise reader.bad("monitoring.metrics", 'must be "HOST:PORT", for example "127.0.0.1:9750"')
    return found["host"].strip("[]"), int(found["port"])
