"""All operations, each with what a caller needs for it."""

from __future__ import annotations

from rediacc.operations import checks, machines, task_reading, tasks, teams
from rediacc.operations.registry import Operation, Permission, by_name
from rediacc.requests import (
    DoctorRequest,
    LogRequest,
    MachineCreate,
    MachineFilter,
    MachineRef,
    MachineUpdate,
    Nothing,
    ReleaseRequest,
    ScanRequest,
    TaskFilter,
    TaskIds,
    TaskRef,
    TaskRequest,
    TaskUpdate,
    TeamCreate,
    TeamRef,
    TrustRequest,
)

__all__ = ["OPERATIONS"]

_READ, _RUN, _MANAGE = Permission.READ, Permission.RUN, Permission.MANAGE

_TABLE = (
    ("task.create", _RUN, TaskRequest, tasks.create),
    ("task.cancel", _RUN, TaskIds, tasks.cancel),
    ("task.retry", _RUN, TaskIds, tasks.retry),
    ("task.release", _RUN, ReleaseRequest, tasks.release),
    ("task.update", _RUN, TaskUpdate, tasks.update),
    ("task.list", _READ, TaskFilter, task_reading.list_all),
    ("task.inspect", _READ, TaskRef, task_reading.inspect),
    ("named_task.list", _READ, Nothing, task_reading.list_named),
    ("team.create", _MANAGE, TeamCreate, teams.create),
    ("team.list", _READ, Nothing, teams.list_all),
    ("team.inspect", _READ, TeamRef, teams.inspect),
    ("team.delete", _MANAGE, TeamRef, teams.delete),
    ("machine.create", _MANAGE, MachineCreate, machines.create),
    ("machine.list", _READ, MachineFilter, machines.list_all),
    ("machine.inspect", _READ, MachineRef, machines.inspect),
    ("machine.update", _MANAGE, MachineUpdate, machines.update),
    ("machine.delete", _MANAGE, MachineRef, machines.delete),
    ("machine.scan", _READ, ScanRequest, machines.scan),
    ("machine.trust", _MANAGE, TrustRequest, machines.trust),
    ("worker.list", _READ, Nothing, checks.list_workers),
    ("doctor.check", _READ, DoctorRequest, checks.check),
)

# Following a log is one call in the audit, not hundreds.
_LOGS = Operation(
    name="task.logs",
    permission=_READ,
    request_type=LogRequest,
    function=task_reading.logs,
    is_audited=lambda request: request.cursor is None,
)

OPERATIONS = by_name(
    (
        *(
            Operation(name=name, permission=permission, request_type=request, function=function)
            for name, permission, request, function in _TABLE
        ),
        _LOGS,
    )
)
