"""Rules over what is so now, each from its cause in the tables to its alert and its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alert_lab import AlertLab

from rediacc.alerts.watch import Scope
from rediacc.queue.workers import WorkerIdentity, beat, register
from rediacc.settings.alerts import AlertLimits, AlertSettings
from rediacc.times import micros, utc_now

SECOND = 1_000_000
WORKER = WorkerIdentity(id="w", host="h", boot_id="b", pid=1, version="1", slots=4, urgent_slots=2)


def _with_worker(lab: AlertLab) -> None:
    with lab.database.write() as connection:
        register(connection, WORKER, now=micros(utc_now()))


def _sample(lab: AlertLab, machine: str, **values: object) -> None:
    given = {"cpu_percent": 1, "memory_percent": 1, "disk_percent": 1, "is_reachable": 1} | values
    names = ", ".join(given)
    marks = ", ".join(f":{name}" for name in given)
    lab.write(
        f"INSERT INTO sample (team, machine, at, disk_path, message, {names}) "
        f"VALUES ('prod', :machine, :at, '/', '', {marks})",
        machine=machine,
        at=micros(utc_now()),
        **given,
    )


def test_level_one_task_that_does_not_start(lab: AlertLab) -> None:
    _with_worker(lab)
    lab.now -= 11 * SECOND
    late = lab.submit("web-01", level=1, title="stop the leak")
    lab.submit("web-01", level=2)
    lab.look(Scope.CHEAP)
    detail = lab.alert("task-late")
    assert detail.alert.title == "[prod] 1 task not started in time: level 1: stop the leak"
    assert detail.alert.severity == "critical"
    assert detail.alert.command == f"rediacc inspect task {late}"
    lab.claim()
    lab.run(late)
    lab.look(Scope.CHEAP)
    assert lab.open_rules() == set()


def test_level_two_task_that_waits_beyond_its_limit(lab: AlertLab) -> None:
    _with_worker(lab)
    lab.now -= 601 * SECOND
    lab.submit("web-01", level=2)
    lab.submit("web-01", level=3)
    lab.look(Scope.CHEAP)
    assert [(one.rule, one.severity) for one in lab.alerts()] == [("task-late", "error")]


def test_retry_that_waits_for_its_time_is_not_late(lab: AlertLab) -> None:
    _with_worker(lab)
    lab.now -= 60 * SECOND
    lab.submit("web-01", level=1, eligible_at=micros(utc_now()) + 60 * SECOND)
    lab.look(Scope.CHEAP)
    assert lab.alerts() == ()


def test_nobody_works_on_what_waits(lab: AlertLab) -> None:
    _with_worker(lab)
    lab.submit("web-01")
    lab.look(Scope.CHEAP)
    assert lab.alerts() == ()
    lab.write("UPDATE worker SET beat_at = beat_at - :lease", lease=31 * SECOND)
    lab.look(Scope.CHEAP)
    detail = lab.alert("no-worker")
    assert (detail.alert.team, detail.alert.severity) == ("", "critical")
    assert detail.alert.command == "rediacc worker"
    with lab.database.write() as connection:
        beat(connection, "w", state="running", now=micros(utc_now()))
    lab.look(Scope.CHEAP)
    assert lab.open_rules() == set()


def test_nobody_is_missed_where_nothing_waits_or_only_for_a_moment(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    lab = make_lab(replace(AlertLab.quick(), limits=AlertLimits(no_worker=60)))
    lab.submit("web-01", eligible_at=lab.now + 3600 * SECOND)
    lab.look(Scope.CHEAP)
    assert lab.alerts() == ()
    lab.submit("web-01")
    lab.look(Scope.CHEAP)
    assert lab.alerts() == ()
    lab.now -= 61 * SECOND
    lab.submit("web-01")
    lab.look(Scope.CHEAP)
    assert lab.open_rules() == {"no-worker"}


def test_deep_queue_until_it_is_well_below_its_limit(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    lab = make_lab(replace(AlertLab.quick(), limits=AlertLimits(depth=10, update_every=0)))
    _with_worker(lab)
    tasks = [lab.submit(f"web-{number}") for number in range(10)]
    lab.look(Scope.CHEAP)
    assert lab.alert("queue-deep").alert.title == "[prod] 10 tasks wait"
    done = lab.claim(10)
    assert [item.id for item in done] == tasks
    for task in tasks[:2]:
        lab.run(task)
    lab.look(Scope.CHEAP)
    assert lab.open_rules() == {"queue-deep"}  # eight left: between the marks
    lab.run(tasks[2])
    lab.look(Scope.CHEAP)
    assert lab.open_rules() == set()


def test_oldest_task_waits_for_too_long(lab: AlertLab) -> None:
    _with_worker(lab)
    lab.now -= 43201 * SECOND
    task = lab.submit("web-01", level=5)
    lab.look(Scope.MACHINES)
    assert (
        lab.alert("queue-old").alert.title
        == "[prod] the oldest task waits for 12 h, the limit is 12 h"
    )
    lab.claim()
    lab.run(task)
    lab.look(Scope.MACHINES)
    assert lab.open_rules() == set()


def test_machines_over_their_limits_are_one_alert_for_each_limit(lab: AlertLab) -> None:
    _sample(lab, "web-01", cpu_percent=99, disk_percent=97)
    _sample(lab, "web-02", disk_percent=93)
    _sample(lab, "web-03", memory_percent=99)
    _sample(lab, "web-04", is_reachable=0)
    lab.look(Scope.MACHINES)
    rules = {"machine-cpu", "machine-disk", "machine-memory", "machine-unreachable"}
    assert lab.open_rules() == rules
    assert lab.alert("machine-disk").where == {"web-01": "97 % of /", "web-02": "93 % of /"}
    _sample(lab, "web-01")
    for name in ("web-03", "web-04"):
        _sample(lab, name)
    lab.look(Scope.MACHINES)
    assert lab.open_rules() == {"machine-disk"}
    assert lab.alert("machine-disk").where == {"web-02": "93 % of /"}
    assert lab.alert("machine-unreachable").why_resolved == "it is well again"


def test_machine_in_maintenance_is_left_alone(lab: AlertLab) -> None:
    _sample(lab, "web-01", disk_percent=97)
    lab.write(
        "INSERT INTO machine (team, name, state, changed_at) "
        "VALUES ('prod', 'web-01', 'maintenance', 0)"
    )
    lab.look(Scope.MACHINES)
    assert lab.alerts() == ()


def test_secret_that_nobody_changes(lab: AlertLab) -> None:
    lab.write(
        "INSERT INTO secret_note (team, scope, name, set_at, set_by) "
        "VALUES ('prod', 'private', 'ssh_key', :at, 'alice')",
        at=micros(utc_now()) - 366 * 86400 * SECOND,
    )
    lab.look(Scope.MACHINES)
    detail = lab.alert("secret-old")
    assert detail.where == {"private/ssh_key": "366 days"}
    assert detail.alert.number == 1
    lab.write("UPDATE secret_note SET set_at = :now", now=micros(utc_now()))
    lab.look(Scope.MACHINES)
    assert lab.open_rules() == set()


def test_audit_that_somebody_changed(lab: AlertLab) -> None:
    for _turn in range(3):
        lab.succeed("web-01")
    lab.look(Scope.AUDIT)
    assert lab.alerts() == ()
    actor = lab.query("SELECT actor FROM audit WHERE seq = 2")[0].actor
    lab.write("UPDATE audit SET actor = 'mallory' WHERE seq = 2")
    lab.look(Scope.CHEAP)
    assert lab.alerts() == ()
    lab.look(Scope.AUDIT)
    assert "breaks at entry 2" in lab.alert("audit-broken").alert.title
    lab.write("UPDATE audit SET actor = :actor WHERE seq = 2", actor=actor)
    lab.look(Scope.AUDIT)
    assert lab.open_rules() == set()


def test_look_that_changes_nothing_writes_nothing(
    make_lab: Callable[[AlertSettings], AlertLab],
) -> None:
    lab = make_lab(replace(AlertLab.quick(), clear_after=30))
    lab.submit("web-01", level=1)
    lab.now -= 60 * SECOND
    lab.submit("web-01", level=1)
    _sample(lab, "web-01", disk_percent=97)
    lab.look()
    tables = ("alert", "alert_condition", "delivery", "outbox")
    before = [lab.query(f"SELECT * FROM {name}") for name in tables]
    assert len(before[0]) == 3
    lab.look()
    assert [lab.query(f"SELECT * FROM {name}") for name in tables] == before
