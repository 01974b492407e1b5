"""From a claim to an end: started, then settled. Every write names the task's epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import JSON, Connection, text

from rediacc.audit.chain import append_entry
from rediacc.errors import StaleClaim
from rediacc.queue.outcome import Conclusion, Ending, conclude
from rediacc.queue.policies import policy_from_json
from rediacc.queue.results import given_up_ends, machine_ends, storable, store_results
from rediacc.queue.rules import QueueRules
from rediacc.queue.stopping import begin_stop, leftovers, note_leftover
from rediacc.queue.telling import tell
from rediacc.queue.transitions import (
    TaskKey,
    insert_event,
    key_of,
    move,
    release_resources,
)
from rediacc.storage.tables.work import Run, RunMember
from rediacc.times import seconds
from rediacc.values import MachineResult, Reason, State

__all__ = [
    "RunStart",
    "Verdict",
    "end_run",
    "give_back",
    "mark_started",
    "note_stale",
    "settle",
]

_TASK = text(
    "SELECT id, epoch, team, level, state, reason, attempt, losses, retries_left, cancel_at, "
    "eligible_at, queued_from_at, started_at, expires_at, title FROM task WHERE id = :id"
)
_POLICY = text("SELECT policy FROM task_payload WHERE task_id = :id").columns(policy=JSON)
_ATTEMPT_STARTED = text(
    "UPDATE attempt SET started_at = :now, run_id = :run_id WHERE task_id = :id AND epoch = :epoch"
)
_ATTEMPT_ENDED = text(
    "UPDATE attempt SET ended_at = :now, outcome = :outcome, reason = :reason, "
    "message = :message WHERE task_id = :id AND epoch = :epoch"
)
_RUN_ENDED = text("UPDATE run SET ended_at = :now WHERE id = :id AND ended_at IS NULL")
_MACHINE_OUTCOME = text(
    "UPDATE task_machine SET outcome = :outcome WHERE task_id = :id AND machine = :machine"
)
_GIVE_UP = text(
    "UPDATE task_machine SET outcome = 'given up' WHERE task_id = :id "
    "AND outcome NOT IN ('ok', 'changed', 'skipped', 'given up')"
)
_RUN = Run.__table__.insert()  # type: ignore[attr-defined]
_MEMBER = RunMember.__table__.insert()  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """A run that is about to start."""

    id: str
    worker_id: str
    host: str
    boot_id: str
    directory: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What execution found when an attempt ended.

    :param results: results that were not recorded before.
    :param is_confirmed: whether it is certain that nothing of it runs any more.
    :param left_on: the machines where something of it may still be running.
    :param may_have_become: whether that may run as another user than the one who logs in, though
        the task did not ask for it; ``None`` when nobody knows.
    :param failure_reason: why nothing ran or the run broke, where that is the reason.
    :param message: one line for people.
    """

    ending: Ending
    results: Sequence[MachineResult] = ()
    is_confirmed: bool = True
    left_on: Sequence[str] = ()
    may_have_become: bool | None = None
    failure_reason: Reason | None = None
    message: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def mark_started(
    connection: Connection, run: RunStart, members: Sequence[tuple[int, int]], *, now: int
) -> None:
    """Write that a run starts, before its first packet to a machine.

    :param members: task and epoch of each attempt in the run.
    :raises StaleClaim: one of them is no longer claimed under that epoch, is to be cancelled, or
        should have started before now.
    """
    connection.execute(_RUN, {**asdict(run), "started_at": now})
    for task_id, epoch in members:
        row = connection.execute(_TASK, {"id": task_id}).one()
        is_claimed = row.epoch == epoch and row.state == State.CLAIMED
        if not is_claimed or row.cancel_at is not None:
            raise StaleClaim(f"task {task_id} is no longer claimed under epoch {epoch}")
        if row.started_at is None and row.expires_at is not None and row.expires_at <= now:
            raise StaleClaim(f"task {task_id} expired before it started")
        move(
            connection,
            key_of(row),
            State.STARTED,
            reason=Reason.RUNNING,
            name="started",
            actor=run.worker_id,
            now=now,
            detail={
                "run": run.id,
                "attempt": row.attempt + 1,
                # A retry moves the time from which it counts, so the wait is kept here.
                "waited_seconds": max(0, now - row.eligible_at) / 1_000_000,
            },
            attempt=row.attempt + 1,
            started_at=row.started_at or now,
            queued_from_at=row.eligible_at if row.started_at is None else row.queued_from_at,
        )
        parameters = {"id": task_id, "epoch": epoch, "now": now, "run_id": run.id}
        connection.execute(_ATTEMPT_STARTED, parameters)
        connection.execute(_MEMBER, {"run_id": run.id, "task_id": task_id, "epoch": epoch})


