"""What operations answer: plain frozen values, so that they can travel over a socket."""

from __future__ import annotations

from rediacc.views.homes import (
    Check,
    InitReport,
    WorkerView,
)
from rediacc.views.tasks import (
    AttemptView,
    Created,
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
    "AttemptView",
    "Check",
    "Created",
    "EventView",
    "HostKey",
    "InitReport",
    "LogEntry",
    "LogPage",
    "MachineView",
    "NamedTaskView",
    "ResultView",
    "TaskChange",
    "TaskDetail",
    "TaskView",
    "TeamView",
    "WorkerView",
]
