"""What a settlement left in the outbox for the worker itself: follow-up tasks (``run:NAME``).

One that cannot be created is told of as a failure: nobody would mend what it was to mend.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import JSON, text

from rediacc.errors import RediaccError
from rediacc.operations.compose import compose_task
from rediacc.queue.rules import QueueRules
from rediacc.queue.submit import submit
from rediacc.queue.telling import note_follow_up, tell_of_follow_up
from rediacc.requests import TaskRequest
from rediacc.settings import Settings
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.worker.items import about_task
from rediacc.worker.log import LOG

__all__ = ["FollowUps"]

_OPEN = text(
    "SELECT id, key, payload FROM outbox WHERE kind = 'run' AND delivered_at IS NULL "
    "ORDER BY id LIMIT 20"
).columns(payload=JSON)
_DONE = text("UPDATE outbox SET delivered_at = :now WHERE id = :id AND delivered_at IS NULL")


class FollowUps:
    """Creates the named tasks that failed tasks asked for, each exactly once."""

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        rules: QueueRules,
        environment: Mapping[str, str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._rules = rules
        self._environment = environment

    def create(self) -> None:
        """Create what is due; a follow-up that cannot be meant is logged and left behind."""
        with self._database.read() as connection:
            rows = connection.execute(_OPEN).all()
        for row in rows:
            self._create_one(row.id, row.key, row.payload)

    def _create_one(self, number: int, key: str, payload: Mapping[str, object]) -> None:
        name = str(payload["named"])
        context = about_task(self._database, int(str(payload["task"])), named=name)
        request = TaskRequest(named=name, idempotency_key=key)
        task, problem = None, ""
        try:
            task = compose_task(
                request,
                settings=self._settings,
                environment=self._environment,
                created_by="rediacc",
                now=utc_now(),
                gate=None,
                default_team=str(payload["team"]),
            ).task
        except RediaccError as exc:
            problem = f"{name} was to follow and was not created: {exc.message}"
            LOG.error("follow-up not created: %s", exc.message, extra=context)
        now = micros(utc_now())
        with self._database.write() as connection:
            if not connection.execute(_DONE, {"id": number, "now": now}).rowcount:
                return
            detail: dict[str, object] = {"named": name, "problem": problem}
            if task is None:
                tell_of_follow_up(connection, key, payload, message=problem, now=now)
            else:
                created = submit(connection, task, rules=self._rules, now=now)
                detail = {"named": name, "task": created.id}
                LOG.info("follow-up created as task %d", created.id, extra=context)
            failed = payload["task"]
            note_follow_up(connection, int(str(failed)), detail, actor="rediacc", now=now)