def give_back(
    connection: Connection, task_id: int, epoch: int, *, actor: str, why: str, now: int
) -> None:
    """Return a claimed task that was provably not started to the ready ones, at its old place.

    :raises StaleClaim: the claim is not `epoch`'s any more.
    """
    row = connection.execute(_TASK, {"id": task_id}).one()
    key = key_of(row)
    # The epoch alone does not tell: a settled task keeps it until it is claimed again.
    if key.epoch != epoch or key.state not in (State.CLAIMED, State.STARTED):
        raise StaleClaim(f"task {task_id} is {key.state.name.lower()} at epoch {key.epoch}")
    release_resources(connection, key)
    if row.cancel_at is not None:
        left = leftovers(connection, task_id)
        if left:
            begin_stop(connection, key, left, actor=actor, now=now)
        else:
            _finish(
                connection,
                key,
                Conclusion(state=State.CANCELLED, reason=Reason.CANCELLED),
                actor=actor,
                message="cancelled before it started",
                now=now,
            )
        _end_attempt(connection, key, outcome="cancelled", reason=why, message="", now=now)
        return
    move(
        connection,
        key,
        State.READY,
        reason=Reason.QUEUED,
        name="given back",
        actor=actor,
        now=now,
        detail={"why": why},
        worker_id=None,
    )
    _end_attempt(connection, key, outcome="given back", reason=why, message="", now=now)


def settle(
    connection: Connection,
    task_id: int,
    epoch: int,
    verdict: Verdict,
    *,
    actor: str,
    rules: QueueRules,
    now: int,
    draw: float = 0.0,
) -> Conclusion:
    """End an attempt: store its last results, decide, release, tell; all in this transaction.

    :raises StaleClaim: the attempt is not the task's present one: :func:`note_stale` says so.
    """
    row = connection.execute(_TASK, {"id": task_id}).one()
    key = key_of(row)
    if key.epoch != epoch or key.state not in (State.CLAIMED, State.STARTED, State.DETACHED):
        raise StaleClaim(f"task {task_id} is {key.state.name.lower()} at epoch {key.epoch}")
    verdict = replace(verdict, message=storable(verdict.message))
    store_results(connection, task_id, epoch, verdict.results, now=now)
    policy = policy_from_json(connection.execute(_POLICY, {"id": task_id}).scalar_one())
    conclusion = conclude(
        verdict.ending,
        machine_ends(
            connection,
            task_id,
            epoch,
            ending=verdict.ending,
            failure_reason=verdict.failure_reason,
        ),
        given_up=given_up_ends(connection, task_id),
        policy=policy,
        retries_left=row.retries_left,
        attempt=policy.retry_count - row.retries_left + 1,
        level=row.level,
        losses=row.losses,
        max_losses=rules.max_losses,
        is_confirmed=verdict.is_confirmed,
        is_cancel_asked=row.cancel_at is not None,
        failure_reason=verdict.failure_reason,
        draw=draw,
    )
    earlier = leftovers(connection, task_id)
    note_leftover(
        connection,
        task_id,
        epoch,
        verdict.left_on,
        may_have_become=verdict.may_have_become,
    )
    conclusion = _with_earlier(conclusion, has_leftovers=bool(earlier))
    release_resources(connection, key)
    if conclusion.state is State.STOPPING:
        left = leftovers(connection, task_id)
        begin_stop(connection, key, left, actor=actor, now=now, message=verdict.message)
    elif conclusion.state in (State.SCHEDULED, State.HELD):
        _put_back(
            connection,
            row,
            conclusion,
            policy_retries=policy.retry_count,
            actor=actor,
            message=verdict.message,
            now=now,
        )
    else:
        _finish(connection, key, conclusion, actor=actor, message=verdict.message, now=now)
    waits = conclusion.state in (State.SCHEDULED, State.HELD)
    outcome = str(conclusion.reason) if waits else str(verdict.ending)
    _end_attempt(
        connection,
        key,
        outcome=outcome,
        reason=str(conclusion.reason),
        message=verdict.message,
        now=now,
    )
    tell(connection, row, conclusion, message=verdict.message, now=now)
    return conclusion


