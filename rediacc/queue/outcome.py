"""What an attempt's end means for its task: pure rules, no I/O.

A task turns final, is tried again on the machines that did not succeed, or is held for a person.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rediacc.values import FailureClass, MachineOutcome, OnLost, Reason, RetryPolicy, State

__all__ = [
    "Conclusion",
    "Ending",
    "MachineEnd",
    "conclude",
    "conclude_failed",
    "retry_delay_seconds",
]


# A backoff without a limit soon asks for a time that no calendar has.
_LONGEST_PAUSE_SECONDS = 365 * 86400.0


class Ending(StrEnum):
    """How the run ended."""

    FINISHED = "finished"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    LOST = "lost"
    INTERRUPTED = "interrupted"
    NOT_STARTED = "not started"


@dataclass(frozen=True, kw_only=True)
class MachineEnd:
    """How one machine ended; `failure` says which retry rule applies."""

    outcome: MachineOutcome
    failure: FailureClass | None = None
    rc: int | None = None


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What becomes of the task.

    :param retry_machines: the machines that a retry targets.
    :param uses_retry: whether the retry counts against the policy.
    :param lower_to: a new level, where the policy says ``lower``.
    :param alerts: whether the end is to be told to people.
    :param follow_up: a named task to create.
    """

    state: State
    reason: Reason
    rc: int | None = None
    delay_seconds: float = 0.0
    retry_machines: tuple[str, ...] = ()
    uses_retry: bool = False
    lower_to: int | None = None
    is_loss: bool = False
    alerts: bool = False
    follow_up: str | None = None


def conclude(
    ending: Ending,
    ends: Mapping[str, MachineEnd],
    *,
    policy: RetryPolicy,
    retries_left: int,
    attempt: int,
    level: int,
    losses: int,
    max_losses: int,
    is_confirmed: bool,
    is_cancel_asked: bool,
    failure_reason: Reason | None = None,
    given_up: Mapping[str, MachineEnd] | None = None,
    draw: float = 0.0,
) -> Conclusion:
    """Decide what an attempt's end means.

    :param ends: how each machine of the attempt ended.
    :param retries_left: retries that the policy still allows.
    :param attempt: which retry would come next, from 1; the backoff grows with it.
    :param is_confirmed: whether it is certain that nothing of the run goes on.
    :param failure_reason: why nothing ran, for :attr:`Ending.NOT_STARTED` and broken runs.
    :param given_up: machines that failed in an earlier attempt and were not tried again.
    :param draw: a number from 0 to 1 for the jitter.
    """
    failed = {name: end for name, end in ends.items() if not end.outcome.is_success}
    if ending is Ending.CANCELLED and failed:
        reason = Reason.CANCELLED if is_confirmed else Reason.CANCELLED_UNCONFIRMED
        return Conclusion(state=State.CANCELLED, reason=reason)
    if ending in (Ending.LOST, Ending.INTERRUPTED) and failed:
        return _conclude_lost(
            failed,
            policy=policy,
            losses=losses,
            max_losses=max_losses,
            level=level,
            is_confirmed=is_confirmed,
            is_cancel_asked=is_cancel_asked,
        )
    everywhere = [*failed.values(), *(given_up or {}).values()]
    if not everywhere and failure_reason is None:
        return Conclusion(state=State.SUCCEEDED, reason=Reason.DONE, rc=0)
    reason = failure_reason or _reason(everywhere, is_confirmed=is_confirmed)
    codes = [end.rc for end in everywhere if end.rc is not None]
    rc = next((code for code in codes if code != 0), codes[0] if codes else None)
    may_start_again = is_confirmed and not is_cancel_asked
    again = tuple(
        name for name, end in failed.items() if may_start_again and _may_retry(end, policy)
    )
    if again and retries_left > 0:
        return Conclusion(
            state=State.SCHEDULED,
            reason=Reason.RETRY,
            rc=rc,
            delay_seconds=retry_delay_seconds(policy, attempt, draw=draw),
            retry_machines=again,
            uses_retry=True,
        )
    return conclude_failed(reason, rc, again, policy=policy, level=level)


def retry_delay_seconds(policy: RetryPolicy, attempt: int, *, draw: float | None = None) -> float:
    """Return the pause before the retry that follows attempt number `attempt` (from 1)."""
    try:
        pause = policy.retry_delay_seconds * float(policy.backoff) ** (attempt - 1)
    except OverflowError:
        pause = math.inf
    longest = policy.max_delay_seconds
    pause = min(pause, _LONGEST_PAUSE_SECONDS if longest is None else longest)
    share = random.random() if draw is None else draw
    return pause * (1 + policy.jitter * share)


def _conclude_lost(
    failed: Mapping[str, MachineEnd],
    *,
    policy: RetryPolicy,
    losses: int,
    max_losses: int,
    level: int,
    is_confirmed: bool,
    is_cancel_asked: bool,
) -> Conclusion:
    if is_cancel_asked:
        # What a person would be asked for, held, is what they have said already.
        reason = Reason.CANCELLED if is_confirmed else Reason.CANCELLED_UNCONFIRMED
        return Conclusion(state=State.CANCELLED, reason=reason, is_loss=True)
    if policy.on_lost is OnLost.RETRY and losses + 1 < max_losses:
        return Conclusion(
            state=State.SCHEDULED,
            reason=Reason.RETRY,
            retry_machines=tuple(failed),
            is_loss=True,
        )
    if policy.on_lost is OnLost.FAIL:
        ended = conclude_failed(Reason.LOST, None, tuple(failed), policy=policy, level=level)
        return Conclusion(
            state=ended.state,
            reason=Reason.LOST,
            is_loss=True,
            alerts=ended.alerts,
            follow_up=ended.follow_up,
        )
    return Conclusion(
        state=State.HELD,
        reason=Reason.HELD_LOST,
        retry_machines=tuple(failed),
        is_loss=True,
        alerts=policy.failure_action == "alert",
    )


def conclude_failed(
    reason: Reason, rc: int | None, again: Sequence[str], *, policy: RetryPolicy, level: int
) -> Conclusion:
    """Return what the policy makes of a final failure.

    :param again: machines that ``lower`` tries again at the next level.
    """
    action = policy.failure_action
    if action == "lower" and level < 5 and again and reason is not Reason.LOST:
        return Conclusion(
            state=State.SCHEDULED,
            reason=Reason.RETRY,
            rc=rc,
            retry_machines=tuple(again),
            lower_to=level + 1,
        )
    return Conclusion(
        state=State.FAILED,
        reason=reason,
        rc=rc,
        alerts=action in ("alert", "lower"),
        follow_up=action.partition(":")[2] or None,
    )


def _may_retry(end: MachineEnd, policy: RetryPolicy) -> bool:
    return end.failure is not None and end.failure in policy.retry_on


def _reason(failed: Sequence[MachineEnd], *, is_confirmed: bool) -> Reason:
    failures = {end.failure for end in failed}
    outcomes = {end.outcome for end in failed}
    if failures == {FailureClass.AUTH}:
        return Reason.AUTH
    if FailureClass.SYNTAX in failures:
        return Reason.CONFIG
    if MachineOutcome.FAILED in outcomes:
        return Reason.RC
    if MachineOutcome.TIMED_OUT in outcomes:
        return Reason.TIMED_OUT if is_confirmed else Reason.TIMED_OUT_UNCONFIRMED
    if MachineOutcome.LOST in outcomes:
        return Reason.LOST
    return Reason.UNREACHABLE
