"""A queue whose finished tasks go to an archive, and ways to compare before and after."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from queue_lab import Lab, result

from rediacc.archives.mover import Mover
from rediacc.archives.reading import opened_task, whereabouts
from rediacc.audit.chain import append_entry
from rediacc.queue import reading
from rediacc.queue.output import log_entries
from rediacc.queue.results import append_output
from rediacc.queue.steps import (
    STEPS_AT_ONCE,
    StepStanding,
    chosen,
    count_left_out,
    record_steps,
    steps_of,
)
from rediacc.storage.engine import open_database
from rediacc.times import moment
from rediacc.values import Kind, MachineOutcome, Step, StepStatus
from rediacc.views import ArchiveRun

__all__ = ["ArchiveLab"]


@dataclass
class ArchiveLab(Lab):
    """A queue and its archive.

    :param state: the directory that the archive lies in.
    """

    state: Path = Path("/nowhere")

    def finish(
        self,
        *machines: str,
        fails: bool = False,
        output: str = "höllo \udcff\n",
        **fields: Any,
    ) -> int:
        """Have a task end: all of it succeeded, or all of it failed; return its number."""
        task_id = self.submit(*machines, **fields)
        assert self.claim_ids() == [task_id]
        self.start(task_id)
        if fields.get("kind") is Kind.PLAYBOOK:
            with self.database.write() as connection:
                append_output(connection, task_id, 1, b"PLAY \xff ends\n", now=self.now)
            # More than one transaction removes.
            self.step(task_id, *(machines * (STEPS_AT_ONCE + 5))[: STEPS_AT_ONCE + 5])
        outcome = MachineOutcome.FAILED if fails else MachineOutcome.CHANGED
        self.settle(
            task_id,
            *(result(name, outcome, stdout=output) for name in machines),
        )
        return task_id

    def step(self, task_id: int, *machines: str) -> None:
        """Have a playbook's steps stored, one for each of these machines."""
        steps = [
            Step(
                number=number,
                machine=name,
                status=StepStatus.CHANGED,
                play="site",
                task="install",
                action="ansible.builtin.apt",
                path="/home/site.yml:4",
                started_at=moment(self.now),
                ended_at=moment(self.now + number),
                rc=None,
                message="done\nall",
                delegated_to=("b",),
            )
            for number, name in enumerate(machines, start=1)
        ]
        kept, now = chosen(steps, StepStanding())
        with self.database.write() as connection:
            record_steps(connection, task_id, 1, kept, now=now)

    def deliver_all(self) -> None:
        """Let everybody be told who is to be told."""
        from sqlalchemy import text

        with self.database.write() as connection:
            connection.execute(text("UPDATE outbox SET delivered_at = :now"), {"now": self.now})

    def note(self, number: int) -> None:
        """Add entries to the audit."""
        for index in range(number):
            with self.database.write() as connection:
                append_entry(
                    connection,
                    actor="alice",
                    channel="cli",
                    operation="task.list",
                    object_name=str(index),
                    outcome="done",
                    detail={},
                    now=self.now,
                )

    def archive(
        self, *sorts: str, step: Callable[[str], None] = lambda _name: None, older: float = 0
    ) -> ArchiveRun:
        """Move what is over and ended `older` seconds ago."""
        before = self.now + 1 - int(older * 1_000_000)
        mover = Mover(self.database, self.state, actor="alice", channel="cli", step=step)
        return mover.run(dict.fromkeys(sorts or ("tasks",), before))

    def archive_killed_at(self, name: str, *sorts: str) -> None:
        """Archive in a process that is killed as soon as its step `name` is done."""
        child = os.fork()
        if child == 0:
            self._be_killed(name, sorts)
        _pid, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, name

    def _be_killed(self, name: str, sorts: tuple[str, ...]) -> NoReturn:
        def step(done: str) -> None:
            if done == name:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            self.database = open_database(self.database.url)
            self.archive(*sorts, step=step)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def whole(self, task_id: int) -> Mapping[str, Any]:
        """Return all that a person can see of a task, wherever it lies."""
        with self.database.read() as connection:
            place = whereabouts(connection, str(task_id))
            if place is None:
                return _all_of(connection, task_id)
        with opened_task(self.database, self.state, place) as connection:
            return _all_of(connection, task_id)

    def places(self, *ids: int) -> dict[int, str]:
        """Return where each task lies: ``database``, ``archive``, ``both`` or ``nowhere``."""
        here = {row.id for row in self.query("SELECT id FROM task")}
        there = {row.task_id for row in self.query("SELECT task_id FROM archived_task")}
        words = {
            (True, False): "database",
            (False, True): "archive",
            (True, True): "both",
            (False, False): "nowhere",
        }
        return {one: words[one in here, one in there] for one in ids}


def _all_of(connection: Any, task_id: int) -> Mapping[str, Any]:
    view = reading.view_task(connection, task_id)
    payload, policy, row = reading.payload_of(connection, task_id)
    return {
        "view": view,
        "payload": payload,
        "policy": policy,
        "timeout": row.timeout_seconds,
        "attempts": reading.attempts_of(connection, task_id),
        "results": reading.results_of(connection, task_id),
        "timeline": reading.timeline_of(connection, task_id),
        "message": reading.message_of(connection, task_id),
        "key": reading.idempotency_key(connection, task_id),
        "steps": steps_of(connection, task_id, epochs={1: 1}, machine=None, statuses=()),
        "left out": count_left_out(connection, task_id),
        "log": log_entries(connection, task_id, view.kind, 0),
    }
