"""Which failures people call the same problem."""

from __future__ import annotations

import pytest

from rediacc.alert_words import AlertRule
from rediacc.alerts.causes import cause_of, event_key, is_of_tasks, rule_of_event


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("backup db-17", "backup db-18"),
        ("cp /tmp/1b2c3d4e5f60 /srv", "cp /tmp/99aabbccdd11 /srv"),
        ("run 550e8400-e29b-41d4-a716-446655440000", "run 6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("Restart   nginx", "restart nginx"),
    ],
)
def test_titles_that_differ_in_numbers_are_one_cause(one: str, other: str) -> None:
    causes = {cause_of(named=None, kind="shell", title=title) for title in (one, other)}
    assert len(causes) == 1


def test_other_work_is_another_cause() -> None:
    causes = {
        cause_of(named=None, kind="shell", title="restart nginx"),
        cause_of(named=None, kind="shell", title="restart postgres"),
        cause_of(named=None, kind="command", title="restart nginx"),
        cause_of(named="nginx", kind="shell", title="restart nginx"),
        cause_of(named=None, kind="shell", title="feedface"),  # a word, no number
    }
    assert len(causes) == 5


def test_named_work_is_its_name_whatever_it_runs() -> None:
    first = cause_of(named="deploy", kind="playbook", title="deploy.yml")
    assert first == cause_of(named="deploy", kind="playbook", title="other.yml")


def test_machines_out_of_reach_are_one_cause_for_their_team() -> None:
    for reason in ("unreachable", "auth"):
        assert rule_of_event("task.failed", reason) is AlertRule.MACHINE_UNREACHABLE
    assert rule_of_event("task.failed", "rc") is AlertRule.TASK_FAILED
    key = event_key(AlertRule.MACHINE_UNREACHABLE, "prod", "shell:a")
    assert key == event_key(AlertRule.MACHINE_UNREACHABLE, "prod", "shell:b")
    assert is_of_tasks(key)
    # What samples say of a team with an unlucky name is something else.
    assert not is_of_tasks("machine-unreachable/by-tasks")
    assert not is_of_tasks("task-failed/prod/by-tasks")
