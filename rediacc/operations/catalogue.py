"""All operations, each with what a caller needs for it."""

from __future__ import annotations

from rediacc.operations.registry import Operation, Permission, Scope, by_name, later
from rediacc.requests import (
    AlertCheck,
    AlertFilter,
    AlertIds,
    AlertRaise,
    AlertRef,
    AlertTest,
    ArchiveRequest,
    AuditExport,
    AuditFilter,
    AuditVerify,
    DeliveryFilter,
    DepthRequest,
    DoctorRequest,
    HistoryRequest,
    InventoryRequest,
    LogRequest,
    MachineCreate,
    MachineDelete,
    MachineFilter,
    MachineRef,
    MachineUpdate,
    MemberCreate,
    MemberDelete,
    MemberUpdate,
    MetricsRequest,
    Nothing,
    OverviewRequest,
    PlayRecord,
    ReleaseRequest,
    ReportRequest,
    ScanRequest,
    SecretDelete,
    SecretFilter,
    SecretRef,
    SecretSet,
    ServiceInstall,
    ServiceRef,
    SilenceCreate,
    SilenceFilter,
    SilenceIds,
    StepFilter,
    TaskBatch,
    TaskFilter,
    TaskIds,
    TaskRef,
    TaskRequest,
    TaskUpdate,
    TaskWait,
    TeamCreate,
    TeamDelete,
    TeamRef,
    TeamUpdate,
    TrustRequest,
)

__all__ = ["OPERATIONS"]

# Imported when one of their operations is performed: most processes perform one.
alerts = later("alerts")
archives = later("archives")
audits = later("audits")
checks = later("checks")
history = later("history")
inventories = later("inventories")
machine_changes = later("machine_changes")
machines = later("machines")
members = later("members")
monitoring = later("monitoring")
overview = later("overview")
raising = later("raising")
reporting = later("reporting")
secrets = later("secrets")
services = later("services")
silences = later("silences")
task_batch = later("task_batch")
task_reading = later("task_reading")
task_steps = later("task_steps")
task_waiting = later("task_waiting")
tasks = later("tasks")
teams = later("teams")

_READ, _RUN, _MANAGE, _AUDIT = Permission.READ, Permission.RUN, Permission.MANAGE, Permission.AUDIT
_TEAM, _HOME = Scope.TEAM, Scope.HOME

