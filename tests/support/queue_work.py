"""What workers do to the queue: claim, start, tell, settle, die, and come too late."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from queue_lab import result
from queue_model import WORKERS, QueueModel, outcomes

from rediacc.errors import StaleClaim
from rediacc.queue.claim import Claimed
from rediacc.queue.outcome import Ending
from rediacc.queue.results import append_output, record_results
from rediacc.queue.settle import give_back, note_stale
from rediacc.queue.workers import WorkerIdentity, register, vanished_claims
from rediacc.values import FailureClass, MachineOutcome, Reason, State


class WorkerSteps(QueueModel):
    """Claims, starts, results, settlements, deaths, stale writes."""

    @rule(
        worker=st.sampled_from(WORKERS),
        slots=st.sampled_from([0, 1, 1, 2, 4]),
        urgent=st.sampled_from([0, 1, 2]),
    )
    def claim(self, worker: str, slots: int, urgent: int) -> None:
        claimed = self._expire_late(lambda: self.lab.claim(slots, urgent, worker))
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
        if known.cancel_asked or self._is_late(known):
            with pytest.raises(StaleClaim):
                self.lab.start(task_id, known.epoch)
            self._give_back(task_id, known)
            return
        self.lab.start(task_id, known.epoch, known.worker)
        known.state, known.has_begun = "started", True
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
    @rule(data=st.data(), outcome=outcomes)
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
        told = {name: data.draw(st.none() | outcomes) for name in names}
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
        self._settle(
            task_id,
            known,
            results,
            ending=ending,
            is_confirmed=is_confirmed,
            left_on=() if is_confirmed or ending is Ending.NOT_STARTED else tuple(names),
        )

    @precondition(lambda self: self._in("stopping"))
    @rule(data=st.data(), is_clean=st.booleans())
    def stop(self, data: st.DataObject, is_clean: bool) -> None:
        task_id, known = self._any(data, "stopping")
        assume(known.state == "stopping")
        self._stop(task_id, known, is_clean=is_clean)

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
        assert {task_id for task_id, _rest, _rest in vanished} == mine
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
            "start": lambda _rest: lab.start(task_id, epoch),
            "back": lambda c: give_back(c, task_id, epoch, actor="z", why="", now=lab.now),
            "record": lambda c: record_results(
                c, task_id, epoch, [result(known.machines[0])], now=lab.now
            ),
            "output": lambda c: append_output(c, task_id, epoch, b"x", now=lab.now),
            "settle": lambda _rest: lab.settle(task_id, result(known.machines[0]), epoch=epoch),
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


def _rank(row: Any) -> tuple[int, int, int]:
    return (row.level, row.pass_value, row.id)
