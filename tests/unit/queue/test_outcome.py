"""What an attempt's end means: tables of cases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rediacc.queue.outcome import Conclusion, Ending, MachineEnd, conclude, retry_delay_seconds
from rediacc.values import FailureClass, MachineOutcome, OnLost, Reason, RetryPolicy, State

OK = MachineEnd(outcome=MachineOutcome.OK, rc=0)
FAILED = MachineEnd(outcome=MachineOutcome.FAILED, failure=FailureClass.FAILED, rc=3)
UNREACHABLE = MachineEnd(outcome=MachineOutcome.UNREACHABLE, failure=FailureClass.UNREACHABLE)
AUTH = MachineEnd(outcome=MachineOutcome.UNREACHABLE, failure=FailureClass.AUTH)
SYNTAX = MachineEnd(outcome=MachineOutcome.FAILED, failure=FailureClass.SYNTAX)
TIMED_OUT = MachineEnd(outcome=MachineOutcome.TIMED_OUT, failure=FailureClass.TIMED_OUT)
LOST = MachineEnd(outcome=MachineOutcome.LOST)
CANCELLED = MachineEnd(outcome=MachineOutcome.CANCELLED)
THREE = RetryPolicy(retry_count=3, retry_delay_seconds=10)


def _conclude(
    *ends: MachineEnd, ending: Ending = Ending.FINISHED, **given_fields: Any
) -> Conclusion:
    values: dict[str, Any] = {
        "policy": THREE,
        "retries_left": 3,
        "attempt": 1,
        "level": 3,
        "losses": 0,
        "max_losses": 2,
        "is_confirmed": True,
        "is_cancel_asked": False,
    } | given_fields
    return conclude(ending, {f"m{n}": end for n, end in enumerate(ends)}, **values)


def test_the_first_exit_code_that_tells_of_a_failure_is_the_tasks() -> None:
    ends = [MachineEnd(outcome=MachineOutcome.FAILED, rc=rc) for rc in (None, 0, 3, 4)]
    concluded = [_conclude(*ends[:number], retries_left=0).rc for number in (1, 2, 3, 4)]
    assert concluded == [None, 0, 3, 3]


def test_all_machines_fine_is_success() -> None:
    assert _conclude(OK, OK) == Conclusion(state=State.SUCCEEDED, reason=Reason.DONE, rc=0)


@pytest.mark.parametrize(
    ("end", "is_retried", "reason"),
    [
        (FAILED, True, Reason.RC),
        (UNREACHABLE, True, Reason.UNREACHABLE),
        (TIMED_OUT, True, Reason.TIMED_OUT),
        (AUTH, False, Reason.AUTH),
        (SYNTAX, False, Reason.CONFIG),
    ],
)
def test_auth_and_syntax_are_not_tried_again_by_default(
    end: MachineEnd, is_retried: bool, reason: Reason
) -> None:
    again = _conclude(OK, end)
    if is_retried:
        assert (again.state, again.retry_machines) == (State.SCHEDULED, ("m1",))
        assert again.uses_retry
        assert not again.alerts
    else:
        assert (again.state, again.reason, again.alerts) == (State.FAILED, reason, True)
    last = _conclude(OK, end, retries_left=0)
    assert (last.state, last.reason, last.rc) == (State.FAILED, reason, end.rc)


@pytest.mark.parametrize("name", list(FailureClass))
def test_retry_on_names_exactly_what_is_tried_again(name: FailureClass) -> None:
    policy = RetryPolicy(retry_count=1, retry_on=(name,))
    ends = {
        FailureClass(end.failure): end
        for end in (FAILED, UNREACHABLE, TIMED_OUT, AUTH, SYNTAX)
        if end.failure
    }
    for failure, end in ends.items():
        state = _conclude(end, policy=policy, retries_left=1).state
        assert state is (State.SCHEDULED if failure is name else State.FAILED)


def test_only_machines_that_did_not_succeed_are_tried_again() -> None:
    assert _conclude(OK, FAILED, AUTH, UNREACHABLE).retry_machines == ("m1", "m3")


def test_machine_that_was_given_up_keeps_the_task_from_success() -> None:
    concluded = _conclude(OK, given_up={"bad": AUTH})
    assert (concluded.state, concluded.reason) == (State.FAILED, Reason.AUTH)
    retried = _conclude(FAILED, given_up={"bad": AUTH})
    assert (retried.state, retried.retry_machines) == (State.SCHEDULED, ("m0",))


@pytest.mark.parametrize(
    ("ends", "is_confirmed", "state", "reason"),
    [
        ((CANCELLED,), True, State.CANCELLED, Reason.CANCELLED),
        ((CANCELLED,), False, State.CANCELLED, Reason.CANCELLED_UNCONFIRMED),
        ((OK, FAILED), True, State.CANCELLED, Reason.CANCELLED),
        ((OK, OK), True, State.SUCCEEDED, Reason.DONE),
    ],
)
def test_cancelled(
    ends: tuple[MachineEnd, ...], is_confirmed: bool, state: State, reason: Reason
) -> None:
    concluded = _conclude(*ends, ending=Ending.CANCELLED, is_confirmed=is_confirmed)
    assert (concluded.state, concluded.reason) == (state, reason)
    assert not concluded.alerts


@pytest.mark.parametrize("action", ["alert", "lower"])
@pytest.mark.parametrize("ending", [Ending.FINISHED, Ending.TIMED_OUT, Ending.LOST])
def test_a_task_that_is_to_be_cancelled_does_not_start_again(action: str, ending: Ending) -> None:
    policy = RetryPolicy(retry_count=3, failure_action=action, on_lost=OnLost.RETRY)
    assert _conclude(FAILED, policy=policy, ending=ending, is_cancel_asked=True).state.is_final


@pytest.mark.parametrize("action", ["alert", "lower"])
def test_an_unconfirmed_stop_does_not_start_again(action: str) -> None:
    policy = RetryPolicy(retry_count=3, failure_action=action)
    ended = _conclude(TIMED_OUT, policy=policy, ending=Ending.TIMED_OUT, is_confirmed=False)
    assert (ended.state, ended.reason) == (State.FAILED, Reason.TIMED_OUT_UNCONFIRMED)


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.INTERRUPTED])
@pytest.mark.parametrize(
    ("on_lost", "losses", "state", "alerts"),
    [
        (OnLost.HOLD, 0, State.HELD, True),
        (OnLost.HOLD, 1, State.HELD, True),
        (OnLost.RETRY, 0, State.SCHEDULED, False),
        (OnLost.RETRY, 1, State.HELD, True),
        (OnLost.FAIL, 0, State.FAILED, True),
    ],
)
def test_lost(ending: Ending, on_lost: OnLost, losses: int, state: State, alerts: bool) -> None:
    policy = RetryPolicy(retry_count=3, on_lost=on_lost)
    concluded = _conclude(OK, LOST, policy=policy, ending=ending, losses=losses)
    assert (concluded.state, concluded.alerts) == (state, alerts)
    assert concluded.is_loss
    assert not concluded.uses_retry
    if state is not State.FAILED:
        assert concluded.retry_machines == ("m1",)
    else:
        assert concluded.reason is Reason.LOST


@pytest.mark.parametrize("on_lost", list(OnLost))
@pytest.mark.parametrize(
    ("is_confirmed", "reason"),
    [(True, Reason.CANCELLED), (False, Reason.CANCELLED_UNCONFIRMED)],
)
def test_lost_while_it_was_being_cancelled_is_cancelled(
    on_lost: OnLost, is_confirmed: bool, reason: Reason
) -> None:
    concluded = _conclude(
        LOST,
        policy=RetryPolicy(on_lost=on_lost),
        ending=Ending.LOST,
        is_cancel_asked=True,
        is_confirmed=is_confirmed,
    )
    assert (concluded.state, concluded.reason) == (State.CANCELLED, reason)


def test_lost_run_of_which_all_results_are_known_succeeded() -> None:
    assert _conclude(OK, OK, ending=Ending.LOST).state is State.SUCCEEDED


def test_lost_and_to_fail_is_not_lowered() -> None:
    policy = RetryPolicy(on_lost=OnLost.FAIL, failure_action="lower")
    assert _conclude(LOST, policy=policy, ending=Ending.LOST).state is State.FAILED


@pytest.mark.parametrize(
    ("action", "level", "expected"),
    [
        ("alert", 3, (State.FAILED, True, None, None)),
        ("none", 3, (State.FAILED, False, None, None)),
        ("run:mend", 3, (State.FAILED, False, "mend", None)),
        ("lower", 3, (State.SCHEDULED, False, None, 4)),
        ("lower", 5, (State.FAILED, True, None, None)),
    ],
)
def test_failure_action(action: str, level: int, expected: tuple[Any, ...]) -> None:
    policy = RetryPolicy(failure_action=action)
    ended = _conclude(FAILED, policy=policy, retries_left=0, level=level)
    assert (ended.state, ended.alerts, ended.follow_up, ended.lower_to) == expected


def test_what_is_never_retried_is_not_lowered() -> None:
    ended = _conclude(SYNTAX, policy=RetryPolicy(failure_action="lower"), retries_left=0)
    assert (ended.state, ended.lower_to, ended.alerts) == (State.FAILED, None, True)


def test_reason_why_nothing_ran_is_the_tasks_reason() -> None:
    end = MachineEnd(outcome=MachineOutcome.FAILED)
    ended = _conclude(end, ending=Ending.NOT_STARTED, failure_reason=Reason.TARGETS_CHANGED)
    assert (ended.state, ended.reason) == (State.FAILED, Reason.TARGETS_CHANGED)


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (RetryPolicy(retry_delay_seconds=30), [30, 30, 30]),
        (RetryPolicy(retry_delay_seconds=30, backoff=2), [30, 60, 120]),
        (RetryPolicy(retry_delay_seconds=30, backoff=2, max_delay_seconds=70), [30, 60, 70]),
        (RetryPolicy(retry_delay_seconds=0, backoff=2), [0, 0, 0]),
        (RetryPolicy(retry_delay_seconds=1, backoff=1e200), [1, 365 * 86400, 365 * 86400]),
    ],
)
def test_pause_before_a_retry(policy: RetryPolicy, pauses: list[float]) -> None:
    assert [retry_delay_seconds(policy, n, draw=0.0) for n in (1, 2, 3)] == pauses


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 2000))
def test_jitter_adds_at_most_its_share(jitter: float, draw: float, attempt: int) -> None:
    policy = RetryPolicy(retry_delay_seconds=10, backoff=10, jitter=jitter, max_delay_seconds=40)
    pause = retry_delay_seconds(policy, attempt, draw=draw)
    base = min(10.0 * 10 ** min(attempt - 1, 10), 40.0)
    assert base <= pause <= base * (1 + jitter) + 1e-9


def test_every_ending_concludes_for_every_end() -> None:
    for ending in Ending:
        for end in (OK, FAILED, UNREACHABLE, AUTH, SYNTAX, TIMED_OUT, LOST, CANCELLED):
            for is_confirmed in (True, False):
                concluded = _conclude(end, ending=ending, is_confirmed=is_confirmed)
                assert concluded.state in (
                    State.SUCCEEDED,
                    State.FAILED,
                    State.CANCELLED,
                    State.SCHEDULED,
                    State.HELD,
                )
