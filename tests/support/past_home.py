"""A home with a past: days of tasks, samples and alerts, written by their own functions.

The clock is simulated and the chance has a seed, so the same days come out each time.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from busy_home import MACHINES, add_alert
from queue_lab import Lab, result

from rediacc.monitoring.recording import record_queue
from rediacc.monitoring.samples import MachineSample, roll_up_samples, store_samples
from rediacc.times import seconds
from rediacc.values import Kind, MachineOutcome

__all__ = ["Past", "live_through"]

HOUR = seconds(3600)
_TITLES = (
    (3, "systemctl reload nginx", 4.0),
    (3, "apt-get -y upgrade", 160.0),
    (2, "systemctl restart webserver", 6.0),
    (3, "deploy.yml -e version=2.4.1", 240.0),
    (4, "logrotate --force /etc/logrotate.conf", 20.0),
    (5, "find /var/log -name '*.gz' -mtime +30 -delete", 45.0),
    (1, "systemctl restart postgresql", 9.0),
)


@dataclass
class Past:
    """What was done, to compare a report with.

    :param failed: tasks that failed.
    """

    tasks: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


def live_through(
    lab: Lab, *, hours: int, seed: int = 7, silent: range = range(0), tasks_an_hour: int = 3
) -> Past:
    """Let `hours` go by until the lab's time, which comes out as it was.

    :param silent: hours in which no worker lives: nothing runs and nobody records.
    """
    end, chance, past = lab.now, random.Random(seed), Past()
    lab.now = end - hours * HOUR
    for hour in range(hours):
        begin = end - (hours - hour) * HOUR
        lab.now = begin
        if hour not in silent:
            _work(lab, chance, past, tasks=chance.randint(1, 2 * tasks_an_hour - 1))
            _look(lab, chance, begin, hour=hour)
            lab.now = max(lab.now, begin + HOUR)
            record_queue(lab.database, now=lab.now + seconds(6))
            roll_up_samples(lab.database, now=lab.now + seconds(30))
    _alert(lab, end, hours)
    lab.now = end
    return past


def _work(lab: Lab, chance: random.Random, past: Past, *, tasks: int) -> None:
    planned: dict[int, tuple[float, MachineOutcome]] = {}
    is_night = lab.now // HOUR % 24 == 2
    lab.pass_time(chance.uniform(0, 240))
    for _turn in range(tasks + 5 * is_night):
        team = "staging" if chance.random() < 0.2 and not is_night else "prod"
        machine = chance.choice(MACHINES[team])
        level, title, took = chance.choice(_TITLES)
        if is_night:
            level, title, took = 4, f"pg_dump {machine} | zstd > /backup/{machine}.zst", 300.0
        outcome = _outcome(chance, machine, is_night=is_night)
        task = lab.submit(machine, team=team, level=level, title=title, kind=Kind.SHELL)
        planned[task] = (took * chance.uniform(0.5, 1.8), outcome)
        past.tasks.append(task)
        if not outcome.is_success:
            past.failed.append(task)
        lab.pass_time(chance.uniform(1, 40))
    while claimed := lab.claim(slots=1):
        lab.pass_time(chance.uniform(0.05, 1.5))
        for one in claimed:
            took, outcome = planned[one.id]
            lab.start(one.id)
            lab.pass_time(took)
            machine = lab.attempt_machines(one.id)[0]
            lab.settle(one.id, result(machine, outcome))


def _outcome(chance: random.Random, machine: str, *, is_night: bool) -> MachineOutcome:
    bad = {"db-02": 0.6 if is_night else 0.1, "web-03": 0.12}.get(machine, 0.02)
    if chance.random() >= bad:
        return MachineOutcome.CHANGED
    return chance.choice((MachineOutcome.FAILED, MachineOutcome.FAILED, MachineOutcome.UNREACHABLE))


def _look(lab: Lab, chance: random.Random, begin: int, *, hour: int) -> None:
    samples = []
    for team, names in MACHINES.items():
        for place, name in enumerate(names):
            is_away = name == "web-03" and hour % 72 in (40, 41, 42)
            daily = 0.5 + 0.5 * math.sin((hour % 24 - 8) / 24 * 2 * math.pi)
            samples += [
                MachineSample(
                    team=team,
                    machine=name,
                    at=begin + minute * 60_000_000,
                    is_reachable=not is_away,
                    cpus=4,
                    cpu_percent=None if is_away else 8 + 9 * place + 40 * daily * chance.random(),
                    load1=None if is_away else 0.4,
                    memory_percent=None if is_away else 35.0 + 6 * place + 4 * daily,
                    disk_percent=None if is_away else min(97.0, 30.0 + 9 * place + hour * 0.05),
                )
                for minute in range(0, 60, 15)
            ]
    store_samples(lab.database, samples)


def _alert(lab: Lab, end: int, hours: int) -> None:
    for ago, length, severity, title in (
        (0.8, 3, "critical", "web-03 is unreachable"),
        (0.45, 1, "critical", "3 tasks failed on db-02: pg_dump: connection refused"),
        (0.3, 9, "warning", "level 4 waits longer than 2 h"),
        (0.05, None, "warning", "web-02: disk 91 % full"),
    ):
        first = end - round(hours * ago) * HOUR
        fields = {"first_at": first, "last_at": first + HOUR, "severity": severity, "number": 3}
        if length is not None:
            fields |= {"state": "resolved", "resolved_at": min(end, first + length * HOUR)}
        add_alert(lab, title, **fields)
