"""A valid request for every operation. TO WHOEVER ADDS AN OPERATION: add a line here.

The tests in ``test_every_operation.py`` are made from the catalogue: each operation is allowed to
the least role that its permission names, denied to the greatest that does not do, and both leave
their entry in the audit. An operation without a line here fails the suite.

A line is a function that gets the world (``world.py``) and returns a request that can be done
*now*, in the team ``prod`` where the operation is one of teams: it first makes what the request is
about, as the owner (``world.task()``, ``world.machine()``, ``world.team()``,
``world.owner(operation, request)``). It is called anew
for each request. Name the team in the request where it has a field for that, so that somebody
without a role there is denied and not told that nothing was found.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from world import World

from rediacc import requests
from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.book import Book
from rediacc.alerts.finding import Finding
from rediacc.alerts.service import place_of
from rediacc.settings import load_settings
from rediacc.times import micros
from rediacc.values import Kind, MachineState, SecretScope
from rediacc.views import HostKey

__all__ = ["REQUESTS"]

_HELD = 8


def _create_machine(world: World) -> Any:
    return requests.MachineCreate(name=world.fresh("web1-"), team="prod")


def _delete_machine(world: World) -> Any:
    return requests.MachineDelete(name=world.machine(), team="prod")


def _record_play(world: World) -> Any:
    spool = world.home / ".rediacc" / "spool"
    spool.mkdir(exist_ok=True)
    play = str(uuid.uuid4())
    records = (
        {"type": "spool", "inventory": [], "playbooks": ["site.yml"], "team": "prod"},
        {"type": "stats", "hosts": {"web1": {"ok": 1}}},
    )
    lines = (json.dumps(record | {"nonce": play}) for record in records)
    (spool / f"{play}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return requests.PlayRecord(id=play)


def _retry(world: World) -> Any:
    number = world.task()
    world.owner("task.cancel", requests.TaskIds(ids=(number,)))
    return requests.TaskIds(ids=(number,))


def _trust(world: World) -> Any:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0 " + hashlib.sha256(world.fresh("key").encode()).digest()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    # The account's own serves once the team has an encrypted file: then no argument is cached.
    for known in (world.known_hosts, world.known_hosts.parent / ".ssh" / "known_hosts"):
        known.unlink(missing_ok=True)
    return requests.TrustRequest(
        keys=(
            HostKey(
                machine="web1",
                team="prod",
                address="127.0.0.1",
                port=1,
                key_type="ssh-ed25519",
                fingerprint=f"SHA256:{digest}",
                status="unknown",
                line=f"[127.0.0.1]:1 ssh-ed25519 {base64.b64encode(blob).decode()}",
            ),
        )
    )


def _member(world: World) -> str:
    name = world.fresh("guest")
    world.owner(
        "member.create",
        requests.MemberCreate(name=name, role="viewer", teams=("prod",), token=True),
    )
    return name


def _alert(world: World) -> str:
    """An open alert of prod, as a task that failed would leave it."""
    settings = load_settings(world.home, environment=world.environment)
    now = micros(datetime.now(UTC))
    finding = Finding(
        key=world.fresh("task-failed/prod/"),
        rule=AlertRule.TASK_FAILED,
        team="prod",
        severity=Severity.ERROR,
        at=now,
    )
    with world.database.write() as connection:
        book = Book(connection, settings, place=place_of(settings), now=now)
        return str(book.raise_alert(finding))


def _silence(world: World) -> str:
    made = world.owner("silence.create", requests.SilenceCreate(team="prod", for_seconds=60))
    return str(made.id)


def _secret(world: World) -> str:
    name = world.fresh("word")
    scope = SecretScope.PRIVATE
    request = requests.SecretSet(name=name, value="open sesame", team="prod", scope=scope)
    world.owner("secret.set", request)
    return name


def _uninstall(world: World) -> Any:
    plan = world.owner("service.install", requests.ServiceInstall(dry_run=True))
    path = Path(plan.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(plan.text)
    return requests.ServiceRef(dry_run=True)


REQUESTS: dict[str, Callable[[World], Any]] = {
    "archive.list": lambda _: requests.Nothing(),
    "archive.run": lambda _: requests.ArchiveRequest(older_than_seconds=365 * 86400.0),
    "archive.verify": lambda _: requests.Nothing(),
    "alert.ack": lambda world: requests.AlertIds(ids=(_alert(world),)),
    "alert.check": lambda _: requests.AlertCheck(),
    "alert.inspect": lambda world: requests.AlertRef(id=_alert(world)),
    "alert.list": lambda _: requests.AlertFilter(team="prod"),
    "alert.raise": lambda world: requests.AlertRaise(
        key=world.fresh("play"), what="site.yml", team="prod", machines={"web1": "failed"}
    ),
    "alert.resolve": lambda world: requests.AlertIds(ids=(_alert(world),)),
    "alert.test": lambda _: requests.AlertTest(team="prod"),
    "audit.export": lambda _: requests.AuditExport(),
    "audit.list": lambda _: requests.AuditFilter(),
    "audit.verify": lambda _: requests.AuditVerify(),
    "caller.show": lambda _: requests.Nothing(),
    "delivery.list": lambda _: requests.DeliveryFilter(team="prod"),
    "doctor.check": lambda _: requests.DoctorRequest(),
    "health.history": lambda _: requests.HistoryRequest(
        since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC), team="prod"
    ),
    "inventory.read": lambda _: requests.InventoryRequest(teams=("prod",)),
    "machine.create": _create_machine,
    "machine.delete": _delete_machine,
    "machine.inspect": lambda _: requests.MachineRef(name="web1", team="prod"),
    "machine.list": lambda _: requests.MachineFilter(),
    "machine.scan": lambda _: requests.ScanRequest(names=("web1",), team="prod"),
    "machine.trust": _trust,
    "machine.update": lambda _: requests.MachineUpdate(
        name="web1", team="prod", state=MachineState.MAINTENANCE
    ),
    "member.create": lambda world: requests.MemberCreate(
        name=world.fresh("guest"), role="viewer", teams=("prod",), token=True
    ),
    "member.delete": lambda world: requests.MemberDelete(name=_member(world)),
    "member.list": lambda _: requests.Nothing(),
    "member.update": lambda world: requests.MemberUpdate(
        name=_member(world), role="operator", teams=("prod",)
    ),
    "named_task.list": lambda _: requests.Nothing(),
    "permission.list": lambda _: requests.Nothing(),
    "metrics.read": lambda _: requests.MetricsRequest(),
    "overview.read": lambda _: requests.OverviewRequest(team="prod"),
    "report.read": lambda _: requests.ReportRequest(
        since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC), team="prod"
    ),
    "queue.depth": lambda _: requests.DepthRequest(team="prod"),
    "silence.create": lambda _: requests.SilenceCreate(team="prod", for_seconds=60),
    "silence.delete": lambda world: requests.SilenceIds(ids=(_silence(world),)),
    "silence.list": lambda _: requests.SilenceFilter(team="prod"),
    "secret.delete": lambda world: requests.SecretDelete(name=_secret(world), team="prod"),
    "secret.get": lambda world: requests.SecretRef(name=_secret(world), team="prod"),
    "secret.list": lambda _: requests.SecretFilter(),
    "secret.set": lambda world: requests.SecretSet(
        name=world.fresh("word"), value="open sesame", team="prod"
    ),
    "service.install": lambda _: requests.ServiceInstall(dry_run=True),
    "service.status": lambda _: requests.ServiceRef(),
    "service.uninstall": _uninstall,
    "task.cancel": lambda world: requests.TaskIds(ids=(world.task(),)),
    "task.create": lambda _: requests.TaskRequest(
        kind=Kind.COMMAND, text="true", machines=("web1",), team="prod"
    ),
    "task.create_many": lambda _: requests.TaskBatch(
        entries=(
            requests.TaskRequest(kind=Kind.COMMAND, text="true", machines=("web1",), team="prod"),
        )
    ),
    "task.inspect": lambda world: requests.TaskRef(id=world.task()),
    "history.record": _record_play,
    "task.steps": lambda world: requests.StepFilter(id=world.task()),
    "task.list": lambda _: requests.TaskFilter(),
    "task.logs": lambda world: requests.LogRequest(id=world.task()),
    "task.release": lambda world: requests.ReleaseRequest(ids=(world.task(state=_HELD),)),
    "task.retry": _retry,
    "task.update": lambda world: requests.TaskUpdate(ids=(world.task(),), priority=2),
    "task.wait": lambda world: requests.TaskWait(ids=(world.task(),)),
    "team.create": lambda world: requests.TeamCreate(name=world.fresh("spare")),
    "team.delete": lambda world: requests.TeamDelete(name=world.team()),
    "team.inspect": lambda _: requests.TeamRef(name="prod"),
    "team.list": lambda _: requests.Nothing(),
    "team.update": lambda world: requests.TeamUpdate(name=world.team(), weight=2),
    "worker.list": lambda _: requests.Nothing(),
    "worker.start": lambda _: requests.Nothing(),
}
