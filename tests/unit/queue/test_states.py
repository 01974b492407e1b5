"""One place owns the transitions."""

from __future__ import annotations

import pytest

from rediacc.errors import Conflict
from rediacc.queue.states import ALLOWED, require_allowed
from rediacc.values import PublicState, State


def test_every_state_has_its_transitions() -> None:
    assert set(ALLOWED) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state.is_final])
def test_final_states_change_only_by_a_persons_retry(state: State) -> None:
    assert ALLOWED[state] <= {State.READY}
    assert (state is State.SUCCEEDED) == (not ALLOWED[state])


@pytest.mark.parametrize("state", [state for state in State if not state.is_final])
def test_whatever_is_not_final_can_be_cancelled(state: State) -> None:
    require_allowed(state, State.CANCELLED)


def test_only_a_claim_leads_to_a_start() -> None:
    assert {state for state in State if State.STARTED in ALLOWED[state]} == {State.CLAIMED}
    assert {state for state in State if State.CLAIMED in ALLOWED[state]} == {State.READY}
    assert {s for s in State if State.SUCCEEDED in ALLOWED[s]} == {State.STARTED, State.DETACHED}


@pytest.mark.parametrize(
    ("current", "to"),
    [(current, to) for current in State for to in State if to not in ALLOWED[current]],
)
def test_other_steps_are_refused_in_words(current: State, to: State) -> None:
    with pytest.raises(Conflict, match=current.name.lower()):
        require_allowed(current, to)


def test_people_see_five_states() -> None:
    assert {state.public for state in State} == set(PublicState)
    assert State.HELD.public is PublicState.PENDING
    assert State.CLAIMED.public is PublicState.PENDING