# Name, where it has its effect, what the caller's role must hold there, request, function.
_TABLE = (
    ("task.create", _TEAM, _RUN, TaskRequest, tasks.create),
    ("task.create_many", _TEAM, _RUN, TaskBatch, task_batch.create_many),
    ("task.cancel", _TEAM, _RUN, TaskIds, tasks.cancel),
    ("task.retry", _TEAM, _RUN, TaskIds, tasks.retry),
    ("task.release", _TEAM, _RUN, ReleaseRequest, tasks.release),
    ("task.update", _TEAM, _RUN, TaskUpdate, tasks.update),
    ("task.list", _TEAM, _READ, TaskFilter, task_reading.list_all),
    ("report.read", _TEAM, _READ, ReportRequest, reporting.read),
    ("task.inspect", _TEAM, _READ, TaskRef, task_reading.inspect),
    ("task.steps", _TEAM, _READ, StepFilter, task_steps.steps),
    ("history.record", _TEAM, _RUN, PlayRecord, history.record),
    ("named_task.list", _HOME, _READ, Nothing, task_reading.list_named),
    ("team.create", _HOME, _MANAGE, TeamCreate, teams.create),
    ("team.list", _TEAM, _READ, Nothing, teams.list_all),
    ("team.inspect", _TEAM, _READ, TeamRef, teams.inspect),
    ("inventory.read", _TEAM, _READ, InventoryRequest, inventories.read),
    ("team.update", _HOME, _MANAGE, TeamUpdate, teams.update),
    ("team.delete", _HOME, _MANAGE, TeamDelete, teams.delete),
    ("machine.create", _TEAM, _MANAGE, MachineCreate, machine_changes.create),
    ("machine.inspect", _TEAM, _READ, MachineRef, machines.inspect),
    ("machine.update", _TEAM, _MANAGE, MachineUpdate, machine_changes.update),
    ("machine.delete", _TEAM, _MANAGE, MachineDelete, machine_changes.delete),
    ("machine.scan", _TEAM, _READ, ScanRequest, machines.scan),
    ("machine.trust", _TEAM, _MANAGE, TrustRequest, machines.trust),
    ("member.create", _TEAM, _MANAGE, MemberCreate, members.create),
    ("member.list", _TEAM, _READ, Nothing, members.list_all),
    ("member.update", _TEAM, _MANAGE, MemberUpdate, members.update),
    ("member.delete", _TEAM, _MANAGE, MemberDelete, members.delete),
    ("permission.list", _HOME, _READ, Nothing, audits.list_permissions),
    ("caller.show", _HOME, _READ, Nothing, members.show_caller),
    ("audit.list", _HOME, _AUDIT, AuditFilter, audits.list_all),
    ("audit.verify", _HOME, _AUDIT, AuditVerify, audits.verify),
    ("metrics.read", _HOME, _AUDIT, MetricsRequest, monitoring.metrics),
    ("alert.inspect", _TEAM, _READ, AlertRef, alerts.inspect),
    ("alert.ack", _TEAM, _RUN, AlertIds, alerts.acknowledge),
    ("alert.resolve", _TEAM, _RUN, AlertIds, alerts.resolve),
    ("alert.raise", _TEAM, _RUN, AlertRaise, raising.raise_alert),
    ("alert.test", _TEAM, _RUN, AlertTest, alerts.test),
    ("alert.check", _HOME, _MANAGE, AlertCheck, alerts.check),
    ("delivery.list", _TEAM, _READ, DeliveryFilter, alerts.list_deliveries),
    ("silence.create", _TEAM, _RUN, SilenceCreate, silences.create),
    ("silence.list", _TEAM, _READ, SilenceFilter, silences.list_all),
    ("silence.delete", _TEAM, _RUN, SilenceIds, silences.delete),
    ("secret.set", _TEAM, _MANAGE, SecretSet, secrets.set_value),
    ("secret.get", _TEAM, _MANAGE, SecretRef, secrets.get),
    ("secret.list", _TEAM, _READ, SecretFilter, secrets.list_all),
    ("secret.delete", _TEAM, _MANAGE, SecretDelete, secrets.remove),
    ("worker.list", _HOME, _READ, Nothing, checks.list_workers),
    ("service.install", _HOME, _MANAGE, ServiceInstall, services.install),
    ("service.uninstall", _HOME, _MANAGE, ServiceRef, services.uninstall),
    ("service.status", _HOME, _READ, ServiceRef, services.status),
    ("archive.run", _HOME, _MANAGE, ArchiveRequest, archives.run),
    ("archive.list", _HOME, _AUDIT, Nothing, archives.list_all),
    ("archive.verify", _HOME, _AUDIT, Nothing, archives.verify),
    ("worker.start", _HOME, _MANAGE, Nothing, checks.start_worker),
    ("doctor.check", _HOME, _AUDIT, DoctorRequest, checks.check),
)

# Following a log is one call in the audit, not hundreds.
_LOGS = Operation(
    name="task.logs",
    scope=_TEAM,
    permission=_READ,
    request_type=LogRequest,
    function=task_reading.logs,
    is_audited=lambda request: request.cursor is None,
)

# A screen that shows the present, and who waits, ask again and again; the first time is noted.
_REFRESHED = tuple(
    Operation(
        name=name,
        scope=_TEAM,
        permission=_READ,
        request_type=request,
        function=function,
        is_audited=lambda request: not request.is_refresh,
    )
    for name, request, function in (
        ("alert.list", AlertFilter, alerts.list_all),
        ("machine.list", MachineFilter, machines.list_all),
        ("queue.depth", DepthRequest, monitoring.depth),
        ("health.history", HistoryRequest, monitoring.history),
        ("overview.read", OverviewRequest, overview.read),
        ("task.wait", TaskWait, task_waiting.wait),
    )
)

# So is an export, which is read page by page.
_EXPORT = Operation(
    name="audit.export",
    scope=_HOME,
    permission=_AUDIT,
    request_type=AuditExport,
    function=audits.export,
    is_audited=lambda request: request.after is None,
)

OPERATIONS = by_name(
    (
        *(
            Operation(
                name=name,
                scope=scope,
                permission=permission,
                request_type=request,
                function=function,
            )
            for name, scope, permission, request, function in _TABLE
        ),
        _LOGS,
        *_REFRESHED,
        _EXPORT,
    )
)
