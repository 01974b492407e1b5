"""From what happens to tasks to alerts and messages, over a real queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from alert_lab import AlertLab

from rediacc.alert_words import AlertState
from rediacc.alerts.book import Book
from rediacc.alerts.service import place_of
from rediacc.alerts.watch import Scope
from rediacc.queue import changes
from rediacc.queue.expiry import expire
from rediacc.queue.outcome import Ending
from rediacc.settings.alerts import AlertLimits, AlertSettings
from rediacc.times import micros, utc_now
from rediacc.values import MachineOutcome, OnLost, RetryPolicy
from rediacc.worker.outbox import FollowUps

DAY = 86400 * 1_000_000


def test_failure_is_told_with_all_that_a_person_needs(lab: AlertLab) -> None:
    task = lab.fail("web-01", "web-02", title="apt upgrade", said="line 1\nE: disk full")
    lab.look()
    detail = lab.alert("task-failed")
    assert detail.alert.title == "[prod] apt upgrade failed on web-01, web-02"
    assert detail.alert.state is AlertState.OPEN
    assert detail.alert.tasks == (task,)
    assert detail.alert.command == f"rediacc retry task {task}"
    assert detail.where == {"web-01": "rc 2", "web-02": "rc 2"}
    assert "web-01: E: disk full" in detail.why
    assert detail.who == ("alice",)
    (payload,) = lab.payloads()
    assert payload["event"] == "trigger"
    assert payload["where"] == ["web-01 (rc 2)", "web-02 (rc 2)"]


def test_event_is_taken_once_however_often_one_looks(lab: AlertLab) -> None:
    lab.fail("web-01")
    for _turn in range(3):
        lab.look()
    assert lab.alert("task-failed").alert.number == 1
    assert len(lab.deliveries()) == 1


def test_five_hundred_failures_of_one_cause_are_one_message(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    alerts = replace(AlertLab.quick(), limits=AlertLimits(), gather=3.0)
    lab = make_lab(alerts)
    for number in range(500):
        lab.submit(f"web-{number % 50}", title=f"backup volume {number}", expires_at=lab.now)
    ended = 1
    while ended:
        with lab.database.write() as connection:
            ended = len(expire(connection, now=lab.now, limit=200))
        lab.look(Scope.CHEAP)
    detail = lab.alert("task-expired")
    assert detail.alert.number == 500
    assert len(detail.where) == 50
    (payload,) = lab.payloads()
    assert (payload["event"], payload["count"], payload["where_count"]) == ("trigger", 500, 50)
    assert payload["title"].startswith("[prod] backup volume ")
    assert "expired before it started 500 times on web-0, web-1 and 48 more" in payload["title"]


def test_other_causes_and_teams_are_other_alerts(lab: AlertLab) -> None:
    lab.fail("web-01", title="restart nginx")
    lab.fail("web-01", title="restart nginx", team="dev")
    lab.fail("web-01", title="apt upgrade")
    lab.look()
    assert len(lab.alerts()) == 3


def test_success_elsewhere_does_not_close_what_is_still_broken(lab: AlertLab) -> None:
    lab.fail("web-01", "web-02", title="deploy")
    lab.look()
    lab.succeed("web-03", title="deploy")
    lab.succeed("web-01", title="other")
    lab.look()
    assert set(lab.alert("task-failed").where) == {"web-01", "web-02"}
    lab.succeed("web-01", title="deploy")
    lab.look()
    assert set(lab.alert("task-failed").where) == {"web-02"}
    assert lab.open_rules() == {"task-failed"}
    lab.succeed("web-02", title="deploy")
    lab.look()
    detail = lab.alert("task-failed")
    assert detail.alert.state is AlertState.RESOLVED
    assert detail.why_resolved == "all its machines are well again"
    assert [one.event for one in lab.deliveries()] == ["trigger", "resolve"]
    keys = {payload["dedup_key"] for payload in lab.payloads()}
    assert len(keys) == 1


def test_retry_of_the_task_itself_closes_it(lab: AlertLab) -> None:
    task = lab.fail("web-01")
    lab.look()
    with lab.database.write() as connection:
        changes.retry(connection, task, rules=lab.rules, actor="bob", now=micros(utc_now()))
    lab.now = micros(utc_now())
    lab.claim()
    lab.run(task)
    lab.look()
    assert lab.open_rules() == set()


def test_machines_out_of_reach_are_one_alert_and_leave_it_as_they_answer(lab: AlertLab) -> None:
    gone = MachineOutcome.UNREACHABLE
    lab.fail("web-01", title="a", outcome=gone)
    second = lab.fail("web-02", title="b", outcome=gone)
    lab.look()
    detail = lab.alert("machine-unreachable")
    assert set(detail.where) == {"web-01", "web-02"}
    assert detail.alert.number == 2
    assert detail.alert.command.endswith(f" {second}")
    lab.succeed("web-01", title="anything")
    lab.look()
    assert set(lab.alert("machine-unreachable").where) == {"web-02"}
    now = micros(utc_now())
    lab.write(
        "INSERT INTO sample (team, machine, at, is_reachable) VALUES ('prod', 'web-02', :at, 1)",
        at=now,
    )
    lab.look()
    assert lab.open_rules() == set()


def test_held_task_is_told_until_a_person_decides(lab: AlertLab) -> None:
    task = lab.submit("web-01")
    lab.claim()
    lab.start(task)
    lab.settle(task, ending=Ending.LOST, is_confirmed=False)
    lab.look()
    detail = lab.alert("task-held")
    assert detail.alert.title == "[prod] 1 task held: the end of a run is unknown"
    assert detail.alert.command == f"rediacc release task {task} --retry"
    with lab.database.write() as connection:
        changes.release(connection, task, action="fail", rules=lab.rules, actor="bob", now=lab.now)
    lab.look()
    assert lab.open_rules() == set()


@pytest.mark.parametrize(
    ("rule", "words"), [("task-lost", "was lost"), ("task-expired", "expired")]
)
def test_lost_and_expired_tasks_have_rules_of_their_own(
    lab: AlertLab, rule: str, words: str
) -> None:
    if rule == "task-lost":
        task = lab.submit("web-01", title="deploy", policy=RetryPolicy(on_lost=OnLost.FAIL))
        lab.claim()
        lab.start(task)
        lab.settle(task, ending=Ending.LOST, is_confirmed=False)
    else:
        task = lab.submit("web-01", title="deploy", expires_at=lab.now)
        assert lab.claim_ids() == []
    lab.look()
    assert f"deploy {words}" in lab.alert(rule).alert.title
    lab.succeed("web-01", title="deploy")
    lab.look()
    assert lab.open_rules() == set()


@pytest.mark.parametrize("action", ["none", "run:mend"])
def test_policy_may_want_no_alert(lab: AlertLab, action: str) -> None:
    lab.fail("web-01", policy=RetryPolicy(failure_action=action))
    lab.look()
    assert lab.alerts() == ()


def test_rule_that_is_switched_off_for_a_team_is_silent_there(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    off = AlertLimits(off=frozenset({"task-failed"}))
    lab = make_lab(replace(AlertLab.quick(), teams={"dev": off}))
    lab.fail("web-01", team="dev")
    lab.fail("web-01", team="prod")
    lab.look()
    assert [one.team for one in lab.alerts()] == ["prod"]
    assert not lab.query("SELECT id FROM outbox WHERE delivered_at IS NULL")


def test_acknowledged_alert_counts_on_and_tells_only_of_its_end(lab: AlertLab) -> None:
    lab.fail("web-01")
    lab.look()
    number = lab.alerts()[0].id
    with lab.database.write() as connection:
        book = Book(connection, lab.settings, place=place_of(lab.settings), now=lab.now)
        assert book.acknowledge(number, by="bob")
        assert not book.acknowledge(number, by="eve")
    lab.fail("web-01")
    lab.look()
    view = lab.alerts()[0]
    assert (view.state, view.acknowledged_by, view.number) == ("acknowledged", "bob", 2)
    lab.succeed("web-01")
    lab.look()
    assert [one.event for one in lab.deliveries()] == ["trigger", "resolve"]


def test_cause_that_comes_and_goes_is_one_alert_and_few_messages(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    lab = make_lab(replace(AlertLab.quick(), limits=AlertLimits()))
    for _turn in range(5):
        lab.fail("web-01")
        lab.look(Scope.CHEAP)
        lab.succeed("web-01")
        lab.look(Scope.CHEAP)
    assert lab.alert("task-failed").alert.number == 5
    assert [one.event for one in lab.deliveries()] == ["trigger", "resolve"]
    # What comes back after a while is a new alert, with a message of its own.
    lab.write("UPDATE alert SET resolved_at = resolved_at - 300000001")
    lab.fail("web-01")
    lab.look(Scope.CHEAP)
    assert len(lab.alerts(resolved=True)) == 2
    assert [one.event for one in lab.deliveries()] == ["trigger", "resolve", "trigger"]


def test_failure_that_nobody_repeats_is_closed_after_a_while(lab: AlertLab) -> None:
    lab.fail("web-01")
    lab.look()
    lab.write("UPDATE alert SET last_at = last_at - :week", week=7 * DAY + 1)
    lab.look()
    assert lab.alert("task-failed").why_resolved == "nothing more of it for 7 days"


def test_silenced_alert_is_recorded_and_told_when_the_silence_ends(lab: AlertLab) -> None:
    now = micros(utc_now())
    lab.write(
        "INSERT INTO silence (team, rule, machine, why, created_by, created_at, until_at) "
        "VALUES ('prod', '', 'web-*', 'move', 'alice', :now, :until)",
        now=now,
        until=now + DAY,
    )
    lab.fail("web-01")
    lab.fail("db-01", title="other")
    lab.look()
    assert len(lab.alerts()) == 2
    assert [payload["what"] for payload in lab.payloads()] == ["other"]
    silenced = [one for one in lab.alerts() if "other" not in one.title]
    assert len(silenced) == 1
    lab.write("UPDATE silence SET until_at = :now", now=micros(utc_now()))
    lab.look()
    assert [payload["what"] for payload in lab.payloads()] == ["other", "true"]


def test_finished_tasks_by_the_thousand_are_all_looked_at(
    lab: AlertLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rediacc.alerts.recovery._PAGE", 3)
    lab.fail("web-01", title="deploy")
    lab.look()
    for number in range(7):
        lab.succeed(f"db-{number}", title="other")
    lab.succeed("web-01", title="deploy")
    lab.look()
    assert lab.open_rules() == set()


def test_more_of_it_while_somebody_closes_it_keeps_it_open(lab: AlertLab) -> None:
    lab.fail("web-01")
    lab.look()
    (before,) = lab.alerts()
    lab.fail("web-01")
    lab.look()
    with lab.database.write() as connection:
        book = Book(connection, lab.settings, place=place_of(lab.settings), now=lab.now)
        seen = micros(before.last_at)
        assert not book.resolve_by_id(before.id, why="it was over then", seen_at=seen)
    assert lab.open_rules() == {"task-failed"}


def test_task_that_was_to_follow_and_cannot_be_made_is_a_failure(lab: AlertLab) -> None:
    task = lab.fail("web-01", policy=RetryPolicy(failure_action="run:mend"))
    follow_ups = FollowUps(
        database=lab.database, settings=lab.settings, rules=lab.rules, environment={}
    )
    for _turn in range(2):
        follow_ups.create()
    lab.look()
    detail = lab.alert("task-failed")
    assert detail.alert.number == 1
    assert detail.what == "run:mend"
    assert "mend was to follow and was not created" in detail.why[0]
    assert detail.alert.tasks == (task,)


def test_event_counts_once_when_several_look_at_once(lab: AlertLab) -> None:
    for _turn in range(40):
        lab.submit("web-01", expires_at=lab.now)
    with lab.database.write() as connection:
        expire(connection, now=lab.now, limit=100)
    barrier = threading.Barrier(4)

    def look() -> None:
        barrier.wait()
        lab.look(Scope.CHEAP)

    threads = [threading.Thread(target=look) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lab.alert("task-expired").alert.number == 40
    keys = [one.key for one in lab.deliveries()]
    assert len(keys) == len(set(keys)) == 1


def test_success_before_the_failure_closes_nothing(lab: AlertLab) -> None:
    lab.fail("db-01", title="other")  # what ended since is looked at
    lab.succeed("web-01", title="deploy")
    lab.fail("web-01", title="deploy")
    for _turn in range(2):
        lab.look()
    assert len(lab.alerts()) == 2
