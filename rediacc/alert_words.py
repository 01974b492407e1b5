"""The words of alerts: which rules there are, how bad what they find is, what is wrong.

Nothing here needs a database, so that settings and commands can name rules.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["AlertRule", "AlertState", "Severity"]


class Severity(StrEnum):
    """How bad it is, in the words of PagerDuty; the worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """How an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class AlertRule(StrEnum):
    """What can be wrong; the names of ``[alerts] off`` and of ``--rule``."""

    TASK_FAILED = "task-failed"
    TASK_HELD = "task-held"
    TASK_LOST = "task-lost"
    TASK_EXPIRED = "task-expired"
    TASK_LATE = "task-late"
    PLAY_FAILED = "play-failed"
    NO_WORKER = "no-worker"
    QUEUE_DEEP = "queue-deep"
    QUEUE_OLD = "queue-old"
    MACHINE_CPU = "machine-cpu"
    MACHINE_MEMORY = "machine-memory"
    MACHINE_DISK = "machine-disk"
    MACHINE_UNREACHABLE = "machine-unreachable"
    SECRET_OLD = "secret-old"
    AUDIT_BROKEN = "audit-broken"
    UNDELIVERED = "undelivered"
    TEST = "test"
