"""A queue over a real SQLite file, for tests: tasks in few words, time in the test's hand."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from rediacc.queue.claim import Claimed, claim
from rediacc.queue.outcome import Conclusion, Ending
from rediacc.queue.policies import policy_to_json
from rediacc.queue.rules import QueueRules
from rediacc.queue.settle import RunStart, Verdict, mark_started, settle
from rediacc.queue.submit import NewTask, submit
from rediacc.storage.engine import Database, open_database
from rediacc.storage.schema import upgrade
from rediacc.times import seconds
from rediacc.values import (
    FailureClass,
    Kind,
    MachineOutcome,
    MachineResult,
    PolicyView,
    RetryPolicy,
    State,
)

_TABLES = (
    "task",
    "task_machine",
    "task_payload",
    "attempt",
    "run",
    "run_member",
    "result",
    "output",
    "step",
    "event",
    "counter",
    "hold",
    "reserve",
    "wake",
    "fair",
    "machine",
    "audit",
    "outbox",
)
START = 1_800_000_000_000_000
RULES = QueueRules(
    machine_slots=1,
    level_limits={1: 60, 2: 600, 3: 1800, 4: 7200, 5: 28800},
)


def make_template(directory: Path) -> Path:
    """Make an empty database with the schema, to be copied for each test."""
    path = directory / "template.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


def open_copy(template: Path, path: Path) -> Database:
    """Copy `template` to `path` and open it; a test's data need not survive a power cut."""
    shutil.copyfile(template, path)
    database = open_database(f"sqlite:///{path}")
    event.listen(database.writer, "connect", _hasten)
    return database


def _hasten(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def new_task(
    *machines: str,
    team: str = "prod",
    level: int = 3,
    policy: RetryPolicy | None = None,
    **fields: Any,
) -> NewTask:
    """Return a task for `machines`; without a time of its own it is due at once."""
    policy = policy or RetryPolicy()
    values: dict[str, Any] = {
        "uid": str(uuid.uuid4()),
        "kind": Kind.COMMAND,
        "title": "true",
        "request": {"text": "true"},
        "created_by": "alice",
        "digest": "d",
        "eligible_at": 0,
    }
    return NewTask(
        team=team,
        level=level,
        machines=machines,
        policy=policy_to_json(PolicyView(policy=policy, origins={})),
        retries=policy.retry_count,
        **(values | fields),
    )


def result(
    machine: str,
    outcome: MachineOutcome = MachineOutcome.OK,
    *,
    failure: FailureClass | None = None,
    **fields: Any,
) -> MachineResult:
    """Return a machine's result; a failed one fails as retry policies name it."""
    classes = {
        MachineOutcome.FAILED: FailureClass.FAILED,
        MachineOutcome.UNREACHABLE: FailureClass.UNREACHABLE,
        MachineOutcome.TIMED_OUT: FailureClass.TIMED_OUT,
    }
    rc = {MachineOutcome.OK: 0, MachineOutcome.CHANGED: 0, MachineOutcome.FAILED: 2}.get(outcome)
    values: dict[str, Any] = {"rc": rc} | fields
    return MachineResult(
        machine=machine, outcome=outcome, failure=failure or classes.get(outcome), **values
    )


@dataclass
class Lab:
    """A database, its rules, and the present time."""

    database: Database
    rules: QueueRules = field(default_factory=lambda: RULES)
    now: int = START

    def pass_time(self, amount: float) -> None:
        """Let `amount` seconds go by."""
        self.now += seconds(amount)

    def submit(self, *machines: str, **fields: Any) -> int:
        """Submit a task and return its number."""
        with self.database.write() as connection:
            task = new_task(*machines, **fields)
            return submit(connection, task, rules=self.rules, now=self.now).id

    def claim(self, slots: int = 10, urgent: int = 0, worker: str = "w1") -> tuple[Claimed, ...]:
        """Claim for `worker`."""
        with self.database.write() as connection:
            return claim(
                connection,
                worker,
                free_slots=slots,
                free_urgent_slots=urgent,
                rules=self.rules,
                now=self.now,
            )

    def claim_ids(self, slots: int = 10, urgent: int = 0) -> list[int]:
        """Claim and return the tasks' numbers in the order of their starts."""
        return [item.id for item in self.claim(slots, urgent)]

    def start(self, task_id: int, epoch: int | None = None, worker: str = "w1") -> str:
        """Write that a claimed task starts; return the run's id."""
        run = RunStart(
            id=uuid.uuid4().hex, worker_id=worker, host="h", boot_id="b", directory="/nowhere"
        )
        with self.database.write() as connection:
            epoch = self.row(task_id).epoch if epoch is None else epoch
            mark_started(connection, run, [(task_id, epoch)], now=self.now)
        return run.id

    def settle(
        self,
        task_id: int,
        *results: MachineResult,
        ending: Ending = Ending.FINISHED,
        epoch: int | None = None,
        draw: float = 0.0,
        **fields: Any,
    ) -> Conclusion:
        """Settle an attempt; of the machines that are not told about, `ending` tells."""
        with self.database.write() as connection:
            return settle(
                connection,
                task_id,
                self.row(task_id).epoch if epoch is None else epoch,
                Verdict(ending=ending, results=results, **fields),
                actor="w1",
                rules=self.rules,
                now=self.now,
                draw=draw,
            )

    def run(self, task_id: int, *results: MachineResult, **fields: Any) -> Conclusion:
        """Start a claimed task and settle it; by default all its machines are fine."""
        self.start(task_id)
        if not results and "ending" not in fields:
            results = tuple(result(name) for name in self.attempt_machines(task_id))
        return self.settle(task_id, *results, **fields)

    def row(self, task_id: int) -> Any:
        """Return the task's row."""
        return self.query("SELECT * FROM task WHERE id = :id", id=task_id)[0]

    def state(self, task_id: int) -> State:
        """Return the task's fine state."""
        return State(self.row(task_id).state)

    def states(self, ids: Sequence[int]) -> list[str]:
        """Return the names of the tasks' states."""
        return [self.state(task_id).name.lower() for task_id in ids]

    def attempt_machines(self, task_id: int) -> list[str]:
        """Return the machines that the task's present attempt targets."""
        import json

        rows = self.query(
            "SELECT machines FROM attempt WHERE task_id = :id ORDER BY epoch DESC LIMIT 1",
            id=task_id,
        )
        return list(json.loads(rows[0].machines))

    def query(self, sql: str, **parameters: Any) -> Sequence[Any]:
        """Return the rows of `sql`."""
        with self.database.read() as connection:
            return connection.execute(text(sql), parameters).all()

    def query_write(self, sql: str, **parameters: Any) -> None:
        """Change rows behind the queue's back."""
        with self.database.write() as connection:
            connection.execute(text(sql), parameters)

    def snapshot(self, *, without: Sequence[str] = ()) -> Mapping[str, Sequence[Any]]:
        """Return all rows of all tables that hold the queue's state."""
        return {
            name: self.query(f"SELECT * FROM {name} ORDER BY rowid")
            for name in _TABLES
            if name not in without
        }
