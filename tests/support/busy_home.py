"""A home whose database holds a queue as a busy day leaves it, made by the queue's own functions.

No machine is behind it: what ran is told to the queue as a worker would tell it.
"""

from __future__ import annotations

from pathlib import Path

from queue_lab import RULES, Lab, result

from rediacc.queue.workers import WorkerIdentity, register
from rediacc.storage.engine import open_database
from rediacc.storage.schema import upgrade
from rediacc.storage.tables.alerts import Alert
from rediacc.storage.tables.monitoring import Sample
from rediacc.times import seconds
from rediacc.values import Kind, MachineOutcome

__all__ = [
    "MACHINES",
    "add_alert",
    "add_sample",
    "add_worker",
    "fill_busy",
    "open_lab",
    "write_home",
]

MACHINES = {
    "prod": ("db-01", "db-02", "web-01", "web-02", "web-03"),
    "staging": ("stage-01", "stage-02"),
}
_ALERT = Alert.__table__.insert()  # type: ignore[attr-defined]
_SAMPLE = Sample.__table__.insert()  # type: ignore[attr-defined]


def write_home(directory: Path) -> Path:
    """Write a home with two teams; return its directory."""
    config = ""
    for team, names in MACHINES.items():
        inventory = directory / "inventories" / team / "hosts"
        inventory.parent.mkdir(parents=True)
        inventory.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        config += f'[teams.{team}]\ninventory = "inventories/{team}"\n\n'
    (directory / "rediacc.toml").write_text(config, encoding="utf-8")
    (directory / ".rediacc").mkdir(mode=0o700)
    return directory


def open_lab(home: Path, *, now: int) -> Lab:
    """Open the home's database, made if need be, with the time in the caller's hand."""
    database = open_database(f"sqlite:///{home / '.rediacc' / 'rediacc.db'}")
    upgrade(database)
    return Lab(database, RULES, now)


def add_worker(lab: Lab, name: str = "w1", *, slots: int = 4, host: str = "ops-01") -> None:
    """Register a worker that beats at the lab's time."""
    identity = WorkerIdentity(
        id=name, host=host, boot_id="b", pid=4242, version="0", slots=slots, urgent_slots=10
    )
    with lab.database.write() as connection:
        register(connection, identity, now=lab.now)


def add_alert(lab: Lab, title: str, **fields: object) -> None:
    """Write an open alert."""
    values = {
        "key": f"key {title}",
        "rule": "task-failed",
        "team": "prod",
        "severity": "critical",
        "state": "open",
        "title": title,
        "number": 1,
        "first_at": lab.now,
        "last_at": lab.now,
        "detail": {},
    }
    with lab.database.write() as connection:
        connection.execute(_ALERT, values | fields)


def add_sample(lab: Lab, team: str, machine: str, **fields: object) -> None:
    """Write a machine's sample."""
    values = {"team": team, "machine": machine, "at": lab.now, "is_reachable": True, "message": ""}
    with lab.database.write() as connection:
        connection.execute(_SAMPLE, values | fields)


def fill_busy(lab: Lab, *, has_worker: bool) -> dict[str, int]:
    """Fill the queue as it might stand at the lab's time; return tasks by a word for each."""
    end = lab.now
    tasks: dict[str, int] = {}
    lab.now = end - seconds(1500)
    for number, (machine, title, outcome) in enumerate(
        (
            ("web-01", "uptime", MachineOutcome.OK),
            ("db-02", "pg_dump shop | zstd > /backup/shop.zst", MachineOutcome.FAILED),
            ("web-03", "apt-get -y upgrade", MachineOutcome.CHANGED),
            ("stage-01", "systemctl reload nginx", MachineOutcome.OK),
        )
    ):
        team = "staging" if machine.startswith("stage") else "prod"
        task = lab.submit(machine, team=team, title=title, kind=Kind.SHELL)
        lab.claim()
        lab.start(task)
        lab.pass_time(40 + 17 * number)
        message = "non-zero return code" if outcome is MachineOutcome.FAILED else ""
        printed = "pg_dump: error: connection to server failed\n" if message else "done\n"
        lab.settle(task, result(machine, outcome, message=message, stdout=printed))
        tasks[title.split()[0]] = task
        lab.pass_time(30)
    lab.now = end - seconds(420)
    running = lab.submit("web-01", "web-02", "web-03", title="site.yml", kind=Kind.PLAYBOOK)
    backup = lab.submit("db-01", title="rsync -a /srv/ backup:/srv/", kind=Kind.SHELL, level=4)
    lab.pass_time(20)
    lab.claim()
    lab.start(running)
    lab.start(backup)
    tasks |= {"running": running, "backup": backup}
    _print(lab, running)
    lab.now = end - seconds(240)
    waiting = (
        ("nginx", ("web-02",), 2, "systemctl restart nginx"),
        ("deploy", ("web-01", "web-02", "web-03"), 3, "deploy.yml -e version=2.4.1"),
        ("patch", ("db-01", "db-02"), 4, "patch.yml --tags kernel"),
        ("logs", ("stage-01",), 5, "find /var/log -name '*.gz' -mtime +30 -delete"),
        ("report", ("stage-02",), 3, "df -h / | tail -1"),
        ("vacuum", ("db-01",), 3, "vacuumdb --all --analyze"),
    )
    for word, machines, level, title in waiting:
        lab.pass_time(31)
        team = "staging" if machines[0].startswith("stage") else "prod"
        tasks[word] = lab.submit(*machines, team=team, title=title, level=level, kind=Kind.SHELL)
    tasks["later"] = lab.submit(
        "db-02", title="nightly backup", eligible_at=end + seconds(7200), kind=Kind.SHELL
    )
    lab.now = end
    # A claim parks what waits for busy machines.
    lab.claim(slots=1)
    if has_worker:
        add_worker(lab)
    return tasks


def _print(lab: Lab, task: int) -> None:
    """Store what Ansible printed so far."""
    from rediacc.storage.tables.tasks import Output

    words = (
        "\nPLAY [Site] *****************************************************************\n"
        "\nTASK [Install packages] *****************************************************\n"
        "ok: [web-01]\nchanged: [web-02]\nok: [web-03]\n"
        "\nTASK [Write the virtual hosts] ***********************************************\n"
        "changed: [web-01]\nchanged: [web-02]\n"
    )
    row = lab.row(task)
    with lab.database.write() as connection:
        connection.execute(
            Output.__table__.insert(),  # type: ignore[attr-defined]
            [
                {"task_id": task, "epoch": row.epoch, "at": lab.now, "text": part.encode()}
                for part in words.splitlines(keepends=True)
            ],
        )
