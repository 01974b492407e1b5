"""What doctor and inspect show first, and what only when asked."""

from __future__ import annotations

from rediacc.cli.render.checks import check_lines
from rediacc.cli.render.detail import policy_lines
from rediacc.values import PolicyView, RetryPolicy
from rediacc.views import Check

CHECKS = (
    Check(name="settings", status="pass", message="fine"),
    Check(
        name="host keys",
        status="warn",
        message="2 unknown",
        fix="rediacc trust machine --unknown",
    ),
    Check(name="disk", status="fail", message="1 MiB", fix=""),
)


def test_doctor_shows_what_needs_somebody_and_below_it_how_to_mend_it() -> None:
    assert list(check_lines(CHECKS, shows_all=False)) == [
        "warn  host keys  2 unknown",
        "                 mend: rediacc trust machine --unknown",
        "fail  disk       1 MiB",
        "1 check passed (-o wide shows them)",
    ]
    everything = list(check_lines(CHECKS, shows_all=True))
    assert everything[0] == "pass  settings   fine"
    assert everything[-1] == "1 check passed"


def test_a_policy_shows_what_was_given() -> None:
    nobody = PolicyView(policy=RetryPolicy(), origins={})
    assert len(list(policy_lines(nobody, is_wide=False))) == 1
    assert len(list(policy_lines(nobody))) == 8
    given = PolicyView(policy=RetryPolicy(retry_count=3), origins={"retryCount": "this task"})
    lines = list(policy_lines(given, is_wide=False))
    assert lines[0].split() == ["retryCount", "3", "this", "task"]
    assert len(lines) == 2
