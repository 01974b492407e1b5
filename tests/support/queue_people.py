"""What people, machines and time do to the queue."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from queue_model import TEAMS, QueueModel, policies, submissions

from rediacc.errors import Conflict
from rediacc.queue import changes
from rediacc.queue.policies import policy_to_json
from rediacc.queue.resources import set_machine_state
from rediacc.queue.sweep import sweep
from rediacc.values import MachineState, PolicyView, RetryPolicy, State


class PeopleSteps(QueueModel):
    """Submit, cancel, retry, release, update; machines come and go; time passes."""

    @rule(submission=submissions, repeat=st.sampled_from([False, False, False, True]))
    def submit_task(self, submission: dict[str, Any], repeat: bool) -> None:
        self._submit(repeat=repeat, **submission)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        task_id, known = self._any(data)
        if known.state.startswith("final"):
            self._refused(lambda c: changes.cancel(c, task_id, actor="bob", now=self.lab.now))
            return
        with self.lab.database.write() as connection:
            answer = changes.cancel(connection, task_id, actor="bob", now=self.lab.now)
        if known.state in ("pending", "held") and known.left:
            assert answer == "stopping left"
            known.state, known.cancel_asked = "stopping", True
        elif known.state in ("pending", "held"):
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
        policy=st.none() | policies,
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

    @rule()
    def sweep_up(self) -> None:
        """A sweep ends what is too late, and finds nothing broken."""

        def act() -> list[str]:
            with self.lab.database.write() as connection:
                return sweep(connection, now=self.lab.now)

        assert self._expire_late(act) == []

    def _refused(self, act: Any) -> None:
        before = self.lab.snapshot()
        with pytest.raises(Conflict), self.lab.database.write() as connection:
            act(connection)
        assert self.lab.snapshot() == before
