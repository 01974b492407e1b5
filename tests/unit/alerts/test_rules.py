"""Conditions: limits, marks below them, how long they hold and how long they must be gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.conditions import Known, weigh
from rediacc.alerts.facts import Depth, LateTask, MachineSample, OldSecret, Waiting
from rediacc.alerts.finding import Detail, Subject
from rediacc.alerts.rules import (
    Sign,
    audit_signs,
    depth_signs,
    late_signs,
    machine_signs,
    no_worker_signs,
    old_queue_signs,
    secret_signs,
)
from rediacc.settings.alerts import AlertLimits, AlertSettings

NOW = 1_000_000_000_000_000
SECOND = 1_000_000
SETTINGS = AlertSettings(
    limits=AlertLimits(depth=100, oldest=1000, secret_days=10),
    teams={"dev": AlertLimits(depth=10, late=60, disk=50)},
)
SAMPLE = MachineSample(
    team="prod", machine="web-01", at=NOW, is_reachable=True, cpu=10, memory=10, disk=10,
    disk_path="/", message="",
)  # fmt: skip
SIGN = Sign(
    rule=AlertRule.MACHINE_CPU, team="prod", severity=Severity.WARNING, group="g", subject="a"
)


def _late(team: str, level: int, age: float) -> LateTask:
    return LateTask(
        id=7, team=team, level=level, title="restart", created_by="alice",
        since=NOW - int(age * SECOND), reason="queued",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("team", "level", "age", "is_late"),
    [
        ("prod", 1, 9.9, False),
        ("prod", 1, 10, True),
        ("dev", 1, 59, False),
        ("dev", 1, 60, True),
        ("prod", 2, 599, False),
        ("prod", 2, 600, True),
    ],
)
def test_level_one_is_late_after_ten_seconds_and_level_two_after_its_limit(
    team: str, level: int, age: float, is_late: bool
) -> None:
    signs = list(late_signs([_late(team, level, age)], SETTINGS, {2: 600.0}, NOW))
    assert bool(signs) is is_late
    if signs:
        assert signs[0].severity is (Severity.CRITICAL if level == 1 else Severity.ERROR)
        assert signs[0].advice == "rediacc inspect task 7"


def test_late_tasks_of_a_team_and_level_are_one_sign() -> None:
    tasks = [_late("prod", 1, 20), _late("prod", 1, 30), _late("dev", 1, 90)]
    signs = list(late_signs(tasks, SETTINGS, {}, NOW))
    assert [(sign.team, sign.counts) for sign in signs] == [("prod", 2), ("dev", 1)]


@pytest.mark.parametrize(
    ("team", "number", "over"),
    [("prod", 79, None), ("prod", 80, False), ("prod", 100, True), ("dev", 10, True)],
)
def test_depth_has_a_limit_and_a_mark_below_it(team: str, number: int, over: bool | None) -> None:
    signs = list(depth_signs([Depth(team=team, number=number)], SETTINGS))
    assert [sign.is_over for sign in signs] == ([] if over is None else [over])


@pytest.mark.parametrize(("age", "over"), [(799, None), (800, False), (1000, True)])
def test_oldest_wait_has_them_too(age: int, over: bool | None) -> None:
    oldest = Depth(team="prod", number=1, since=NOW - age * SECOND)
    signs = list(old_queue_signs([oldest], SETTINGS, NOW))
    assert [sign.is_over for sign in signs] == ([] if over is None else [over])


@pytest.mark.parametrize(
    ("change", "rule", "over"),
    [
        ({"cpu": 95.0}, AlertRule.MACHINE_CPU, True),
        ({"cpu": 91.0}, AlertRule.MACHINE_CPU, False),
        ({"memory": 96.0}, AlertRule.MACHINE_MEMORY, True),
        ({"disk": 90.0}, AlertRule.MACHINE_DISK, True),
        ({"disk": 86.0}, AlertRule.MACHINE_DISK, False),
        ({"disk": 55.0, "team": "dev"}, AlertRule.MACHINE_DISK, True),
        ({"is_reachable": False, "cpu": None}, AlertRule.MACHINE_UNREACHABLE, True),
    ],
)
def test_machines_have_limits(change: dict[str, object], rule: AlertRule, over: bool) -> None:
    signs = list(machine_signs([replace(SAMPLE, **change)], SETTINGS))  # type: ignore[arg-type]
    assert [(sign.rule, sign.is_over) for sign in signs] == [(rule, over)]
    assert signs[0].subject == "web-01"


def test_machine_without_measurements_or_below_its_limits_gives_no_sign() -> None:
    unknown = replace(SAMPLE, cpu=None, memory=None, disk=None)
    assert list(machine_signs([SAMPLE, unknown], SETTINGS)) == []


def test_secrets_grow_old_unless_that_is_switched_off() -> None:
    old = OldSecret(
        team="prod", name="private/ssh_key", set_at=NOW - 10 * 86400 * SECOND, set_by="alice"
    )
    young = replace(old, set_at=old.set_at + SECOND)
    signs = list(secret_signs([old, young], SETTINGS, NOW))
    assert [(sign.subject, sign.words) for sign in signs] == [("private/ssh_key", "10 days")]
    never = replace(SETTINGS, limits=replace(SETTINGS.limits, secret_days=0))
    assert list(secret_signs([old], never, NOW)) == []


def test_no_worker_and_a_broken_audit_concern_the_whole_home() -> None:
    waiting = list(no_worker_signs(Waiting(number=3, since=NOW - 5), SETTINGS))
    broken = list(audit_signs("the hash chain breaks at entry 7"))
    assert [(sign.team, sign.severity) for sign in (*waiting, *broken)] == [
        ("", Severity.CRITICAL)
    ] * 2
    assert list(no_worker_signs(None, SETTINGS)) == list(audit_signs("")) == []


# How signs become alerts


def _weigh(signs: list[Sign], known: dict[str, Known], *, groups: dict[str, Detail] | None = None,
           clear: float = 30.0):  # type: ignore[no-untyped-def]  # fmt: skip
    return weigh(signs, known, open_groups=groups or {}, clear_after=clear, now=NOW)


def test_sign_must_hold_for_its_time() -> None:
    sign = replace(SIGN, for_seconds=60)
    first = _weigh([sign], {})
    assert first.findings == []
    assert first.kept == {"g/a": Known(since=NOW, seen=NOW)}
    still = _weigh([sign], {"g/a": Known(since=NOW - 59 * SECOND, seen=NOW - SECOND)})
    assert still.findings == []
    held = _weigh([sign], {"g/a": Known(since=NOW - 60 * SECOND, seen=NOW - SECOND)})
    assert [finding.key for finding in held.findings] == ["g"]
    known_since = _weigh([replace(sign, since=NOW - 60 * SECOND)], {})
    assert [finding.at for finding in known_since.findings] == [NOW - 60 * SECOND]


def test_between_the_marks_everything_stays_as_it_was() -> None:
    between = replace(SIGN, is_over=False)
    assert _weigh([between], {}).kept == {}
    bad = _weigh([between], {"g/a": Known(since=NOW - 99 * SECOND, seen=NOW - SECOND)},
                 groups={"g": Detail()})  # fmt: skip
    assert [finding.key for finding in bad.findings] == ["g"]
    assert bad.over == []


def test_it_is_over_when_it_was_gone_for_long_enough() -> None:
    known = {"g/a": Known(since=NOW - 99 * SECOND, seen=NOW - 20 * SECOND)}
    groups = {"g": Detail(subjects={"a": Subject(at=1)})}
    soon = _weigh([], known, groups=groups)
    assert (soon.over, soon.forgotten) == ([], [])
    assert soon.kept == known
    late = _weigh([], known, groups=groups, clear=20)
    assert (list(late.over), list(late.forgotten)) == (["g"], ["g/a"])


def test_one_machine_that_is_well_again_leaves_the_others() -> None:
    other = replace(SIGN, subject="b", words="99 %")
    known = {
        "g/a": Known(since=NOW - 99 * SECOND, seen=NOW - 20 * SECOND),
        "g/b": Known(since=NOW - 99 * SECOND, seen=NOW - SECOND),
    }
    groups = {"g": Detail(subjects={"a": Subject(at=1), "b": Subject(at=2)})}
    soon, late = (_weigh([other], known, groups=groups, clear=clear) for clear in (30, 20))
    assert [(set(f.detail.subjects), f.number) for f in soon.findings] == [({"a", "b"}, 2)]
    assert [(set(f.detail.subjects), f.number) for f in late.findings] == [({"b"}, 1)]
