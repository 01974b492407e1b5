"""What reports take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["ReportRequest"]


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """``report.read``: what was from `since` to before `until` (aware).

    :param team: only this team; ``None`` for all that the caller may see.
    """

    since: datetime
    until: datetime
    team: str | None = None
