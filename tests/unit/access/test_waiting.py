"""Waiting for tasks in one operation, and what a dry run says of tasks that exist."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from world import World

from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound
from rediacc.operations import task_waiting
from rediacc.requests import TaskIds, TaskRequest, TaskWait
from rediacc.values import Kind
from rediacc.views import TaskProgress

_HELD = 8


def _wait(world: World, *ids: str, seconds: float = 0.0) -> tuple[TaskProgress, ...]:
    progress: tuple[TaskProgress, ...] = world.owner(
        "task.wait", TaskWait(ids=ids, seconds=seconds, interval_seconds=0.1)
    )
    return progress


def test_one_look_says_how_each_stands_and_why_it_waits(world: World) -> None:
    open_one, ended = world.task(), world.task()
    world.owner("task.cancel", TaskIds(ids=(ended,)))
    first, second, third = _wait(world, ended, open_one, ended)
    assert first == third
    assert (first.task.id, first.is_final, first.waits) == (int(ended), True, ())
    assert (second.task.id, second.is_final, second.is_held) == (int(open_one), False, False)
    assert second.waits == ("no worker is running: rediacc worker",)


def test_wait_ends_when_the_last_has_ended(world: World) -> None:
    early, late = world.task(), world.task()
    world.owner("task.cancel", TaskIds(ids=(early,)))
    later = threading.Timer(0.3, lambda: world.owner("task.cancel", TaskIds(ids=(late,))))
    later.start()
    assert [one.is_final for one in _wait(world, early, late, seconds=60.0)] == [True, True]
    later.join()


def test_wait_ends_at_once_where_a_person_has_to_decide(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = world.task(state=_HELD)
    with world.database.write() as connection:
        values = {"id": held, "reason": "held: lost"}
        connection.execute(text("UPDATE task SET reason = :reason WHERE id = :id"), values)
    monkeypatch.delattr(task_waiting.time, "sleep")
    (one,) = _wait(world, held, seconds=60.0)
    assert (one.is_held, one.is_final) == (True, False)


def test_only_the_first_question_is_noted(world: World) -> None:
    task, before = world.task(), len(world.entries("task.wait"))
    for is_refresh in (False, True, True):
        world.owner("task.wait", TaskWait(ids=(task,), is_refresh=is_refresh))
    assert len(world.entries("task.wait")) == before + 1


def test_who_sees_nothing_of_the_team_waits_for_nothing(world: World) -> None:
    stranger = world.member(teams={"staging": "maintainer"})
    for is_refresh in (False, True):
        with pytest.raises(AccessDenied):
            stranger.perform("task.wait", TaskWait(ids=(world.task(),), is_refresh=is_refresh))


@pytest.mark.parametrize(
    "request_",
    [
        TaskWait(ids=()),
        TaskWait(ids=("1",), seconds=61.0),
        TaskWait(ids=("1",), seconds=-1.0),
        TaskWait(ids=("1",), interval_seconds=0.0),
        TaskWait(ids=("1",), interval_seconds=61.0),
    ],
)
def test_what_cannot_be_meant_is_refused(world: World, request_: TaskWait) -> None:
    with pytest.raises(InvalidInput):
        world.owner("task.wait", request_)


def test_one_that_is_not_there_ends_the_wait_before_it_begins(world: World) -> None:
    with pytest.raises(NotFound):
        _wait(world, world.task(), "4711", seconds=60.0)


def _keyed(command: str, *, dry_run: bool) -> TaskRequest:
    return TaskRequest(
        kind=Kind.COMMAND,
        text=command,
        machines=("web1",),
        team="prod",
        idempotency_key="tonight",
        dry_run=dry_run,
    )


def test_dry_run_finds_the_task_that_a_key_names(world: World) -> None:
    assert world.owner("task.create", _keyed("true", dry_run=True)).is_new
    made = world.owner("task.create", _keyed("true", dry_run=False))
    again = world.owner("task.create", _keyed("true", dry_run=True))
    assert (again.is_new, again.task.id) == (False, made.task.id)
    with pytest.raises(Conflict):
        world.owner("task.create", _keyed("false", dry_run=True))


def test_command_with_shell_syntax_is_refused_whichever_door_it_comes_through(
    world: World,
) -> None:
    with pytest.raises(InvalidInput, match="only a shell acts on"):
        world.owner("task.create", _keyed("df | tail -1", dry_run=False))
