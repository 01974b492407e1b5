"""A hypothesis state machine over the queue on a real SQLite file, with a plain model beside it.

After every step the tables are checked against :mod:`queue_checks` and against the model; at the
end everything is made to end, without the sweeper: nothing may be parked for ever.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant
from queue_checks import broken
from queue_lab import result
from queue_model import PENDING, RULES, TEAMS, submissions
from queue_people import PeopleSteps
from queue_work import WorkerSteps
from sqlalchemy import text

from rediacc.audit.chain import find_break
from rediacc.queue import changes
from rediacc.queue.outcome import Ending
from rediacc.queue.resources import set_machine_state
from rediacc.queue.rules import QueueRules
from rediacc.values import MachineState, State


class QueueMachine(PeopleSteps, WorkerSteps):
    """What people, workers, machines and time can do to the queue, in any order."""

    @initialize(rules=st.sampled_from(RULES), wanted=st.lists(submissions, min_size=4, max_size=9))
    def begin(self, rules: QueueRules, wanted: list[dict[str, Any]]) -> None:
        self.lab.rules = rules
        for submission in wanted:
            self._submit(repeat=False, **submission)

    @invariant()
    def tables_are_sound(self) -> None:
        with self.lab.database.read() as connection:
            assert broken(connection, self.lab.rules) == []

    @invariant()
    def model_agrees(self) -> None:
        rows = self.lab.query("SELECT * FROM task")
        assert {row.id for row in rows} == set(self.known)
        names = {
            State.CLAIMED: "claimed",
            State.STARTED: "started",
            State.HELD: "held",
            State.STOPPING: "stopping",
        }
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

    def _drain(self) -> None:
        """Let every task end: machines come back, people decide, workers work. No sweeper."""
        for team, names in TEAMS.items():
            for name in names:
                with self.lab.database.write() as connection:
                    set_machine_state(
                        connection, team, name, state=MachineState.ONLINE, now=self.lab.now
                    )
        for _turn in range(60):
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
                if known.left:
                    known.state = "stopping"
                else:
                    self._end(known, State.CANCELLED)
            if known.state == "stopping":
                self._stop(task_id, known, is_clean=True)
            if known.state == "claimed" and known.cancel_asked:
                self._give_back(task_id, known)
            if known.state == "claimed" and self._is_late(known):
                self._give_back(task_id, known)
            if known.state == "claimed":
                self.lab.start(task_id, known.epoch)
                known.state, known.starts, known.has_begun = "started", known.starts + 1, True
            if known.state == "started":
                names = self.lab.attempt_machines(task_id)
                results = [result(name) for name in names]
                self._settle(task_id, known, results, ending=Ending.FINISHED)


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
