"""The plain model beside the queue: what is known of each task, and what an end means for it."""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from queue_lab import Lab, new_task, open_copy

from rediacc.errors import Conflict
from rediacc.queue.outcome import Ending
from rediacc.queue.rules import QueueRules
from rediacc.queue.settle import give_back
from rediacc.queue.stopping import conclude_stop, due_stops, take_stop
from rediacc.queue.submit import submit
from rediacc.values import MachineOutcome, OnLost, Reason, RetryPolicy, State

TEAMS = {"prod": ("a", "b", "c"), "dev": ("a", "b"), "lab": ("x",)}
RULES = (
    QueueRules(level_limits={4: 30, 5: 10}, team_slots={"prod": 2}, weights={"dev": 3}),
    QueueRules(machine_slots=2, team_slots={"prod": 1, "dev": 1}),
    QueueRules(team_machine_slots={"prod": 3}, level_limits={2: 5, 3: 5}, overdue_turn=2),
)
WORKERS = ("w1", "w2", "w3")
PENDING = {State.SCHEDULED, State.READY, State.PARKED}

policies = st.builds(
    RetryPolicy,
    retry_count=st.integers(0, 2),
    retry_delay_seconds=st.sampled_from([0.0, 20.0]),
    failure_action=st.sampled_from(["alert", "none", "lower", "run:mend"]),
    on_lost=st.sampled_from(list(OnLost)),
)
submissions = st.sampled_from(sorted(TEAMS)).flatmap(
    lambda team: st.fixed_dictionaries(
        {
            "team": st.just(team),
            "machines": st.lists(
                st.sampled_from(TEAMS[team]), unique=True, min_size=1, max_size=len(TEAMS[team])
            ).map(tuple),
            "level": st.integers(1, 5),
            "policy": policies,
            "is_exclusive": st.sampled_from([False, False, False, True]),
            "delay": st.sampled_from([0, 0, 0, 15, 40]),
            "expires_in": st.sampled_from([None, None, None, 10, 30]),
            "key": st.sampled_from([None, None, "k1", "k2"]),
        }
    )
)
outcomes = st.sampled_from(
    [
        MachineOutcome.OK,
        MachineOutcome.CHANGED,
        MachineOutcome.FAILED,
        MachineOutcome.UNREACHABLE,
        MachineOutcome.TIMED_OUT,
    ]
)


@dataclass
class Known:
    """What the model knows of a task."""

    team: str
    machines: tuple[str, ...]
    uid: str
    key: str | None
    policy: RetryPolicy
    state: str = "pending"
    epoch: int = 0
    starts: int = 0
    finals: int = 0
    worker: str = ""
    cancel_asked: bool = False
    expires_at: int | None = None
    has_begun: bool = False
    succeeded_on: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    left: bool = False


