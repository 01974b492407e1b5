"""Workers as the database sees them: registered, beating, gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import JSON, Connection, bindparam, text

from rediacc.queue.transitions import wake
from rediacc.storage.tables.work import Worker
from rediacc.times import moment, seconds
from rediacc.values import State
from rediacc.views import WorkerView

__all__ = [
    "OpenRun",
    "Orders",
    "StandingWorker",
    "WorkerIdentity",
    "adopt",
    "beat",
    "bury",
    "claims_of",
    "count_live",
    "list_workers",
    "machines_with_results",
    "open_runs",
    "orders",
    "register",
    "standing_workers",
    "stop",
    "stored_output",
    "tasks_of",
    "vanished_claims",
]

_INSERT = Worker.__table__.insert()  # type: ignore[attr-defined]
_BEAT = text("UPDATE worker SET beat_at = :now, state = :state WHERE id = :id")
_STOP = text("UPDATE worker SET stopped_at = :now, state = 'stopped' WHERE id = :id")
_STANDING = text(
    "SELECT id, host, boot_id, pid, started_at, beat_at FROM worker WHERE stopped_at IS NULL"
)
_BURY = text(
    "UPDATE worker SET stopped_at = :now, state = 'died' WHERE id = :id AND stopped_at IS NULL"
)
_LIVE = text("SELECT COUNT(*) FROM worker WHERE stopped_at IS NULL AND beat_at > :since")
_SHOWN = text("SELECT * FROM worker WHERE stopped_at IS NULL ORDER BY started_at DESC LIMIT 100")
_MINE = text(
    "SELECT id, epoch, state, cancel_at FROM task WHERE state IN (5, 6, 7) AND worker_id = :id"
)
_CLAIMED_BY_OTHERS = text(
    "SELECT id, epoch, worker_id FROM task WHERE state = 5 AND worker_id NOT IN :ids"
).bindparams(bindparam("ids", expanding=True))
_OPEN_RUNS = text(
    "SELECT run.id, run.worker_id, run.host, run.boot_id, run.directory, m.task_id, m.epoch, "
    "task.state, task.epoch AS task_epoch, task.team, a.machines FROM run "
    "JOIN run_member m ON m.run_id = run.id JOIN task ON task.id = m.task_id "
    "JOIN attempt a ON a.task_id = m.task_id AND a.epoch = m.epoch "
    "WHERE run.ended_at IS NULL ORDER BY run.started_at, m.task_id"
).columns(machines=JSON)
_ADOPT_RUN = text(
    "UPDATE run SET worker_id = :worker WHERE id = :run AND worker_id = :before "
    "AND ended_at IS NULL"
)
_SET_OWNER = text(
    "UPDATE task SET worker_id = :worker WHERE id = :id AND epoch = :epoch AND state IN (6, 7)"
)
_WITH_RESULTS = text("SELECT machine FROM result WHERE task_id = :id AND epoch = :epoch")
_STORED_OUTPUT = text("SELECT SUM(LENGTH(text)) FROM output WHERE task_id = :id AND epoch = :epoch")
_PARKED_ON = text("SELECT DISTINCT parked_on FROM task WHERE state = 4")


@dataclass(frozen=True, kw_only=True)
class WorkerIdentity:
    """A worker process: its id is random for each start."""

    id: str
    host: str
    boot_id: str
    pid: int
    version: str
    slots: int
    urgent_slots: int


@dataclass(frozen=True, kw_only=True)
class StandingWorker:
    """A worker that is registered; whether it lives is for the caller to find out."""

    id: str
    host: str
    boot_id: str
    pid: int
    started_at: int
    beat_at: int


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a worker must do about the tasks that it holds."""

    cancels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run that nobody has settled yet.

    :param is_present: whether the task still stands at this run's epoch.
    """

    id: str
    worker_id: str
    host: str
    boot_id: str
    directory: str
    task_id: int
    epoch: int
    team: str
    machines: tuple[str, ...]
    is_present: bool


def register(connection: Connection, worker: WorkerIdentity, *, now: int) -> None:
    """Write a new worker, and wake every parked task once: limits may have changed meanwhile."""
    connection.execute(
        _INSERT,
        {
            "id": worker.id,
            "host": worker.host,
            "boot_id": worker.boot_id,
            "pid": worker.pid,
            "version": worker.version,
            "state": "running",
            "slots": worker.slots,
            "urgent_slots": worker.urgent_slots,
            "started_at": now,
            "beat_at": now,
        },
    )
    wake(connection, set(connection.execute(_PARKED_ON).scalars().all()))


def beat(connection: Connection, worker_id: str, *, state: str, now: int) -> None:
    """Renew the worker's lease."""
    connection.execute(_BEAT, {"id": worker_id, "now": now, "state": state})


