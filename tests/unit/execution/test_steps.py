"""Records of a playbook become steps; what is no record of one becomes none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rediacc.execution.steps import rescued_steps, steps_of_records
from rediacc.queue.diffs import DIFF_CUT
from rediacc.values import Step, StepStatus

RECORD = {
    "type": "result",
    "seq": 7,
    "host": "web1",
    "status": "changed",
    "play": "site",
    "task": "nginx : install",
    "action": "ansible.builtin.apt",
    "path": "/home/site.yml:4",
    "started_at": "2026-01-01T10:00:00.5+02:00",
    "ended_at": "2026-01-01T10:00:01",
    "rc": 0,
    "message": "done",
    "delegated_to": "db1,db2",
}


def _record(**fields: Any) -> dict[str, Any]:
    return RECORD | fields


def test_a_record_becomes_a_step() -> None:
    assert steps_of_records([RECORD]) == [
        Step(
            number=7,
            machine="web1",
            status=StepStatus.CHANGED,
            play="site",
            task="nginx : install",
            action="ansible.builtin.apt",
            path="/home/site.yml:4",
            started_at=datetime(2026, 1, 1, 8, 0, 0, 500_000, tzinfo=UTC),
            ended_at=datetime(2026, 1, 1, 10, 0, 1, tzinfo=UTC),
            rc=0,
            message="done",
            delegated_to=("db1", "db2"),
        )
    ]


@pytest.mark.parametrize("status", ["ok", "changed", "failed", "unreachable", "skipped", "ignored"])
def test_each_of_ansibles_ends_is_a_status(status: str) -> None:
    assert steps_of_records([_record(status=status)])[0].status == status


@pytest.mark.parametrize(
    "record",
    [
        _record(type="task"),
        _record(type="stats", hosts={}),
        _record(status="rescued"),
        _record(status="won"),
        _record(status=["ok"]),
        _record(seq=0),
        _record(seq=2**31),
        _record(seq="7"),
        _record(seq=None),
        {},
    ],
)
def test_what_is_no_result_of_a_step_is_passed_over(record: dict[str, Any]) -> None:
    assert steps_of_records([record]) == []


def test_a_message_that_is_cut_says_so() -> None:
    whole, cut = steps_of_records([_record(message="x" * 1000), _record(message="x" * 1001)])
    assert (len(whole.message), whole.is_cut) == (1000, False)
    assert (len(cut.message), cut.is_cut) == (1000, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"rc": 2**80, "started_at": "yesterday", "ended_at": {"a": 1}},
        {"rc": True, "started_at": None, "ended_at": 17},
        {"rc": "0", "started_at": "", "ended_at": ["x"]},
    ],
)
def test_values_that_are_none_are_left_out(fields: dict[str, Any]) -> None:
    (step,) = steps_of_records([_record(**fields)])
    assert (step.rc, step.started_at, step.ended_at) == (None, None, None)


def _end(**rescued: Any) -> dict[str, Any]:
    hosts = {name: {"failures": 1, "rescued": number} for name, number in rescued.items()}
    return {"type": "stats", "hosts": hosts}


def test_the_first_failures_of_a_machine_are_those_that_were_rescued() -> None:
    records = [
        _record(seq=1, status="failed"),
        _record(seq=2, status="ok"),
        _record(seq=3, status="failed", host="web2"),
        _record(seq=4, status="failed"),
        _record(seq=5, status="failed"),
    ]
    assert rescued_steps([*records, _end(web1=2, web2=0)]) == (1, 4)
    assert rescued_steps([*records, _end(web2=1)]) == (3,)
    assert rescued_steps([*records, _end(web1="all", web2=None)]) == ()
    assert rescued_steps([*records, {"type": "stats", "hosts": ["web1"]}]) == ()
    assert rescued_steps(records) == ()


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ({"diff": {"before": "a\n", "after": "b\n"}}, "--- before\n+++ after\n@@ -1 +1 @@\n-a\n+b"),
        ({"diff": [{"prepared": "one"}, {"prepared": "two\n"}]}, "one\ntwo"),
        ({"results": [{"diff": {"prepared": "one"}}, {"diff": [{"prepared": "two"}]}, "x"]},
         "one\ntwo"),
        ({"diff": {"before": "a", "after": "a"}}, ""),
        ({"rediacc_left_out": ["diff"]}, DIFF_CUT),
        ({"rediacc_left_out": ["stdout"]}, ""),
        ({"diff": 5, "results": 5, "rediacc_left_out": 5}, ""),
        ("nothing", ""),
    ],
)  # fmt: skip
def test_a_steps_differences_are_kept_where_they_were_asked_for(result: Any, shown: str) -> None:
    record = _record(result=result)
    assert [step.diff for step in steps_of_records([record], with_diffs=True)] == [shown]
    assert [step.diff for step in steps_of_records([record])] == [""]
    (fine,) = steps_of_records([record | {"status": "ok"}], with_diffs=True)
    assert fine.diff == ""


def test_long_differences_are_cut_at_a_line_and_say_so() -> None:
    result = {"diff": {"before": "", "after": "line\n" * 5000}}
    (step,) = steps_of_records([_record(result=result)], with_diffs=True)
    assert len(step.diff) <= 4000
    assert step.diff.endswith(f"\n+line\n{DIFF_CUT}")