class QueueModel(RuleBasedStateMachine):
    """The database and the model; what happens to both is in the classes that follow."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="queue-")
        database = open_copy(self.template, Path(self._directory.name) / "queue.db")
        self.lab = Lab(database)
        self.known: dict[int, Known] = {}
        self.registered = 0

    def _submit(
        self,
        *,
        team: str,
        machines: tuple[str, ...],
        level: int,
        policy: RetryPolicy,
        is_exclusive: bool,
        delay: int,
        expires_in: int | None,
        key: str | None,
        repeat: bool,
    ) -> None:
        if len(self.known) >= 16:
            return
        existing = next(
            (n for n, k in self.known.items() if key and (k.team, k.key) == (team, key)), None
        )
        if existing is None and repeat and self.known:
            existing = max(self.known)
        same = self.known[existing] if existing is not None else None
        task = new_task(
            *machines,
            team=same.team if same else team,
            level=level,
            policy=policy,
            uid=same.uid if same and repeat else str(uuid.uuid4()),
            idempotency_key=key if same is None or same.key == key else None,
            digest=f"{same.uid if same else ''}",
            is_exclusive=is_exclusive,
            eligible_at=self.lab.now + delay * 1_000_000,
            expires_at=None
            if expires_in is None
            else self.lab.now + (delay + expires_in) * 1_000_000,
        )
        with self.lab.database.write() as connection:
            if same is not None and (repeat or same.key == key):
                # The model's digest of a task is empty: anything else is other content.
                with pytest.raises(Conflict):
                    submit(connection, task, rules=self.lab.rules, now=self.lab.now)
                return
            done = submit(connection, task, rules=self.lab.rules, now=self.lab.now)
            assert done.is_new
            again = submit(connection, task, rules=self.lab.rules, now=self.lab.now)
            assert (again.id, again.is_new) == (done.id, False)
        assert done.id not in self.known
        self.known[done.id] = Known(
            team=task.team,
            machines=machines,
            uid=task.uid,
            key=task.idempotency_key,
            policy=policy,
            expires_at=task.expires_at,
        )

    def _in(self, *states: str) -> bool:
        return any(known.state in states for known in self.known.values())

    def _any(self, data: st.DataObject, *preferred: str) -> tuple[int, Known]:
        ids = [n for n, known in self.known.items() if known.state in preferred]
        task_id = data.draw(st.sampled_from(sorted(ids or self.known)))
        return task_id, self.known[task_id]

    def _give_back(self, task_id: int, known: Known) -> None:
        with self.lab.database.write() as connection:
            give_back(connection, task_id, known.epoch, actor="w9", why="died", now=self.lab.now)
        if not known.cancel_asked:
            known.state = "pending"
        elif known.left:
            known.state = "stopping"
        else:
            self._end(known, State.CANCELLED)

    def _settle(self, task_id: int, known: Known, results: list[Any], **fields: Any) -> None:
        alerts = len(self.lab.query("SELECT id FROM outbox"))
        conclusion = self.lab.settle(task_id, *results, epoch=known.epoch, **fields)
        outcomes = {
            row.machine: row.outcome
            for row in self.lab.query(
                "SELECT machine, outcome FROM task_machine WHERE task_id = :id", id=task_id
            )
        }
        known.succeeded_on = {
            name for name, outcome in outcomes.items() if outcome in ("ok", "changed", "skipped")
        }
        known.given_up = {name for name, outcome in outcomes.items() if outcome == "given up"}
        ending, state = fields["ending"], conclusion.state
        # What earlier attempts left is never forgotten: stopping this one has not looked for it.
        assert (state is State.STOPPING) <= known.left
        assert state is not State.CANCELLED or not known.left
        assert conclusion.reason != Reason.TIMED_OUT or not known.left
        known.left = known.left or bool(fields.get("left_on"))
        if state is State.SUCCEEDED:
            assert known.succeeded_on == set(known.machines)
        if known.cancel_asked:
            assert state is not State.SCHEDULED
        if not fields.get("is_confirmed", True) and ending is not Ending.LOST:
            assert state is not State.SCHEDULED or conclusion.is_loss
        told = len(self.lab.query("SELECT id FROM outbox")) - alerts
        assert told == conclusion.alerts + (conclusion.follow_up is not None)
        if state is State.SCHEDULED:
            known.state = "pending"
        elif state in (State.HELD, State.STOPPING):
            known.state = state.name.lower()
            known.cancel_asked = known.cancel_asked or state is State.STOPPING
        else:
            self._end(known, state)

    def _stop(self, task_id: int, known: Known, *, is_clean: bool) -> None:
        """Tell what a look for leftovers found, by a worker that took the task."""
        with self.lab.database.write() as connection:
            (stop,) = (
                one
                for one in due_stops(connection, "w1", live_since=self.lab.now)
                if one.task_id == task_id
            )
            assert take_stop(connection, stop, "w1", live_since=self.lab.now)
            machines = known.machines if is_clean else ()
            reason = conclude_stop(connection, stop, machines, actor="w1", now=self.lab.now)
        assert (reason == Reason.CANCELLED) == is_clean
        known.left = not is_clean
        self._end(known, State.CANCELLED)

    def _end(self, known: Known, state: State) -> None:
        known.state = f"final {state.name.lower()}"
        known.finals += 1

    def _reopen(self, known: Known) -> None:
        known.state, known.cancel_asked = "pending", False
        known.expires_at, known.has_begun = None, False

    def _is_late(self, known: Known) -> bool:
        """Whether a task should have started before now and did not."""
        is_past = known.expires_at is not None and known.expires_at <= self.lab.now
        return is_past and not known.has_begun

    def _expire_late(self, act: Any) -> Any:
        """Do what ends late tasks; each of them has ended then, and was told of once."""
        late = {n: k for n, k in self.known.items() if k.state == "pending" and self._is_late(k)}
        told = len(self.lab.query("SELECT id FROM outbox"))
        done = act()
        for task_id, known in late.items():
            row = self.lab.row(task_id)
            assert (State(row.state), row.reason) == (State.FAILED, Reason.EXPIRED)
            self._end(known, State.FAILED)
        wanted = sum(known.policy.failure_action != "none" for known in late.values())
        assert len(self.lab.query("SELECT id FROM outbox")) == told + wanted
        return done