def stop(connection: Connection, worker_id: str, *, now: int) -> None:
    """Write that the worker ended in good order."""
    connection.execute(_STOP, {"id": worker_id, "now": now})


def orders(connection: Connection, worker_id: str) -> Orders:
    """Return which of the worker's tasks are asked to stop."""
    rows = connection.execute(_MINE, {"id": worker_id}).all()
    return Orders(cancels=tuple(row.id for row in rows if row.cancel_at is not None))


def tasks_of(connection: Connection, worker_id: str) -> tuple[int, ...]:
    """Return the tasks that the worker holds."""
    return tuple(row.id for row in connection.execute(_MINE, {"id": worker_id}).all())


def standing_workers(connection: Connection) -> tuple[StandingWorker, ...]:
    """Return the workers that did not say that they stopped, alive or not."""
    return tuple(StandingWorker(**row._mapping) for row in connection.execute(_STANDING).all())


def claims_of(connection: Connection, worker_id: str) -> tuple[tuple[int, int], ...]:
    """Return (task, epoch) of what the worker claimed and has not started."""
    rows = connection.execute(_MINE, {"id": worker_id}).all()
    return tuple((row.id, row.epoch) for row in rows if row.state == int(State.CLAIMED))


def bury(connection: Connection, worker_ids: Sequence[str], *, now: int) -> None:
    """Write that workers are gone whose process is known to be."""
    connection.execute(_BURY, [{"id": worker_id, "now": now} for worker_id in worker_ids])


def count_live(connection: Connection, *, lease_seconds: float, now: int) -> int:
    """Return how many workers beat within their lease."""
    since = now - seconds(lease_seconds)
    return int(connection.execute(_LIVE, {"since": since}).scalar_one())


def list_workers(
    connection: Connection, *, lease_seconds: float, now: int
) -> tuple[WorkerView, ...]:
    """Return the workers that did not end in good order, and what each holds."""
    since = now - seconds(lease_seconds)
    return tuple(
        WorkerView(
            id=row.id,
            host=row.host,
            pid=row.pid,
            state=row.state if row.beat_at > since else "lost",
            slots=row.slots,
            urgent_slots=row.urgent_slots,
            started_at=moment(row.started_at),
            beat_at=moment(row.beat_at),
            is_alive=row.beat_at > since,
            tasks=tasks_of(connection, row.id),
            version=row.version,
        )
        for row in connection.execute(_SHOWN).all()
    )


def machines_with_results(connection: Connection, task_id: int, epoch: int) -> tuple[str, ...]:
    """Return the machines whose results of an attempt are stored."""
    parameters = {"id": task_id, "epoch": epoch}
    return tuple(connection.execute(_WITH_RESULTS, parameters).scalars().all())


def stored_output(connection: Connection, task_id: int, epoch: int) -> int:
    """Return how many bytes of Ansible's output of an attempt are stored."""
    parameters = {"id": task_id, "epoch": epoch}
    return int(connection.execute(_STORED_OUTPUT, parameters).scalar_one() or 0)


def vanished_claims(
    connection: Connection, alive: Sequence[str]
) -> tuple[tuple[int, int, str], ...]:
    """Return (task, epoch, worker) of claims whose worker is not among `alive`."""
    rows = connection.execute(_CLAIMED_BY_OTHERS, {"ids": list(alive) or [""]}).all()
    return tuple((row.id, row.epoch, row.worker_id) for row in rows)


def open_runs(connection: Connection) -> tuple[OpenRun, ...]:
    """Return the runs that nobody has settled, oldest first."""
    return tuple(
        OpenRun(
            id=row.id,
            worker_id=row.worker_id,
            host=row.host,
            boot_id=row.boot_id,
            directory=row.directory,
            task_id=row.task_id,
            epoch=row.epoch,
            team=row.team,
            machines=tuple(row.machines),
            is_present=row.task_epoch == row.epoch and row.state in (6, 7),
        )
        for row in connection.execute(_OPEN_RUNS).all()
    )


def adopt(connection: Connection, run: OpenRun, *, worker_id: str) -> bool:
    """Make `worker_id` the owner of a run and its attempt; false when somebody else was first."""
    parameters = {"run": run.id, "before": run.worker_id, "worker": worker_id}
    if connection.execute(_ADOPT_RUN, parameters).rowcount != 1:
        return False
    owner = {"id": run.task_id, "epoch": run.epoch, "worker": worker_id}
    return connection.execute(_SET_OWNER, owner).rowcount == 1
