"""When people are told, as a table of cases."""

from __future__ import annotations

import pytest

from rediacc.alert_words import AlertState
from rediacc.alerts.delivery import pause_after
from rediacc.alerts.judging import Quiet, Told, is_silenced, message_due

NOW = 1_000_000_000_000
OPEN, ACK, RESOLVED = AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED
NEVER = Told()
JUST = Told(is_open=True, at=NOW - 10_000_000, number=3, messages=1)
LONG_AGO = Told(is_open=True, at=NOW - 300_000_000, number=3, messages=1)
OVER = Told(is_open=False, at=NOW - 10_000_000, number=3, messages=2)
OVER_LONG_AGO = Told(is_open=False, at=NOW - 300_000_000, number=3, messages=2)


@pytest.mark.parametrize(
    ("state", "number", "told", "silenced", "due"),
    [
        (OPEN, 1, NEVER, False, "trigger"),
        (OPEN, 1, NEVER, True, None),
        (ACK, 1, NEVER, False, None),
        (OPEN, 3, JUST, False, None),
        (OPEN, 500, JUST, False, None),
        (OPEN, 500, LONG_AGO, False, "update"),
        (OPEN, 500, LONG_AGO, True, None),
        (OPEN, 3, LONG_AGO, False, None),
        (ACK, 500, LONG_AGO, False, None),
        (RESOLVED, 3, JUST, False, "resolve"),
        (RESOLVED, 3, JUST, True, "resolve"),
        (RESOLVED, 3, NEVER, False, None),
        (RESOLVED, 3, OVER, False, None),
        (OPEN, 4, OVER, False, None),  # came back at once: no message more than one that stays
        (OPEN, 4, OVER_LONG_AGO, False, "trigger"),
    ],
)
def test_message_follows_from_what_receivers_know(
    state: AlertState, number: int, told: Told, silenced: bool, due: str | None
) -> None:
    found = message_due(state, number, told, silenced=silenced, update_every=300, now=NOW)
    assert found == due
    assert Told.from_json(told.to_json()) == told


@pytest.mark.parametrize(
    ("silence", "is_silent"),
    [
        (Quiet(), True),
        (Quiet(team="prod"), True),
        (Quiet(team="dev"), False),
        (Quiet(rule="machine-disk"), True),
        (Quiet(rule="machine-cpu"), False),
        (Quiet(machine="web-*"), True),
        (Quiet(machine="web-01"), False),  # web-02 is told of
        (Quiet(team="dev", machine="web-*"), False),
    ],
)
def test_silence_fits_by_team_rule_and_all_machines(silence: Quiet, is_silent: bool) -> None:
    machines = {"web-01": None, "web-02": None}
    fits = is_silenced([silence], team="prod", rule="machine-disk", machines=machines)
    assert fits is is_silent


def test_silences_of_several_machines_add_up() -> None:
    each = [Quiet(machine="web-01"), Quiet(machine="web-02")]
    machines = {"web-01": None, "web-02": None}
    assert is_silenced(each, team="prod", rule="x", machines=machines)
    assert not is_silenced(each, team="prod", rule="x", machines={})


def test_pauses_grow_to_an_hour_with_jitter() -> None:
    pauses = [pause_after(tries, first=5, draw=0.5) for tries in range(1, 14)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 3600
    assert pause_after(1, first=5, draw=0) < 5 < pause_after(1, first=5, draw=1)
    assert pause_after(10_000, first=5, draw=0.5) == 3600
