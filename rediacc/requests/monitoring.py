"""What operations on health, depth, waits and history take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["DepthRequest", "HistoryRequest", "MetricsRequest"]


@dataclass(frozen=True, kw_only=True)
class DepthRequest:
    """``queue.depth``: of one team or of all that the caller sees.

    :param most_machines: at most so many machines, those with most work first; 0 for none.
    :param is_refresh: asked again by the same screen, which the audit does not note again.
    """

    team: str | None = None
    most_machines: int = 20
    is_refresh: bool = False


@dataclass(frozen=True, kw_only=True)
class HistoryRequest:
    """``health.history``: the queue and the machines from `since` to `until` (aware).

    :param resolution_seconds: 60, 300 or 3600; ``None`` takes the finest that the period has.
    :param slowest: at most so many of the slowest tasks.
    :param is_refresh: asked again by the same screen, which the audit does not note again.
    """

    since: datetime
    until: datetime
    team: str | None = None
    machine: str | None = None
    resolution_seconds: int | None = None
    slowest: int = 20
    is_refresh: bool = False


@dataclass(frozen=True, kw_only=True)
class MetricsRequest:
    """``metrics.read``: every metric of the home in Prometheus's text format."""
