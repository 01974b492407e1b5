"""Exit codes from how tasks ended."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rediacc.cli.outcome import WORST_FIRST, exit_code_of, remote_exit_code, worst
from rediacc.errors import ExitCode
from rediacc.values import Kind, PublicState, Reason
from rediacc.views import TaskView

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def a_task(state: PublicState, reason: str, rc: int | None = None) -> TaskView:
    return TaskView(
        id=1,
        uid="550e8400-e29b-41d4-a716-446655440000",
        team="prod",
        priority=3,
        state=state,
        reason=reason,
        kind=Kind.COMMAND,
        title="true",
        named=None,
        machines=("web-01",),
        labels={},
        attempt=1,
        retries_left=0,
        created_by="ann",
        created_at=NOW,
        eligible_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        rc=rc,
        queue_seconds=0.0,
        elapsed_seconds=1.0,
    )


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        (PublicState.SUCCEEDED, Reason.DONE, 0),
        (PublicState.FAILED, Reason.RC, 10),
        (PublicState.FAILED, Reason.CONFIG, 10),
        (PublicState.FAILED, Reason.AUTH, 10),
        (PublicState.FAILED, Reason.TARGETS_CHANGED, 10),
        (PublicState.FAILED, Reason.REVISION, 10),
        (PublicState.FAILED, Reason.INTERNAL, 10),
        (PublicState.FAILED, "a reason of a later version", 10),
        (PublicState.FAILED, Reason.UNREACHABLE, 11),
        (PublicState.FAILED, "unreachable: web-01", 11),
        (PublicState.CANCELLED, Reason.CANCELLED, 12),
        (PublicState.CANCELLED, Reason.CANCELLED_UNCONFIRMED, 12),
        (PublicState.FAILED, Reason.TIMED_OUT, 13),
        (PublicState.FAILED, Reason.TIMED_OUT_UNCONFIRMED, 13),
        (PublicState.FAILED, Reason.LOST, 14),
        (PublicState.FAILED, Reason.EXPIRED, 14),
        (PublicState.PENDING, Reason.HELD_LOST, 14),
        (PublicState.PENDING, Reason.QUEUED, 124),
        (PublicState.RUNNING, Reason.RUNNING, 124),
    ],
)
def test_exit_code_follows_state_and_reason(state: PublicState, reason: str, code: int) -> None:
    assert exit_code_of(a_task(state, str(reason))) == code


def test_every_final_reason_has_a_code() -> None:
    for reason in Reason:
        for state in (PublicState.FAILED, PublicState.CANCELLED):
            assert exit_code_of(a_task(state, reason.value)) in WORST_FIRST


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 20], 20),
        ([12, 11], 11),
        ([11, 13], 13),
        ([13, 10], 10),
        ([10, 14], 14),
        ([14, 124, 0], 124),
    ],
)
def test_worst_is_the_first_in_the_documented_order(codes: list[int], code: int) -> None:
    assert worst(ExitCode(number) for number in codes) == code


@pytest.mark.parametrize(
    ("state", "reason", "rc", "code"),
    [
        (PublicState.FAILED, "rc", 37, 37),
        (PublicState.FAILED, "rc", 255, 255),
        (PublicState.FAILED, "rc", 256, 10),
        (PublicState.FAILED, "rc", -9, 10),
        (PublicState.FAILED, "rc", None, 10),
        (PublicState.FAILED, "rc", 0, 10),
        (PublicState.SUCCEEDED, "done", 0, 0),
        (PublicState.SUCCEEDED, "done", 2, 2),
        (PublicState.FAILED, "timed out", 1, 13),
        (PublicState.FAILED, "unreachable", 255, 11),
        (PublicState.CANCELLED, "cancelled", 0, 12),
    ],
)
def test_remote_code_is_the_commands_own_where_it_ended_by_itself(
    state: PublicState, reason: str, rc: int | None, code: int
) -> None:
    assert remote_exit_code(a_task(state, reason, rc)) == code
