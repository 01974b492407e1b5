"""What machines did and what Ansible printed, stored under the epoch of the attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.errors import StaleClaim
from rediacc.queue.outcome import Ending, MachineEnd
from rediacc.storage.tables.tasks import Output, Result
from rediacc.values import FailureClass, MachineOutcome, MachineResult, Reason, State

__all__ = [
    "append_output",
    "given_up_ends",
    "machine_ends",
    "record_results",
    "require_present",
    "result_row",
    "storable",
    "store_results",
]

_STANDING = text("SELECT epoch, state FROM task WHERE id = :id")
_MACHINES = text("SELECT machines FROM attempt WHERE task_id = :id AND epoch = :epoch").columns(
    machines=JSON
)
_ENDS = text(
    "SELECT machine, outcome, failure, rc FROM result WHERE task_id = :id AND epoch = :epoch "
    "ORDER BY id"
)
_MACHINE_OUTCOME = text(
    "UPDATE task_machine SET outcome = :outcome WHERE task_id = :id AND machine = :machine"
)
_GIVEN_UP = text(
    "SELECT m.machine, r.outcome, r.failure, r.rc FROM task_machine m LEFT JOIN result r "
    "ON r.id = (SELECT MAX(id) FROM result WHERE task_id = m.task_id AND machine = m.machine) "
    "WHERE m.task_id = :id AND m.outcome = 'given up'"
)
_RESULT = Result.__table__.insert()  # type: ignore[attr-defined]
_OUTPUT = Output.__table__.insert()  # type: ignore[attr-defined]


def record_results(
    connection: Connection,
    task_id: int,
    epoch: int,
    results: Sequence[MachineResult],
    *,
    now: int,
) -> None:
    """Store machines' results of a started attempt as they come.

    :raises StaleClaim: the attempt is not the task's present one.
    """
    require_present(connection, task_id, epoch)
    store_results(connection, task_id, epoch, results, now=now)


def append_output(
    connection: Connection, task_id: int, epoch: int, output: bytes, *, now: int
) -> None:
    """Store a piece of Ansible's own output of a started attempt.

    :raises StaleClaim: the attempt is not the task's present one.
    """
    require_present(connection, task_id, epoch)
    connection.execute(_OUTPUT, {"task_id": task_id, "epoch": epoch, "at": now, "text": output})


def require_present(connection: Connection, task_id: int, epoch: int) -> None:
    """Pass when `epoch` is the task's present attempt, and started.

    :raises StaleClaim: it is not.
    """
    row = connection.execute(_STANDING, {"id": task_id}).one()
    if row.epoch != epoch or State(row.state) not in (State.STARTED, State.DETACHED):
        raise StaleClaim(f"task {task_id} is at epoch {row.epoch}, not running as {epoch}")


def store_results(
    connection: Connection,
    task_id: int,
    epoch: int,
    results: Sequence[MachineResult],
    *,
    now: int,
) -> None:
    for result in results:
        connection.execute(_RESULT, result_row(task_id, epoch, result, now=now))
        parameters = {"id": task_id, "machine": result.machine, "outcome": str(result.outcome)}
        connection.execute(_MACHINE_OUTCOME, parameters)


def result_row(task_id: int, epoch: int, result: MachineResult, *, now: int) -> dict[str, Any]:
    """Return a machine's result as the row that holds it."""
    return {
        "task_id": task_id,
        "epoch": epoch,
        "machine": result.machine,
        "at": now,
        "outcome": str(result.outcome),
        "failure": str(result.failure) if result.failure else None,
        "rc": result.rc,
        "message": storable(result.message),
        "stdout": _bytes(result.stdout),
        "stderr": _bytes(result.stderr),
        "detail": {
            "stdout_bytes": result.stdout_bytes,
            "stderr_bytes": result.stderr_bytes,
            "truncated": result.truncated,
            "started_at": result.started_at.isoformat() if result.started_at else None,
            "finished_at": result.finished_at.isoformat() if result.finished_at else None,
            "result": dict(result.result),
            "counts": dict(result.counts),
            "delegated_to": list(result.delegated_to),
        },
    }


def storable(text: str) -> str:
    """Return `text` as a database can hold it: half characters, which JSON can carry, escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _bytes(text: str) -> bytes:
    """Return output as the bytes that it was; what no byte stands for is escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


_WITHOUT_RESULT = {
    Ending.FINISHED: (MachineOutcome.LOST, None),
    Ending.CANCELLED: (MachineOutcome.CANCELLED, None),
    Ending.TIMED_OUT: (MachineOutcome.TIMED_OUT, FailureClass.TIMED_OUT),
    Ending.LOST: (MachineOutcome.LOST, None),
    Ending.INTERRUPTED: (MachineOutcome.LOST, None),
    Ending.NOT_STARTED: (MachineOutcome.FAILED, None),
}


def machine_ends(
    connection: Connection,
    task_id: int,
    epoch: int,
    *,
    ending: Ending,
    failure_reason: Reason | None,
) -> dict[str, MachineEnd]:
    """Return how each machine of the attempt ended; those without a result by the ending."""
    parameters = {"id": task_id, "epoch": epoch}
    machines = connection.execute(_MACHINES, parameters).scalar_one()
    outcome, failure = _WITHOUT_RESULT[ending]
    if failure_reason is not None:
        outcome, failure = MachineOutcome.FAILED, _CLASS_OF.get(failure_reason)
    ends = {name: MachineEnd(outcome=outcome, failure=failure) for name in machines}
    seen = set()
    for row in connection.execute(_ENDS, parameters).all():
        seen.add(row.machine)
        ends[row.machine] = MachineEnd(
            outcome=MachineOutcome(row.outcome),
            failure=FailureClass(row.failure) if row.failure else None,
            rc=row.rc,
        )
    for name in (name for name in machines if name not in seen):
        connection.execute(
            _MACHINE_OUTCOME, {"id": task_id, "machine": name, "outcome": str(outcome)}
        )
    return ends


def given_up_ends(connection: Connection, task_id: int) -> dict[str, MachineEnd]:
    """Return how those machines ended whose failure in an earlier attempt was not tried again."""
    return {
        row.machine: MachineEnd(
            outcome=MachineOutcome(row.outcome) if row.outcome else MachineOutcome.FAILED,
            failure=FailureClass(row.failure) if row.failure else None,
            rc=row.rc,
        )
        for row in connection.execute(_GIVEN_UP, {"id": task_id}).all()
    }


_CLASS_OF = {Reason.CONFIG: FailureClass.SYNTAX, Reason.AUTH: FailureClass.AUTH}
