"""What was refused leaves its entry; effect and entry are one; who is nobody gets nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from world import World

from rediacc import requests
from rediacc.audit.chain import find_break
from rediacc.errors import AccessDenied, RediaccError
from rediacc.operations.catalogue import OPERATIONS
from rediacc.requests import TaskFilter, TaskRequest
from rediacc.values import Caller, Kind, MachineState

_COMMAND: dict[str, Any] = {
    "kind": Kind.COMMAND,
    "text": "true",
    "machines": ("web1",),
    "team": "prod",
}
_NOW = datetime.now(UTC)
REFUSED: list[tuple[str, Any]] = [
    ("team.create", requests.TeamCreate(name="a/b")),
    ("machine.create", requests.MachineCreate(name="x", team="nowhere")),
    ("team.inspect", requests.TeamRef(name="nowhere")),
    ("team.delete", requests.TeamDelete(name="nowhere")),
    ("machine.list", requests.MachineFilter(team="nowhere")),
    ("machine.inspect", requests.MachineRef(name="nobody", team="prod")),
    ("machine.update", requests.MachineUpdate(name="web1")),
    ("machine.scan", requests.ScanRequest()),
    ("machine.delete", requests.MachineDelete(name="nobody", team="prod")),
    ("machine.trust", requests.TrustRequest(keys=())),
    ("task.create", TaskRequest(team="prod")),
    ("task.create", TaskRequest(**(_COMMAND | {"priority": 9}))),
    ("task.update", requests.TaskUpdate(ids=("99",), priority=1)),
    ("task.list", TaskFilter(limit=0)),
    ("queue.depth", requests.DepthRequest(team="nowhere")),
    ("overview.read", requests.OverviewRequest(team="nowhere")),
    ("report.read", requests.ReportRequest(since=_NOW, until=_NOW - timedelta(hours=1))),
    ("health.history", requests.HistoryRequest(since=_NOW, until=_NOW - timedelta(hours=1))),
    ("task.inspect", requests.TaskRef(id="99")),
    ("task.steps", requests.StepFilter(id="99")),
    ("task.logs", requests.LogRequest(id="99")),
    ("task.cancel", requests.TaskIds(ids=("99",))),
    ("task.retry", requests.TaskIds(ids=("\udcff",))),
    ("task.release", requests.ReleaseRequest(ids=("1",), action="maybe")),
]


def _whole(world: World) -> None:
    with world.database.read() as connection:
        assert find_break(connection) is None


def test_another_account_is_denied_and_noted(world: World) -> None:
    office = world.office()
    office.caller = Caller(name="mallory", uid=os.getuid() + 4242)
    before, picture = len(world.entries("task.list")), world.picture()
    with pytest.raises(AccessDenied, match="mallory may do nothing here"):
        office.perform("task.list", TaskFilter())
    (entry,) = world.entries("task.list")[before:]
    assert (entry.actor, entry.outcome) == ("mallory", "denied")
    assert world.picture() == picture
    _whole(world)


@pytest.mark.parametrize(("name", "request_"), REFUSED)
def test_refused_call_leaves_its_entry(world: World, name: str, request_: Any) -> None:
    before = world.entries(name)
    try:
        answer = world.owner(name, request_)
    except RediaccError:
        pass
    else:
        assert all(not change.changed for change in answer)
    new = world.entries(name)[len(before) :]
    assert {entry.outcome for entry in new if entry.outcome != "intent"} == {"refused"}
    _whole(world)


@pytest.mark.parametrize(
    ("name", "request_", "table"),
    [
        ("task.create", TaskRequest(**_COMMAND), "task"),
        (
            "machine.update",
            requests.MachineUpdate(name="web1", state=MachineState.OFFLINE),
            "machine",
        ),
        ("task.cancel", lambda world: requests.TaskIds(ids=(world.task(),)), "task"),
    ],
)
def test_effect_and_entry_are_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, request_: Any, table: str
) -> None:
    """When the entry cannot be written, nothing was done."""
    from rediacc.operations import call as offices

    request_ = request_(world) if callable(request_) else request_

    def fail(*_arguments: Any, **_more: Any) -> int:
        raise RuntimeError("power cut")

    def rows() -> list[Any]:
        with world.database.read() as connection:
            return list(connection.execute(text(f"SELECT * FROM {table}")).all())

    before, entries = rows(), world.entries(name)
    monkeypatch.setattr(offices, "append_entry", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        world.owner(name, request_)
    assert rows() == before
    assert world.entries(name) == entries


def test_following_a_log_is_one_entry(world: World) -> None:
    before, task = len(world.entries("task.logs")), world.task()
    world.owner("task.logs", requests.LogRequest(id=task))
    for cursor in range(5):
        world.owner("task.logs", requests.LogRequest(id=task, cursor=cursor))
    assert len(world.entries("task.logs")) == before + 1


@pytest.mark.parametrize("is_writing", [True, False])
def test_an_operation_on_teams_that_asks_for_none_does_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, is_writing: bool
) -> None:
    from rediacc.operations import office as offices
    from rediacc.operations.call import TeamNotAsked

    def careless(call: Any, _request: Any) -> None:
        if is_writing:
            with call.write("x", {}) as connection:
                connection.execute(text("DELETE FROM task"))

    world.task()
    with world.database.read() as connection:
        count = connection.execute(text("SELECT count(*) FROM task")).scalar_one()
    operation = replace(OPERATIONS["task.cancel"], function=careless)
    monkeypatch.setattr(offices, "OPERATIONS", {"task.cancel": operation})
    with pytest.raises(TeamNotAsked):
        world.owner("task.cancel", requests.TaskIds(ids=("1",)))
    with world.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM task")).scalar_one() == count > 0
