"""What operations answer: plain frozen values, so that they can travel over a socket."""

from __future__ import annotations

from rediacc.views.archives import (
    ArchiveRun,
    ArchiveView,
    SortMoved,
)
from rediacc.views.homes import (
    Check,
    InitReport,
    WorkerView,
)
from rediacc.views.members import (
    AuditEntryView,
    AuditPage,
    AuditVerdict,
    CallerView,
    MemberView,
    PermissionView,
)
from rediacc.views.monitoring import (
    DepthRow,
    HealthPoint,
    History,
    LevelWaits,
    MachineDepth,
    MachineFailures,
    MachineHealth,
    MetricsText,
    Placement,
    QueueDepth,
    QueuePoint,
    SlowTask,
)
from rediacc.views.overview import (
    AlertGlance,
    LevelDepth,
    MachineGlance,
    Overview,
    WaitingTask,
)
from rediacc.views.tasks import (
    AttemptView,
    Created,
    CreatedMany,
    CreatedOne,
    EventView,
    LogEntry,
    LogPage,
    NamedTaskView,
    ResultView,
    TaskChange,
    TaskDetail,
    TaskView,
)
from rediacc.views.teams import (
    HostKey,
    MachineView,
    TeamView,
)

__all__ = [
    "AlertGlance",
    "ArchiveRun",
    "ArchiveView",
    "AttemptView",
    "AuditEntryView",
    "AuditPage",
    "AuditVerdict",
    "CallerView",
    "Check",
    "Created",
    "CreatedMany",
    "CreatedOne",
    "DepthRow",
    "EventView",
    "HealthPoint",
    "History",
    "HostKey",
    "InitReport",
    "LevelDepth",
    "LevelWaits",
    "LogEntry",
    "LogPage",
    "MachineDepth",
    "MachineFailures",
    "MachineGlance",
    "MachineHealth",
    "MachineView",
    "MemberView",
    "MetricsText",
    "NamedTaskView",
    "Overview",
    "PermissionView",
    "Placement",
    "QueueDepth",
    "QueuePoint",
    "ResultView",
    "SlowTask",
    "SortMoved",
    "TaskChange",
    "TaskDetail",
    "TaskView",
    "TeamView",
    "WaitingTask",
    "WorkerView",
]
