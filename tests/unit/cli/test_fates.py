"""How a task ended, in words that say what became of which machines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rediacc.cli.attend import trust_advice
from rediacc.cli.render.columns import MACHINE_COLUMNS, NAMED_TASK_COLUMNS, TEAM_COLUMNS
from rediacc.cli.render.detail import machine_lines
from rediacc.cli.render.fates import fate, last_results, reason_word, state_words
from rediacc.values import (
    FailureClass,
    Kind,
    MachineOutcome,
    MachineResult,
    MachineState,
    PublicState,
    Reason,
)
from rediacc.views import MachineView, NamedTaskView, ResultView, TaskView, TeamView

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FOUR = ("db1", "db2", "web1", "web2")


def a_task(state: PublicState, reason: str, machines: tuple[str, ...] = FOUR, **more: Any) -> Any:
    given: dict[str, Any] = {
        "id": 7,
        "uid": "u",
        "team": "prod",
        "priority": 3,
        "state": state,
        "reason": reason,
        "kind": Kind.COMMAND,
        "title": "true",
        "named": None,
        "machines": machines,
        "labels": {},
        "attempt": 1,
        "retries_left": 0,
        "created_by": "ann",
        "created_at": NOW,
        "eligible_at": NOW,
        "started_at": NOW,
        "finished_at": NOW,
        "rc": None,
        "queue_seconds": 0.0,
        "elapsed_seconds": 1.0,
        **more,
    }
    return TaskView(**given)


def a_result(machine: str, outcome: MachineOutcome, *, attempt: int = 1, **more: Any) -> ResultView:
    return ResultView(
        attempt=attempt, result=MachineResult(machine=machine, outcome=outcome, **more)
    )


FINE = [a_result(name, MachineOutcome.OK) for name in ("db1", "web1")]


@pytest.mark.parametrize(
    ("reason", "results", "words"),
    [
        (
            Reason.UNREACHABLE,
            [a_result("db2", MachineOutcome.UNREACHABLE)],
            "failed: unreachable on 1 of 4 machines (db2)",
        ),
        (
            Reason.RC,
            [
                a_result("db2", MachineOutcome.FAILED, rc=3),
                a_result("web2", MachineOutcome.UNREACHABLE),
            ],
            "failed: exit code 3 on 1 of 4 machines (db2), unreachable on 1 (web2)",
        ),
        (
            Reason.RC,
            [a_result("db2", MachineOutcome.FAILED), a_result("web2", MachineOutcome.FAILED)],
            "failed on 2 of 4 machines (db2,web2)",
        ),
        (
            Reason.AUTH,
            [a_result("db2", MachineOutcome.UNREACHABLE, failure=FailureClass.AUTH)],
            "failed: login refused on 1 of 4 machines (db2)",
        ),
        (
            Reason.TIMED_OUT_UNCONFIRMED,
            [a_result("db2", MachineOutcome.TIMED_OUT)],
            "failed: timed out on 1 of 4 machines (db2); not confirmed",
        ),
        # What is of the task as a whole names no machine.
        (Reason.TARGETS_CHANGED, [], "failed: targets changed"),
        (Reason.EXPIRED, [a_result("db2", MachineOutcome.FAILED)], "failed: expired"),
    ],
)
def test_a_failure_is_told_of_the_machines_that_had_it(
    reason: Reason, results: list[ResultView], words: str
) -> None:
    assert fate(a_task(PublicState.FAILED, reason), [*FINE, *results]) == words


def test_other_ends_and_one_machine() -> None:
    assert fate(a_task(PublicState.SUCCEEDED, "done"), []) == "succeeded on 4 machines"
    cancelled = a_task(PublicState.CANCELLED, Reason.CANCELLED)
    assert fate(cancelled, [a_result("db2", MachineOutcome.CANCELLED)]) == "cancelled"
    alone = a_task(PublicState.FAILED, Reason.RC, ("db1",), rc=3)
    assert fate(alone, [a_result("db1", MachineOutcome.FAILED, rc=3)]) == "failed: exit code 3"
    assert state_words(a_task(PublicState.FAILED, Reason.RC)) == "failed"


def test_the_last_attempt_of_each_machine_counts() -> None:
    results = [
        a_result("db1", MachineOutcome.OK, attempt=2),
        a_result("db1", MachineOutcome.FAILED, attempt=1),
    ]
    assert [one.result.outcome for one in last_results(results)] == [MachineOutcome.OK]


@pytest.mark.parametrize(
    ("reason", "rc", "word"),
    [
        (Reason.HELD_LOST, None, "held-lost"),
        (Reason.RC, 3, "exit-code-3"),
        (Reason.RC, None, "failed"),
        (Reason.CANCELLED_UNCONFIRMED, None, "cancelled-not-confirmed"),
        (Reason.BUSY_MACHINE, None, "busy-machine"),
    ],
)
def test_a_reason_is_one_word_in_a_table(reason: Reason, rc: int | None, word: str) -> None:
    assert reason_word(a_task(PublicState.FAILED, reason, rc=rc)) == word


def test_a_refused_host_key_is_followed_by_what_to_do() -> None:
    refused = [
        a_result(name, MachineOutcome.UNREACHABLE, message="ssh: Host key verification failed.")
        for name in ("a", "b", "c", "d", "e", "f")
    ]
    assert trust_advice(refused[:2]).endswith(": rediacc trust machine a b")
    assert trust_advice(refused).endswith(": rediacc trust machine --unknown")
    assert trust_advice([a_result("a", MachineOutcome.UNREACHABLE, message="timed out")]) == ""


def test_a_required_variable_has_a_star() -> None:
    variables = {"version": {"is_required": True}, "greeting": {"is_required": False}}
    view = NamedTaskView(
        name="deploy",
        description="",
        kind="command",
        target="web",
        priority=None,
        variables=variables,
    )
    cell = next(column.cell for column in NAMED_TASK_COLUMNS if column.name == "variables")
    assert cell(view) == "version*,greeting"


def test_a_team_that_cannot_be_read_has_no_counts() -> None:
    team = TeamView(
        name="prod",
        inventory="x",
        is_managed=False,
        ssh="user",
        machine_count=0,
        group_count=0,
        error="no such file",
    )
    cells = {column.name: column.cell(team) for column in TEAM_COLUMNS}
    assert cells["machine_count"] == cells["group_count"] == ""


def test_a_vaulted_variable_is_a_word() -> None:
    machine = MachineView(
        name="db1",
        team="prod",
        state=MachineState.ONLINE,
        address="db1",
        user="",
        port=None,
        groups=("web",),
        variables={"password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1"}, "more": [{"a": 1}]},
    )
    lines = list(machine_lines(machine))
    assert "variables   password=(vaulted) more=[{'a': 1}]" in lines
    assert [column.cell(machine) for column in MACHINE_COLUMNS][-1] == "web"
