"""What operations take: plain frozen values, so that they can travel over a socket.

Importing them imports neither SQLModel nor Ansible.
"""

from __future__ import annotations

from rediacc.requests.alerts import (
    AlertCheck,
    AlertFilter,
    AlertIds,
    AlertRaise,
    AlertRef,
    AlertTest,
    DeliveryFilter,
    SilenceCreate,
    SilenceFilter,
    SilenceIds,
)
from rediacc.requests.archives import ArchiveRequest
from rediacc.requests.history import PlayRecord
from rediacc.requests.homes import (
    DoctorRequest,
    InitRequest,
    Nothing,
)
from rediacc.requests.members import (
    AuditExport,
    AuditFilter,
    AuditVerify,
    MemberCreate,
    MemberDelete,
    MemberUpdate,
)
from rediacc.requests.monitoring import (
    DepthRequest,
    HistoryRequest,
    MetricsRequest,
)
from rediacc.requests.overview import (
    OverviewRequest,
)
from rediacc.requests.reporting import (
    ReportRequest,
)
from rediacc.requests.secrets import SecretDelete, SecretFilter, SecretRef, SecretSet
from rediacc.requests.services import ServiceInstall, ServiceRef
from rediacc.requests.tasks import (
    LogRequest,
    ReleaseRequest,
    StepFilter,
    TaskBatch,
    TaskFilter,
    TaskIds,
    TaskRef,
    TaskRequest,
    TaskUpdate,
    TaskWait,
)
from rediacc.requests.teams import (
    InventoryRequest,
    MachineCreate,
    MachineDelete,
    MachineFilter,
    MachineRef,
    MachineUpdate,
    ScanRequest,
    TeamCreate,
    TeamDelete,
    TeamRef,
    TeamUpdate,
    TrustRequest,
)

__all__ = [
    "AlertCheck",
    "AlertFilter",
    "AlertIds",
    "AlertRaise",
    "AlertRef",
    "AlertTest",
    "ArchiveRequest",
    "AuditExport",
    "AuditFilter",
    "AuditVerify",
    "DeliveryFilter",
    "DepthRequest",
    "DoctorRequest",
    "HistoryRequest",
    "InitRequest",
    "InventoryRequest",
    "LogRequest",
    "MachineCreate",
    "MachineDelete",
    "MachineFilter",
    "MachineRef",
    "MachineUpdate",
    "MemberCreate",
    "MemberDelete",
    "MemberUpdate",
    "MetricsRequest",
    "Nothing",
    "OverviewRequest",
    "PlayRecord",
    "ReleaseRequest",
    "ReportRequest",
    "ScanRequest",
    "SecretDelete",
    "SecretFilter",
    "SecretRef",
    "SecretSet",
    "ServiceInstall",
    "ServiceRef",
    "SilenceCreate",
    "SilenceFilter",
    "SilenceIds",
    "StepFilter",
    "TaskBatch",
    "TaskFilter",
    "TaskIds",
    "TaskRef",
    "TaskRequest",
    "TaskUpdate",
    "TaskWait",
    "TeamCreate",
    "TeamDelete",
    "TeamRef",
    "TeamUpdate",
    "TrustRequest",
]
