"""Following a task: each piece of output once, each reason to wait once, until the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import pytest

from rediacc.cli.follow import PAST_THE_END, Patience, follow
from rediacc.errors import ExitCode, RediaccError
from rediacc.requests import LogRequest
from rediacc.values import Kind, PublicState
from rediacc.views import LogEntry, LogPage, TaskView

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def a_page(
    state: PublicState,
    *texts: str,
    waits: tuple[str, ...] = (),
    cursor: int = 0,
    is_held: bool = False,
) -> LogPage:
    task = TaskView(
        id=7,
        uid="550e8400-e29b-41d4-a716-446655440000",
        team="prod",
        priority=3,
        state=state,
        reason="done" if state is PublicState.SUCCEEDED else "rc",
        kind=Kind.COMMAND,
        title="true",
        named=None,
        machines=("web-01",),
        labels={},
        attempt=1,
        retries_left=0,
        created_by="ann",
        created_at=NOW,
        eligible_at=NOW,
        started_at=NOW,
        finished_at=None,
        rc=None,
        queue_seconds=None,
        elapsed_seconds=None,
    )
    entries = tuple(
        LogEntry(cursor=cursor, attempt=1, at=NOW, machine="web-01", stream="stdout", text=text)
        for text in texts
    )
    is_final = state in (PublicState.SUCCEEDED, PublicState.FAILED, PublicState.CANCELLED)
    return LogPage(
        task=task, entries=entries, cursor=cursor, is_final=is_final, waits=waits, is_held=is_held
    )


class Pages:
    """An office whose log is a list of pages, the last of them for ever."""

    def __init__(self, *pages: LogPage) -> None:
        self._pages: Iterator[LogPage] = iter(pages)
        self._last = pages[-1]
        self.cursors: list[int | None] = []

    def perform(self, operation: str, request: Any) -> LogPage:
        assert operation == "task.logs"
        assert isinstance(request, LogRequest)
        self.cursors.append(request.cursor)
        return next(self._pages, self._last)

    def __enter__(self) -> Pages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def patience(self, seconds: float | None) -> Patience:
        return Patience(seconds, clock=self.read, sleep=self.sleep)


def test_output_is_read_once_and_to_its_end_after_the_task_ended() -> None:
    office = Pages(
        a_page(PublicState.RUNNING, "a", cursor=1),
        a_page(PublicState.RUNNING, cursor=1),
        a_page(PublicState.SUCCEEDED, "b", "c", cursor=3),
        a_page(PublicState.SUCCEEDED, cursor=3),
    )
    seen: list[str] = []

    def take(_page: LogPage, entries: Sequence[LogEntry]) -> None:
        seen.extend(entry.text for entry in entries)

    followed = follow(office, "7", patience=Clock().patience(None), on_entries=take)
    assert seen == ["a", "b", "c"]
    assert office.cursors == [None, 1, 1, 3]
    assert followed.exit_code is ExitCode.DONE


def test_reason_that_lasts_is_told_once_and_one_that_passes_is_not() -> None:
    office = Pages(
        *[a_page(PublicState.PENDING, waits=("2 tasks ahead",))] * 20,
        *[a_page(PublicState.PENDING, waits=("web-01 is busy",))] * 20,
        a_page(PublicState.PENDING, waits=("a worker has claimed it",)),
        a_page(PublicState.RUNNING),
        a_page(PublicState.FAILED),
    )
    told: list[tuple[str, ...]] = []
    followed = follow(
        office,
        "7",
        patience=Clock().patience(None),
        on_wait=lambda page: told.append(page.waits),
    )
    assert told == [("2 tasks ahead",), ("web-01 is busy",)]
    assert followed.exit_code is ExitCode.TASK_FAILED
    assert set(office.cursors) == {PAST_THE_END}


def test_wait_ends_when_patience_is_over_and_never_sleeps_beyond() -> None:
    clock = Clock()
    followed = follow(Pages(a_page(PublicState.RUNNING)), "7", patience=clock.patience(2.0))
    assert followed.exit_code is ExitCode.WAIT_RAN_OUT
    assert clock.now == 2.0


def test_no_patience_looks_once() -> None:
    office = Pages(a_page(PublicState.RUNNING))
    follow(office, "7", patience=Clock().patience(0.0))
    assert len(office.cursors) == 1


def test_held_task_ends_the_wait_at_once() -> None:
    office = Pages(a_page(PublicState.PENDING, is_held=True))
    followed = follow(office, "7", patience=Clock().patience(None))
    assert followed.exit_code is ExitCode.TASK_HELD
    assert len(office.cursors) == 1


def test_task_that_nobody_works_on_any_more_ends_the_wait() -> None:
    with pytest.raises(RediaccError, match="has not ended"):
        follow(
            Pages(a_page(PublicState.PENDING)),
            "7",
            patience=Clock().patience(None),
            is_abandoned=lambda: True,
        )


def test_worker_that_left_after_the_end_abandoned_nothing() -> None:
    followed = follow(
        Pages(a_page(PublicState.SUCCEEDED)),
        "7",
        patience=Clock().patience(None),
        is_abandoned=lambda: True,
    )
    assert followed.exit_code is ExitCode.DONE


def test_waiting_without_a_worker_is_recalled_each_minute() -> None:
    lacking = a_page(PublicState.PENDING, waits=("no worker is running: rediacc worker",))
    told: list[float] = []
    clock = Clock()
    follow(
        Pages(lacking),
        "7",
        patience=clock.patience(200.0),
        on_wait=lambda _page: None,
        on_reminder=lambda _page: told.append(clock.now),
    )
    assert [round(at / 60) for at in told] == [1, 2, 3]
    busy = a_page(PublicState.PENDING, waits=("machine web-01 is busy with task 3",))
    told.clear()
    clock = Clock()
    follow(
        Pages(busy),
        "7",
        patience=clock.patience(200.0),
        on_reminder=lambda _page: told.append(clock.now),
    )
    assert told == []
