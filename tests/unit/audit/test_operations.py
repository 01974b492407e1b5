"""Every operation leaves its entry, whether it was done, refused or denied."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from rediacc import requests
from rediacc.audit.chain import find_break
from rediacc.errors import AccessDenied, RediaccError
from rediacc.operations.catalogue import OPERATIONS
from rediacc.operations.homes import initialise_home
from rediacc.operations.office import Office, open_office
from rediacc.requests import TaskFilter, TaskRequest
from rediacc.values import Caller, Kind, MachineState
from rediacc.views import HostKey

_COMMAND: dict[str, Any] = {
    "kind": Kind.COMMAND,
    "text": "true",
    "machines": ("web1",),
    "team": "prod",
}
_KEY = HostKey(
    machine="web1",
    team="prod",
    address="127.0.0.1",
    port=1,
    key_type="ssh-ed25519",
    fingerprint="SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    status="unknown",
    line="[127.0.0.1]:1 ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
)
_NOW = datetime.now(UTC)
_HOUR_AGO = _NOW - timedelta(hours=1)

# In an order in which each can be done in the same home.
ALLOWED: list[tuple[str, Any]] = [
    ("team.create", requests.TeamCreate(name="prod")),
    (
        "machine.create",
        requests.MachineCreate(name="web1", team="prod", host="127.0.0.1", port=1),
    ),
    ("team.list", requests.Nothing()),
    ("team.inspect", requests.TeamRef(name="prod")),
    ("machine.list", requests.MachineFilter()),
    ("machine.inspect", requests.MachineRef(name="web1")),
    ("machine.update", requests.MachineUpdate(name="web1", state=MachineState.MAINTENANCE)),
    ("machine.scan", requests.ScanRequest(names=("web1",))),
    ("machine.trust", requests.TrustRequest(keys=(_KEY,))),
    ("named_task.list", requests.Nothing()),
    ("queue.depth", requests.DepthRequest()),
    ("health.history", requests.HistoryRequest(since=_HOUR_AGO, until=_NOW)),
    ("worker.list", requests.Nothing()),
    ("doctor.check", requests.DoctorRequest()),
    ("task.create", TaskRequest(**_COMMAND)),
    ("task.update", requests.TaskUpdate(ids=("1",), priority=1)),
    ("task.list", TaskFilter()),
    ("task.inspect", requests.TaskRef(id="1")),
    ("task.logs", requests.LogRequest(id="1")),
    ("task.cancel", requests.TaskIds(ids=("1",))),
    ("task.retry", requests.TaskIds(ids=("1",))),
    ("task.release", requests.ReleaseRequest(ids=("2",))),
    ("machine.delete", requests.MachineRef(name="web2")),
    ("team.delete", requests.TeamRef(name="spare")),
]
REFUSED: list[tuple[str, Any]] = [
    ("team.create", requests.TeamCreate(name="a/b")),
    ("machine.create", requests.MachineCreate(name="x", team="nowhere")),
    ("team.inspect", requests.TeamRef(name="nowhere")),
    ("team.delete", requests.TeamRef(name="nowhere")),
    ("machine.list", requests.MachineFilter(team="nowhere")),
    ("machine.inspect", requests.MachineRef(name="nobody", team="prod")),
    ("machine.update", requests.MachineUpdate(name="web1")),
    ("machine.scan", requests.ScanRequest()),
    ("machine.delete", requests.MachineRef(name="nobody", team="prod")),
    ("machine.trust", requests.TrustRequest(keys=())),
    ("machine.trust", requests.TrustRequest(keys=(replace(_KEY, team="nowhere"),))),
    ("task.create", TaskRequest(team="prod")),
    ("task.create", TaskRequest(**(_COMMAND | {"priority": 9}))),
    ("task.update", requests.TaskUpdate(ids=("99",), priority=1)),
    ("task.list", TaskFilter(limit=0)),
    ("queue.depth", requests.DepthRequest(team="nowhere")),
    ("health.history", requests.HistoryRequest(since=_NOW, until=_HOUR_AGO)),
    ("task.inspect", requests.TaskRef(id="99")),
    ("task.logs", requests.LogRequest(id="99")),
    ("task.cancel", requests.TaskIds(ids=("99",))),
    ("task.retry", requests.TaskIds(ids=("\udcff",))),
    ("task.release", requests.ReleaseRequest(ids=("1",), action="maybe")),
]
_CANNOT_REFUSE = {"team.list", "named_task.list", "worker.list", "doctor.check"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The account that owns the home, with a team, machines and a held task."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run")),
    }
    initialise_home(requests.InitRequest(directory=str(home)), environment=environment)
    with open_office(home, environment=environment) as opened:
        yield opened


def _entries(office: Office, operation: str) -> list[Any]:
    with office.database.read() as connection:
        query = text("SELECT * FROM audit WHERE operation = :name ORDER BY seq")
        return list(connection.execute(query, {"name": operation}).all())


def _stranger(office: Office) -> Office:
    return Office(
        settings=office.settings,
        database=office.database,
        environment=office.environment,
        caller=Caller(name="mallory", uid=os.getuid() + 4242),
    )


def _whole(office: Office) -> None:
    with office.database.read() as connection:
        assert find_break(connection) is None


def test_the_lists_name_every_operation() -> None:
    assert {name for name, _ in ALLOWED} == set(OPERATIONS)
    assert {name for name, _ in REFUSED} == set(OPERATIONS) - _CANNOT_REFUSE


@pytest.mark.parametrize(("name", "request_"), ALLOWED, ids=[name for name, _ in ALLOWED])
def test_denied_call_leaves_its_entry_and_nothing_else(
    office: Office, name: str, request_: Any
) -> None:
    before = _entries(office, name)
    with pytest.raises(AccessDenied):
        _stranger(office).perform(name, request_)
    (entry,) = _entries(office, name)[len(before) :]
    assert (entry.actor, entry.outcome) == ("mallory", "denied")
    _whole(office)


def test_allowed_calls_leave_their_entries(office: Office) -> None:
    for name, request_ in ALLOWED:
        _prepare(office, name)
        before = _entries(office, name)
        if name == "machine.create":  # so that no file of this account changes
            known = f"-o UserKnownHostsFile={office.settings.home}/known_hosts"
            request_ = replace(request_, variables={"ansible_ssh_common_args": known})
        office.perform(name, request_)
        new = _entries(office, name)[len(before) :]
        assert [entry.outcome for entry in new if entry.outcome != "intent"] == ["done"], name
        assert {entry.actor for entry in new} == {office.caller.name}
        office.settings = open_settings(office)
    _whole(office)


def open_settings(office: Office) -> Any:
    """Read the settings again, as the next process would."""
    from rediacc.settings import load_settings

    return load_settings(office.settings.home, environment=office.environment)


def _prepare(office: Office, name: str) -> None:
    """Make what the operation is about."""
    if name == "machine.delete":
        office.perform("machine.create", requests.MachineCreate(name="web2", team="prod"))
    if name == "team.delete":
        office.perform("team.create", requests.TeamCreate(name="spare"))
        office.settings = open_settings(office)
    if name == "task.release":
        office.perform("task.create", TaskRequest(**_COMMAND))
        with office.database.write() as connection:
            connection.execute(text("UPDATE task SET state = 8 WHERE id = 2"))


@pytest.mark.parametrize(("name", "request_"), REFUSED)
def test_refused_call_leaves_its_entry(office: Office, name: str, request_: Any) -> None:
    before = _entries(office, name)
    try:
        answer = office.perform(name, request_)
    except RediaccError:
        pass
    else:
        assert all(not change.changed for change in answer)
    new = _entries(office, name)[len(before) :]
    assert {entry.outcome for entry in new if entry.outcome != "intent"} == {"refused"}
    _whole(office)


@pytest.mark.parametrize(
    ("name", "request_", "table"),
    [
        ("task.create", TaskRequest(**_COMMAND), "task"),
        (
            "machine.update",
            requests.MachineUpdate(name="web1", state=MachineState.OFFLINE),
            "machine",
        ),
        ("task.cancel", requests.TaskIds(ids=("1",)), "task"),
    ],
)
def test_effect_and_entry_are_one_transaction(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str, request_: Any, table: str
) -> None:
    """When the entry cannot be written, nothing was done."""
    from rediacc.operations import call as offices

    def fail(*_arguments: Any, **_more: Any) -> int:
        raise RuntimeError("power cut")

    def rows() -> list[Any]:
        with office.database.read() as connection:
            return list(connection.execute(text(f"SELECT * FROM {table}")).all())

    before, entries = rows(), _entries(office, name)
    monkeypatch.setattr(offices, "append_entry", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        office.perform(name, request_)
    assert rows() == before
    assert _entries(office, name) == entries


def test_following_a_log_is_one_entry(office: Office) -> None:
    before = len(_entries(office, "task.logs"))
    office.perform("task.logs", requests.LogRequest(id="1"))
    for cursor in range(5):
        office.perform("task.logs", requests.LogRequest(id="1", cursor=cursor))
    assert len(_entries(office, "task.logs")) == before + 1


@pytest.mark.parametrize("is_writing", [True, False])
def test_an_operation_on_teams_that_asks_for_none_does_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, is_writing: bool
) -> None:
    from rediacc.operations import office as offices
    from rediacc.operations.call import TeamNotAsked

    def careless(call: Any, _request: Any) -> None:
        if is_writing:
            with call.write("x", {}) as connection:
                connection.execute(text("DELETE FROM task"))

    with office.database.read() as connection:
        count = connection.execute(text("SELECT count(*) FROM task")).scalar_one()
    operation = replace(OPERATIONS["task.cancel"], function=careless)
    monkeypatch.setattr(offices, "OPERATIONS", {"task.cancel": operation})
    with pytest.raises(TeamNotAsked):
        office.perform("task.cancel", requests.TaskIds(ids=("1",)))
    with office.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM task")).scalar_one() == count > 0