def _with_earlier(conclusion: Conclusion, *, has_leftovers: bool) -> Conclusion:
    """Return what an end means where earlier attempts may have left something on machines.

    Stopping this attempt's run has not looked for that.
    """
    if not has_leftovers:
        return conclusion
    if conclusion.state is State.CANCELLED:
        return replace(conclusion, state=State.STOPPING, reason=Reason.CANCELLING)
    if conclusion.reason is Reason.TIMED_OUT:
        return replace(conclusion, reason=Reason.TIMED_OUT_UNCONFIRMED)
    return conclusion


def _put_back(
    connection: Connection,
    row: Any,
    conclusion: Conclusion,
    *,
    policy_retries: int,
    actor: str,
    message: str,
    now: int,
) -> None:
    columns: dict[str, Any] = {
        "worker_id": None,
        "rc": conclusion.rc,
        "message": message,
        "eligible_at": now + seconds(conclusion.delay_seconds),
        "losses": row.losses + conclusion.is_loss,
        "retries_left": row.retries_left - conclusion.uses_retry,
    }
    if conclusion.lower_to is not None:
        columns |= {"level": conclusion.lower_to, "retries_left": policy_retries}
    _give_up(connection, row.id, conclusion.retry_machines)
    move(
        connection,
        key_of(row),
        conclusion.state,
        reason=conclusion.reason,
        name="held" if conclusion.state is State.HELD else "retry",
        actor=actor,
        now=now,
        detail={
            "machines": list(conclusion.retry_machines),
            "delay_seconds": conclusion.delay_seconds,
            "message": message,
        },
        **columns,
    )


def _give_up(connection: Connection, task_id: int, again: Sequence[str]) -> None:
    """Leave machines whose failure is not tried again out of the next attempt."""
    connection.execute(_GIVE_UP, {"id": task_id})
    if again:
        connection.execute(
            _MACHINE_OUTCOME,
            [{"id": task_id, "machine": name, "outcome": "pending"} for name in again],
        )


def _finish(
    connection: Connection,
    key: TaskKey,
    conclusion: Conclusion,
    *,
    actor: str,
    message: str,
    now: int,
) -> None:
    move(
        connection,
        key,
        conclusion.state,
        reason=conclusion.reason,
        name=conclusion.state.name.lower(),
        actor=actor,
        now=now,
        detail={"message": message} if message else {},
        worker_id=None,
        finished_at=now,
        rc=conclusion.rc,
        message=message,
    )
    append_entry(
        connection,
        actor=actor,
        channel="worker",
        operation="task.outcome",
        object_name=f"task {key.id}",
        outcome=conclusion.state.name.lower(),
        detail={"reason": str(conclusion.reason), "rc": conclusion.rc, "epoch": key.epoch},
        now=now,
    )


def _end_attempt(
    connection: Connection, key: TaskKey, *, outcome: str, reason: str, message: str, now: int
) -> None:
    parameters = {"id": key.id, "epoch": key.epoch, "now": now}
    extra = {"outcome": outcome, "reason": reason, "message": message}
    connection.execute(_ATTEMPT_ENDED, parameters | extra)


def end_run(connection: Connection, run_id: str, *, now: int) -> None:
    """Write that a run is over and its directory is no longer needed."""
    connection.execute(_RUN_ENDED, {"id": run_id, "now": now})


def note_stale(connection: Connection, task_id: int, epoch: int, *, actor: str, now: int) -> None:
    """Record that a write came from an epoch that is no longer the task's."""
    row = connection.execute(_TASK, {"id": task_id}).one_or_none()
    if row is not None:
        insert_event(
            connection,
            task_id=task_id,
            epoch=row.epoch,
            now=now,
            name="stale write",
            state=State(row.state),
            reason=row.reason,
            actor=actor,
            detail={"epoch": epoch},
        )
