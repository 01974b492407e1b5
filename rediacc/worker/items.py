"""From a claimed row to the work that execution takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from rediacc.execution.work import Work
from rediacc.queue.claim import Claimed
from rediacc.queue.reading import payload_of, view_task
from rediacc.queue.requests import options_from_json
from rediacc.storage.engine import Database
from rediacc.worker.log import task_context

__all__ = ["about_claim", "about_task", "work_of"]


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


def about_claim(claimed: Claimed) -> dict[str, Any]:
    """Return the ``extra`` of a log line about a claimed task."""
    return task_context(
        task=claimed.id,
        attempt=claimed.attempt,
        team=claimed.team,
        machines=claimed.machines,
        priority=claimed.level,
    )


def about_task(database: Database, task_id: int, **more: Any) -> dict[str, Any]:
    """Return the ``extra`` of a log line about a task of which only the number is known."""
    with database.read() as connection:
        view = view_task(connection, task_id)
    return task_context(
        task=view.id,
        attempt=view.attempt,
        team=view.team,
        machines=view.machines,
        priority=view.priority,
        **more,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return dict(value or {})
