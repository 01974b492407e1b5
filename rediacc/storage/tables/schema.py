"""All tables together, as migrations compare and make them."""

from __future__ import annotations

from sqlmodel import SQLModel

from rediacc.storage.tables import alerts, archives, members, monitoring, resources, tasks, work

__all__ = ["METADATA", "alerts", "archives", "members", "monitoring", "resources", "tasks", "work"]

METADATA = SQLModel.metadata
