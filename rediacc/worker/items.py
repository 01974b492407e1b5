"""From a claimed row to the work that execution takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from rediacc.execution.work import Work
from rediacc.queue.claim import Claimed
from rediacc.queue.reading import payload_of, view_task
from rediacc.queue.requests import options_from_json

__all__ = ["work_of"]


def work_of(connection: Connection, claimed: Claimed) -> Work:
    """Return the work of a claimed task, from what was stored when it was accepted."""
    request, _policy, row = payload_of(connection, claimed.id)
    view = view_task(connection, claimed.id)
    return Work(
        task_id=claimed.id,
        epoch=claimed.epoch,
        team=claimed.team,
        kind=view.kind,
        text=request["text"],
        title=view.title,
        machines=claimed.machines,
        shown_machines=view.machines,
        patterns=tuple(request["patterns"]),
        limit=request["limit"],
        module_args=_mapping(request["module_args"]),
        options=options_from_json(request["options"]),
        timeout_seconds=row.timeout_seconds,
        fingerprint=request["fingerprint"],
        secrets=_mapping(request.get("secrets")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return dict(value or {})
