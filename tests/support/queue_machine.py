"""A hypothesis state machine over the queue on a real SQLite file, with a plain model beside it.

After every step the tables are checked against :mod:`queue_checks` and against the model; at the
end everything is made to end, without the sweeper: nothing may be parked for ever.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from queue_checks import broken
from queue_lab import Lab, new_task, open_copy, result
from sqlalchemy import text

from rediacc.audit.chain import find_break
from rediacc.errors import Conflict, StaleClaim
from rediacc.queue import changes
from rediacc.queue.claim import Claimed
from rediacc.queue.outcome import Ending
from rediacc.queue.policies import policy_to_json
from rediacc.queue.resources import set_machine_state
from rediacc.queue.results import append_output, record_results
from rediacc.queue.rules import QueueRules
from rediacc.queue.settle import give_back, note_stale
from rediacc.queue.submit import submit
from rediacc.queue.workers import WorkerIdentity, register, vanished_claims
from rediacc.values import (
    FailureClass,
    MachineOutcome,
    MachineState,
    OnLost,
    PolicyView,
    Reason,
    RetryPolicy,
    State,
)

TEAMS = {"prod": ("a", "b", "c"), "dev": ("a", "b"), "lab": ("x",)}
RULES = (
    QueueRules(level_limits={4: 30, 5: 10}, team_slots={"prod": 2}, weights={"dev": 3}),
    QueueRules(machine_slots=2, team_slots={"prod": 1, "dev": 1}),
    QueueRules(team_machine_slots={"prod": 3}, level_limits={2: 5, 3: 5}, overdue_turn=2),
)
WORKERS = ("w1", "w2", "w3")
PENDING = {State.SCHEDULED, State.READY, State.PARKED}

_policies = st.builds(
    RetryPolicy,
    retry_count=st.integers(0, 2),
    retry_delay_seconds=st.sampled_from([0.0, 20.0]),
    failure_action=st.sampled_from(["alert", "none", "lower", "run:mend"]),
    on_lost=st.sampled_from(list(OnLost)),
)
_submissions = st.sampled_from(sorted(TEAMS)).flatmap(
    lambda team: st.fixed_dictionaries(
        {
            "team": st.just(team),
            "machines": st.lists(
                st.sampled_from(TEAMS[team]), unique=True, min_size=1, max_size=len(TEAMS[team])
            ).map(tuple),
            "level": st.integers(1, 5),
            "policy": _policies,
            "is_exclusive": st.sampled_from([False, False, False, True]),
            "delay": st.sampled_from([0, 0, 0, 15, 40]),
            "key": st.sampled_from([None, None, "k1", "k2"]),
        }
    )
)
_outcomes = st.sampled_from(
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
    succeeded_on: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)


class QueueMachine(RuleBasedStateMachine):
    """What people, workers, machines and time can do to the queue, in any order."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="queue-")
        database = open_copy(self.template, Path(self._directory.name) / "queue.db")
        self.lab = Lab(database)
        self.known: dict[int, Known] = {}
        self.registered = 0

    @initialize(rules=st.sampled_from(RULES), wanted=st.lists(_submissions, min_size=4, max_size=9))
    def begin(self, rules: QueueRules, wanted: list[dict[str, Any]]) -> None:
        self.lab.rules = rules
        for submission in wanted:
            self._submit(repeat=False, **submission)

    # What people do

    @rule(submission=_submissions, repeat=st.sampled_from([False, False, False, True]))
    def submit_task(self, submission: dict[str, Any], repeat: bool) -> None:
        self._submit(repeat=repeat, **submission)

    def _submit(
        self,
        *,
        team: str,
        machines: tuple[str, ...],
        level: int,
        policy: RetryPolicy,
        is_exclusive: bool,
        delay: int,
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
            team=task.team, machines=machines, uid=task.uid, key=task.idempotency_key, policy=policy
        )

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        task_id, known = self._any(data)
        if known.state.startswith("final"):
            self._refused(lambda c: changes.cancel(c, task_id, actor="bob", now=self.lab.now))
            return
        with self.lab.database.write() as connection:
            answer = changes.cancel(connection, task_id, actor="bob", now=self.lab.now)
        if known.state in ("pending", "held"):
            assert answer == "cancelled"
            self._end(known, State.CANCELLED)
        else:
            assert answer == "stopping"
            known.cancel_asked = True

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        task_id, known = self._any(data, "final failed", "final cancelled", "final succeeded")

        def act(connection: Any) -> None:
            changes.retry(connection, task_id, rules=self.lab.rules, actor="bob", now=self.lab.now)

        if known.state not in ("final failed", "final cancelled"):
            self._refused(act)
            return
        with self.lab.database.write() as connection:
            act(connection)
        self._reopen(known)
        if known.succeeded_on >= set(known.machines):
            known.succeeded_on.clear()
        known.given_up.clear()

    @precondition(lambda self: self.known)
    @rule(data=st.data(), action=st.sampled_from(["retry", "fail"]))
    def release(self, data: st.DataObject, action: str) -> None:
        task_id, known = self._any(data, "held")

        def act(connection: Any) -> None:
            changes.release(
                connection,
                task_id,
                action=action,
                rules=self.lab.rules,
                actor="bob",
                now=self.lab.now,
            )

        if known.state != "held":
            self._refused(act)
            return
        with self.lab.database.write() as connection:
            act(connection)
        if action == "fail":
            self._end(known, State.FAILED)
        else:
            self._reopen(known)

    @precondition(lambda self: self.known)
    @rule(
        data=st.data(),
        level=st.none() | st.integers(1, 5),
        policy=st.none() | _policies,
        delay=st.sampled_from([None, None, 0, 25]),
    )
    def update(
        self, data: st.DataObject, level: int | None, policy: RetryPolicy | None, delay: int | None
    ) -> None:
        task_id, known = self._any(data, "pending")

        def act(connection: Any) -> None:
            view = PolicyView(policy=policy, origins={}) if policy else None
            changes.update_pending(
                connection,
                task_id,
                level=level,
                policy=policy_to_json(view) if view else None,
                timeout_seconds=None,
                eligible_at=None if delay is None else self.lab.now + delay * 1_000_000,
                rules=self.lab.rules,
                actor="bob",
                now=self.lab.now,
            )

        if known.state != "pending":
            self._refused(act)
            return
        with self.lab.database.write() as connection:
            act(connection)
        known.policy = policy or known.policy

    @rule(
        team=st.sampled_from(sorted(TEAMS)),
        number=st.integers(0, 2),
        state=st.sampled_from(list(MachineState)),
    )
    def set_machine(self, team: str, number: int, state: MachineState) -> None:
        name = TEAMS[team][number % len(TEAMS[team])]
        with self.lab.database.write() as connection:
            set_machine_state(connection, team, name, state=state, now=self.lab.now)

    @rule(amount=st.sampled_from([1, 12, 45]))
    def pass_time(self, amount: int) -> None:
        self.lab.pass_time(amount)

    # What workers do

    @rule(
        worker=st.sampled_from(WORKERS),
        slots=st.sampled_from([0, 1, 1, 2, 4]),
        urgent=st.sampled_from([0, 1, 2]),
    )
    def claim(self, worker: str, slots: int, urgent: int) -> None:
        claimed = self.lab.claim(slots, urgent, worker)
        assert sum(not item.uses_urgent_slot for item in claimed) <= slots
        assert sum(item.uses_urgent_slot for item in claimed) <= urgent
        assert all(item.level == 1 for item in claimed if item.uses_urgent_slot)
        for item in claimed:
            self._note_claim(item, worker)
        self._check_order(claimed)
        has_room = slots > sum(not item.uses_urgent_slot for item in claimed)
        if has_room:
            left = self.lab.query("SELECT id FROM task WHERE state = 3")
            assert not left, f"a worker has free slots, and {left} could start"

    @precondition(lambda self: self._in("claimed"))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        task_id, known = self._any(data, "claimed")
        assume(known.state == "claimed")
        if known.cancel_asked:
            with pytest.raises(StaleClaim):
                self.lab.start(task_id, known.epoch)
            self._give_back(task_id, known)
            return
        self.lab.start(task_id, known.epoch, known.worker)
        known.state = "started"
        known.starts += 1

    @precondition(lambda self: self._in("claimed", "started"))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        task_id, known = self._any(data, "claimed", "started")
        assume(known.state in ("claimed", "started"))
        told = "SELECT id FROM result WHERE task_id = :id AND epoch = :epoch"
        if not self.lab.query(told, id=task_id, epoch=known.epoch):  # Ansible never began
            self._give_back(task_id, known)

    @precondition(lambda self: self._in("started"))
    @rule(data=st.data(), outcome=_outcomes)
    def record(self, data: st.DataObject, outcome: MachineOutcome) -> None:
        task_id, known = self._any(data, "started")
        assume(known.state == "started")
        name = data.draw(st.sampled_from(self.lab.attempt_machines(task_id)))
        with self.lab.database.write() as connection:
            record_results(
                connection, task_id, known.epoch, [result(name, outcome)], now=self.lab.now
            )
            append_output(connection, task_id, known.epoch, b"\xff", now=self.lab.now)

    @precondition(lambda self: self._in("started"))
    @rule(data=st.data(), ending=st.sampled_from(list(Ending)), is_confirmed=st.booleans())
    def settle(self, data: st.DataObject, ending: Ending, is_confirmed: bool) -> None:
        task_id, known = self._any(data, "started")
        assume(known.state == "started")
        names = self.lab.attempt_machines(task_id)
        told = {name: data.draw(st.none() | _outcomes) for name in names}
        auth = data.draw(st.booleans())
        results = [
            result(
                name,
                outcome,
                failure=FailureClass.AUTH
                if auth and outcome is MachineOutcome.UNREACHABLE
                else None,
            )
            for name, outcome in told.items()
            if outcome is not None
        ]
        if ending is Ending.NOT_STARTED:
            results = []
        self._settle(task_id, known, results, ending=ending, is_confirmed=is_confirmed)

    @precondition(lambda self: self._in("claimed"))
    @rule(data=st.data(), reason=st.sampled_from([Reason.CONFIG, Reason.INTERNAL]))
    def settle_unstarted(self, data: st.DataObject, reason: Reason) -> None:
        task_id, known = self._any(data, "claimed")
        assume(known.state == "claimed")
        self._settle(task_id, known, [], ending=Ending.NOT_STARTED, failure_reason=reason)

    @rule(worker=st.sampled_from(WORKERS))
    def worker_dies(self, worker: str) -> None:
        alive = [name for name in WORKERS if name != worker]
        with self.lab.database.read() as connection:
            vanished = vanished_claims(connection, alive)
        mine = {n for n, k in self.known.items() if k.state == "claimed" and k.worker == worker}
        assert {task_id for task_id, _, _ in vanished} == mine
        for task_id in sorted(mine):
            self._give_back(task_id, self.known[task_id])
        for task_id, known in self.known.items():
            if known.state == "started" and known.worker == worker:
                self._settle(task_id, known, [], ending=Ending.LOST, is_confirmed=False)
        self.registered += 1
        identity = WorkerIdentity(
            id=f"{worker}-{self.registered}",
            host="h",
            boot_id="b",
            pid=1,
            version="1",
            slots=4,
            urgent_slots=2,
        )
        with self.lab.database.write() as connection:
            register(connection, identity, now=self.lab.now)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), back=st.integers(0, 2))
    def stale_writes(self, data: st.DataObject, back: int) -> None:
        """Whoever is not the present owner changes nothing, whatever they try."""
        task_id, known = self._any(data)
        epoch = known.epoch - back
        before = self.lab.snapshot()
        lab = self.lab
        actions = {
            "start": lambda _: lab.start(task_id, epoch),
            "back": lambda c: give_back(c, task_id, epoch, actor="z", why="", now=lab.now),
            "record": lambda c: record_results(
                c, task_id, epoch, [result(known.machines[0])], now=lab.now
            ),
            "output": lambda c: append_output(c, task_id, epoch, b"x", now=lab.now),
            "settle": lambda _: lab.settle(task_id, result(known.machines[0]), epoch=epoch),
        }
        if back == 0 and known.state == "claimed":
            del actions["start"], actions["back"], actions["settle"]
        if back == 0 and known.state == "started":
            actions = {"start": actions["start"]}
        for name, act in actions.items():
            with pytest.raises(StaleClaim):
                self._try(name, act)
        assert self.lab.snapshot() == before
        with self.lab.database.write() as connection:
            note_stale(connection, task_id, epoch, actor="z", now=lab.now)
        assert self.lab.snapshot(without=["event"]) == {
            name: rows for name, rows in before.items() if name != "event"
        }

    # What must hold

    @invariant()
    def tables_are_sound(self) -> None:
        with self.lab.database.read() as connection:
            assert broken(connection, self.lab.rules) == []

    @invariant()
    def model_agrees(self) -> None:
        rows = self.lab.query("SELECT * FROM task")
        assert {row.id for row in rows} == set(self.known)
        names = {State.CLAIMED: "claimed", State.STARTED: "started", State.HELD: "held"}
        for row in rows:
            known = self.known[row.id]
            state = State(row.state)
            shown = names.get(state, f"final {state.name.lower()}")
            assert ("pending" if state in PENDING else shown) == known.state
            assert row.epoch == known.epoch
            assert row.attempt == known.starts
            assert (row.cancel_at is not None) >= known.cancel_asked
            assert row.retries_left >= 0
            assert (row.finished_at is None) != state.is_final

    @invariant()
    def outcomes_are_in_the_chain(self) -> None:
        with self.lab.database.read() as connection:
            assert find_break(connection) is None
            number = connection.execute(
                text("SELECT COUNT(*) FROM audit WHERE operation = 'task.outcome'")
            ).scalar_one()
        assert number == sum(known.finals for known in self.known.values())

    def teardown(self) -> None:
        try:
            self._drain()
        finally:
            self.lab.database.close()
            self._directory.cleanup()

    # How it is done

    def _in(self, *states: str) -> bool:
        return any(known.state in states for known in self.known.values())

    def _any(self, data: st.DataObject, *preferred: str) -> tuple[int, Known]:
        ids = [n for n, known in self.known.items() if known.state in preferred]
        task_id = data.draw(st.sampled_from(sorted(ids or self.known)))
        return task_id, self.known[task_id]

    def _refused(self, act: Any) -> None:
        before = self.lab.snapshot()
        with pytest.raises(Conflict), self.lab.database.write() as connection:
            act(connection)
        assert self.lab.snapshot() == before

    def _try(self, name: str, act: Any) -> None:
        if name in ("start", "settle"):  # these open their own transaction
            act(None)
            return
        with self.lab.database.write() as connection:
            act(connection)

    def _note_claim(self, item: Claimed, worker: str) -> None:
        known = self.known[item.id]
        assert known.state == "pending"
        assert item.epoch == known.epoch + 1
        assert set(item.machines) == set(known.machines) - known.succeeded_on - known.given_up
        assert item.machines
        known.state, known.epoch, known.worker = "claimed", item.epoch, worker

    def _check_order(self, claimed: tuple[Claimed, ...]) -> None:
        """No later task passed an earlier one that waits for one of its machines."""
        rows = {row.id: row for row in self.lab.query("SELECT * FROM task WHERE state IN (3,4,5)")}
        needs: dict[int, set[str]] = {}
        for row in self.lab.query("SELECT task_id, machine FROM task_machine"):
            known = self.known[row.task_id]
            if row.machine not in known.succeeded_on | known.given_up:
                needs.setdefault(row.task_id, set()).add(f"{known.team}/{row.machine}")
        for item in claimed:
            mine = rows[item.id]
            for other in rows.values():
                if other.state == State.CLAIMED or _rank(other) > _rank(mine):
                    continue
                is_overdue = mine.start_by_at is not None and mine.start_by_at <= self.lab.now
                if is_overdue and mine.level != other.level:
                    continue
                assert not needs[item.id] & needs[other.id], f"{item.id} passed {other.id}"
                is_left = other.state == State.READY and not item.uses_urgent_slot
                assert not is_left or is_overdue, f"{item.id} took the slot of {other.id}"

    def _give_back(self, task_id: int, known: Known) -> None:
        with self.lab.database.write() as connection:
            give_back(connection, task_id, known.epoch, actor="w9", why="died", now=self.lab.now)
        if known.cancel_asked:
            self._end(known, State.CANCELLED)
        else:
            known.state = "pending"

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
        elif state is State.HELD:
            known.state = "held"
        else:
            self._end(known, state)

    def _end(self, known: Known, state: State) -> None:
        known.state = f"final {state.name.lower()}"
        known.finals += 1

    def _reopen(self, known: Known) -> None:
        known.state, known.cancel_asked = "pending", False

    def _drain(self) -> None:
        """Let every task end: machines come back, people decide, workers work. No sweeper."""
        for team, names in TEAMS.items():
            for name in names:
                with self.lab.database.write() as connection:
                    set_machine_state(
                        connection, team, name, state=MachineState.ONLINE, now=self.lab.now
                    )
        for _ in range(60):
            self._finish_all()
            if all(known.state.startswith("final") for known in self.known.values()):
                break
            self.claim("w1", 4, 2)
            self.lab.pass_time(30)
        left = {n: k.state for n, k in self.known.items() if not k.state.startswith("final")}
        assert not left, f"never ended: {left}"
        assert not self.lab.query("SELECT * FROM hold")
        assert not self.lab.query("SELECT * FROM reserve")
        self.tables_are_sound()
        self.outcomes_are_in_the_chain()

    def _finish_all(self) -> None:
        for task_id, known in self.known.items():
            if known.state == "held":
                with self.lab.database.write() as connection:
                    changes.cancel(connection, task_id, actor="bob", now=self.lab.now)
                self._end(known, State.CANCELLED)
            if known.state == "claimed" and known.cancel_asked:
                self._give_back(task_id, known)
            if known.state == "claimed":
                self.lab.start(task_id, known.epoch)
                known.state, known.starts = "started", known.starts + 1
            if known.state == "started":
                names = self.lab.attempt_machines(task_id)
                results = [result(name) for name in names]
                self._settle(task_id, known, results, ending=Ending.FINISHED)


def _rank(row: Any) -> tuple[int, int, int]:
    return (row.level, row.pass_value, row.id)


def steps(profile: Mapping[str, int]) -> Any:
    """Return hypothesis settings for `profile`: how many examples of how many steps."""
    from hypothesis import HealthCheck, Phase, settings

    # Shrinking a history of a real database takes minutes: only where somebody asked for it.
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    if os.environ.get("REDIACC_TEST_SHRINK"):
        phases.append(Phase.shrink)
    return settings(
        phases=phases,
        max_examples=profile["examples"],
        stateful_step_count=profile["steps"],
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
