"""Looks at machines: what a record says, how old it may be, and what spans hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from queue_lab import START, Lab

from rediacc.errors import InvalidInput
from rediacc.monitoring.history import read_history
from rediacc.monitoring.looks import MachineSample, look_of_record
from rediacc.monitoring.retention import KEPT, forget_old
from rediacc.monitoring.samples import newest_health, roll_up_samples, store_samples
from rediacc.settings import Settings, TeamSettings, load_settings
from rediacc.settings.monitoring import MonitoringSettings
from rediacc.times import seconds
from rediacc.views import HealthPoint, MachineHealth

SETTINGS = Settings(
    home=Path("/nowhere"),
    teams={
        "prod": TeamSettings(name="prod", inventory="x", sample_every_seconds=60),
        "dev": TeamSettings(name="dev", inventory="y"),
    },
    database_url="",
)


def _store(lab: Lab, machine: str, at: float, *, team: str = "prod", **fields: Any) -> None:
    values = {"is_reachable": True} | fields
    sample = MachineSample(team=team, machine=machine, at=START + seconds(at), **values)
    store_samples(lab.database, [sample])


def _newest(lab: Lab, machine: str, *, team: str = "prod", at: float = 0) -> MachineHealth:
    now = START + seconds(at)
    with lab.database.read() as connection:
        one = newest_health(connection, SETTINGS, team, now=now, machine=machine)
        assert one == {
            name: health
            for name, health in newest_health(connection, SETTINGS, team, now=now).items()
            if name == machine
        }
        return one[machine]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"cpu_percent": 89.9, "memory_percent": 94.9, "disk_percent": 94.9}, "ok"),
        ({"cpu_percent": 90.0}, "overloaded"),
        ({"memory_percent": 95.0}, "overloaded"),
        ({"disk_percent": 99.0}, "overloaded"),
        ({"is_reachable": False}, "unreachable"),
        ({"message": "no Python"}, "ok"),
    ],
)
def test_newest_look_says_how_a_machine_is(lab: Lab, fields: dict[str, Any], state: str) -> None:
    _store(lab, "web1", -60, is_reachable=False)
    _store(lab, "web1", -10, **fields)
    found = _newest(lab, "web1")
    assert (found.state, found.age_seconds) == (state, 10.0)


@pytest.mark.parametrize(
    ("team", "age", "is_stale"),
    [
        ("prod", 130, False),  # two rounds and what one machine may take
        ("prod", 131, True),
        ("dev", 120, False),  # sampled no more: what it was soon says nothing
        ("dev", 121, True),
    ],
)
@pytest.mark.parametrize("is_reachable", [True, False])
def test_old_looks_are_stale_whatever_they_said(
    lab: Lab, team: str, age: float, is_stale: bool, is_reachable: bool
) -> None:
    _store(lab, "web1", -age, team=team, is_reachable=is_reachable, cpu_percent=99.0)
    found = _newest(lab, "web1", team=team)
    assert (found.state == "stale") == is_stale
    assert found.is_fresh is not is_stale
    assert found.age_seconds == age


def _rolled(lab: Lab, resolution: int) -> dict[int, HealthPoint]:
    with lab.database.read() as connection:
        history = read_history(
            connection,
            teams=("prod",),
            rules=lab.rules,
            since=START,
            until=START + seconds(8000),
            resolution=resolution,
            machine="web1",
        )
    return {round(one.at.timestamp() - START / 1e6): one for one in history.health}


def test_spans_hold_means_and_highest_values_of_their_looks(lab: Lab) -> None:
    for at, cpu in ((5, 10.0), (25, 30.0), (65, 80.0)):
        _store(lab, "web1", at, cpu_percent=cpu, load1=cpu / 10, memory_percent=50.0)
    _store(lab, "web1", 45, is_reachable=False)
    _store(lab, "web2", 45, cpu_percent=99.0)
    assert roll_up_samples(lab.database, now=START + seconds(131)) == 3
    first, second = _rolled(lab, 60)[0], _rolled(lab, 60)[60]
    assert (first.looks, first.unreachable) == (3, 1)
    assert (first.cpu_percent, first.cpu_percent_max, first.load1) == (20.0, 30.0, 2.0)
    assert (second.looks, second.cpu_percent) == (1, 80.0)
    assert roll_up_samples(lab.database, now=START + seconds(131)) == 0
    roll_up_samples(lab.database, now=START + seconds(3700))
    for resolution in (300, 3600):
        (whole,) = _rolled(lab, resolution).values()
        assert (whole.looks, whole.unreachable) == (4, 1)
        assert whole.cpu_percent == pytest.approx(40.0)  # of three looks, not of two minutes
        assert whole.cpu_percent_max == 80.0
        assert whole.memory_percent == 50.0


def test_a_span_is_rolled_up_only_when_it_is_over(lab: Lab) -> None:
    _store(lab, "web1", 5, cpu_percent=10.0)
    assert roll_up_samples(lab.database, now=START + seconds(60)) == 0
    _store(lab, "web1", 59, cpu_percent=20.0)
    assert roll_up_samples(lab.database, now=START + seconds(71)) == 1
    assert _rolled(lab, 60)[0].cpu_percent == 15.0


def test_rollups_are_forgotten_some_hundred_at_a_time(lab: Lab) -> None:
    rows = [
        MachineSample(team="prod", machine=f"m{number}", at=START, is_reachable=True)
        for number in range(1200)
    ]
    store_samples(lab.database, rows)
    roll_up_samples(lab.database, now=START + seconds(100))
    assert forget_old(lab.database, now=START + KEPT[60]) == 0
    assert forget_old(lab.database, now=START + KEPT[60] + 1) == 1200
    assert lab.query("SELECT COUNT(*) AS n FROM sample")[0].n == 1200


_TOLD = {
    "cpus": 4,
    "cpu_percent": 12.5,
    "load": [0.5, 0.4, 0.3],
    "memory_bytes": 8 << 30,
    "memory_percent": 40.0,
    "disk_percent": 70.0,
    "disk_path": "/",
    "uptime_seconds": 1000.5,
}


def _look(**record: Any) -> MachineSample:
    whole = {"host": "web1", "status": "ok", "message": "", "result": dict(_TOLD)} | record
    return look_of_record(whole, team="prod", at=7, timeout_seconds=10)


def test_record_of_a_healthy_machine_is_taken_over() -> None:
    assert _look() == MachineSample(
        team="prod",
        machine="web1",
        at=7,
        is_reachable=True,
        cpus=4,
        cpu_percent=12.5,
        load1=0.5,
        memory_bytes=8 << 30,
        memory_percent=40.0,
        disk_percent=70.0,
        disk_path="/",
        uptime_seconds=1000.5,
    )


@pytest.mark.parametrize(
    ("record", "is_reachable", "message"),
    [
        (
            {
                "status": "unreachable",
                "message": 'Task failed: Data could not be sent to remote host "1.2.3.4". Make '
                "sure this host can be reached over ssh: ssh: connect to host 1.2.3.4 port 22: "
                "Connection refused",
            },
            False,
            "ssh: connect to host 1.2.3.4 port 22: Connection refused",
        ),
        (
            {"status": "failed", "message": "Task failed: Timed out after 10 second(s)."},
            False,
            "did not answer within 10 seconds",
        ),
        ({"status": "failed", "message": "no /proc"}, True, "no /proc"),
        ({"status": "failed", "message": None}, True, "told nothing"),
    ],
)
def test_records_without_health_say_why(
    record: dict[str, Any], is_reachable: bool, message: str
) -> None:
    look = _look(**record)
    assert (look.is_reachable, look.message, look.cpu_percent) == (is_reachable, message, None)


@pytest.mark.parametrize(
    "wrong", [None, True, "9", -1, float("nan"), float("inf"), 1e300, [1], {"a": 1}, 10**40]
)
def test_what_a_machine_says_is_not_trusted(wrong: Any) -> None:
    names = ("cpus", "cpu_percent", "memory_bytes", "memory_percent", "uptime_seconds")
    look = _look(result=dict.fromkeys((*names, "load", "disk_path", "disk_percent"), wrong))
    assert look.is_reachable
    assert all(getattr(look, name) is None for name in names)
    assert look.load1 is None or wrong == [1]
    assert look.disk_path is None or isinstance(wrong, str)
    assert _look(result=wrong).cpu_percent is None


def test_a_percentage_is_at_most_a_hundred() -> None:
    assert _look(result=_TOLD | {"cpu_percent": 250}).cpu_percent == 100.0


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('[monitoring]\nmetrics = "9750"', "HOST:PORT"),
        ('[monitoring]\nmetrics = "127.0.0.1:99999"', "HOST:PORT"),
        ("[monitoring]\ninterval = 3", "monitoring.interval is unknown"),
        ("[monitoring]\ntimeout = 0", "monitoring.timeout must be a number from 1 to 300"),
        ('[teams.prod]\ninventory = "x"\nsample_every = 2', "must be 0 (never), or it must be"),
        ('[teams.prod]\ninventory = "x"\nsample_every = 4000', "from 5 to 3600 seconds"),
        ('[teams.prod]\ninventory = "x"\nsample_every = true', "teams.prod.sample_every"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    tmp_path: Path, table: str, complaint: str
) -> None:
    (tmp_path / "rediacc.toml").write_text(table)
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path, environment={})
    assert complaint in caught.value.message


def test_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "rediacc.toml").write_text(
        '[monitoring]\nmetrics = "[::1]:9750"\ntextfile = "out/x.prom"\ntimeout = 5\n'
        '[teams.prod]\ninventory = "x"\nsample_every = 60\n'
        '[teams.dev]\ninventory = "y"\nsample_every = 0\n'
    )
    settings = load_settings(tmp_path, environment={})
    assert settings.monitoring == replace(
        MonitoringSettings(),
        metrics=("::1", 9750),
        textfile=tmp_path / "out" / "x.prom",
        timeout_seconds=5,
    )
    assert settings.team("prod").sample_every_seconds == 60
    assert settings.team("dev").sample_every_seconds is None
