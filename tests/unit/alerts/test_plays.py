"""How plays that somebody started by hand become alerts, and how these end."""

from __future__ import annotations

from collections.abc import Mapping

from alert_lab import AlertLab

from rediacc.alert_words import AlertState, Severity
from rediacc.alerts.plays import PlayEnd, record_play
from rediacc.times import micros, utc_now
from rediacc.values import Kind


def _end(
    lab: AlertLab, key: str, machines: Mapping[str, str], *fine: str, what: str = "site.yml"
) -> bool:
    end = PlayEnd(
        key=key,
        team="prod",
        what=what,
        machines=machines,
        fine=fine,
        why=("web-01: Install nginx: failed",) if machines else (),
        who="ann",
        severity=Severity.ERROR,
    )
    with lab.database.write() as connection:
        return record_play(connection, end, now=micros(utc_now()))


def test_end_that_is_told_twice_counts_once(lab: AlertLab) -> None:
    assert _end(lab, "run 1", {"web-01": "failed"}, "web-02")
    assert not _end(lab, "run 1", {"web-01": "failed"}, "web-02")
    lab.look()
    assert not _end(lab, "run 1", {"web-01": "failed"}, "web-02")
    lab.look()
    detail = lab.alert("play-failed")
    assert detail.alert.number == 1
    assert detail.alert.title == "[prod] site.yml failed on web-01"
    assert detail.where == {"web-01": "failed"}
    assert detail.who == ("ann",)
    assert [one.event for one in lab.deliveries()] == ["trigger"]


def test_failures_of_one_playbook_are_one_alert_and_of_another_another(lab: AlertLab) -> None:
    _end(lab, "run 1", {"web-01": "failed"})
    _end(lab, "run 2", {"web-02": "unreachable"})
    _end(lab, "run 3", {"web-02": "unreachable"}, what="other.yml")
    lab.look()
    assert sorted(one.number for one in lab.alerts()) == [1, 2]


def test_machine_leaves_it_when_the_playbook_ends_well_there(lab: AlertLab) -> None:
    _end(lab, "run 1", {"web-01": "failed", "web-02": "failed"})
    lab.look()
    assert _end(lab, "run 2", {}, "web-02")
    lab.look()
    assert set(lab.alert("play-failed").where) == {"web-01"}
    assert _end(lab, "run 3", {}, "web-01", "web-02")
    lab.look()
    detail = lab.alert("play-failed")
    assert detail.alert.state is AlertState.RESOLVED
    assert detail.why_resolved == "the playbook ended well"


def test_queue_that_does_the_same_work_closes_it(lab: AlertLab) -> None:
    _end(lab, "run 1", {"web-01": "failed"})
    lab.look()
    lab.succeed("web-01", title="other.yml", kind=Kind.PLAYBOOK)
    lab.look()
    assert lab.open_rules() == {"play-failed"}
    lab.succeed("web-01", title="site.yml", kind=Kind.PLAYBOOK)
    lab.look()
    assert lab.open_rules() == set()


def test_good_end_leaves_nothing_where_nothing_is_wrong(lab: AlertLab) -> None:
    assert not _end(lab, "run 1", {}, "web-01")
    assert not lab.query("SELECT id FROM outbox")
    _end(lab, "run 2", {"web-01": "failed"})
    assert _end(lab, "run 3", {}, "web-01")  # nobody looked in between
    lab.look()
    assert lab.open_rules() == set()


def test_ends_of_long_ago_are_forgotten(lab: AlertLab) -> None:
    _end(lab, "run 1", {"web-01": "failed"})
    _end(lab, "run 2", {"web-01": "failed"})
    lab.look()
    lab.write("UPDATE outbox SET at = at - 31 * 86400000000 WHERE key LIKE '%run 1'")
    _end(lab, "run 3", {"web-01": "failed"})
    keys = {row.key for row in lab.query("SELECT key FROM outbox")}
    assert keys == {"play.ended:prod:run 2", "play.ended:prod:run 3"}
