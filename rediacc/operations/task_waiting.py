"""Waiting for tasks, one operation at a time: who waits need not ask for every look."""

from __future__ import annotations

import time
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.operations.task_reading import end_if_expired, opened_for_reading
from rediacc.queue.reading import waits_of
from rediacc.requests import TaskWait
from rediacc.values import PublicState, Reason
from rediacc.views import TaskProgress

__all__ = ["wait"]

_LONGEST_SECONDS = 60.0
_SHORTEST_PAUSE_SECONDS = 0.1
_MOST_IDS = 10_000


def wait(call: Any, request: TaskWait) -> tuple[TaskProgress, ...]:
    """``task.wait``: how the tasks stand when all have ended or are held, or the time is over.

    :raises InvalidInput: no task is named, or the times are out of their bounds.
    """
    if not 1 <= len(request.ids) <= _MOST_IDS:
        raise InvalidInput(f"{len(request.ids)} tasks to wait for: must be from 1 to {_MOST_IDS}")
    if not 0 <= request.seconds <= _LONGEST_SECONDS:
        raise InvalidInput(f"{request.seconds:g} s: must be from 0 to {_LONGEST_SECONDS:g}")
    if not _SHORTEST_PAUSE_SECONDS <= request.interval_seconds <= _LONGEST_SECONDS:
        raise InvalidInput(
            f"a look every {request.interval_seconds:g} s: "
            f"must be from {_SHORTEST_PAUSE_SECONDS:g} to {_LONGEST_SECONDS:g}"
        )
    end = time.monotonic() + request.seconds
    pause = _SHORTEST_PAUSE_SECONDS
    found: dict[str, TaskProgress] = {}
    while True:
        for name in request.ids:
            if name not in found or not _is_over(found[name]):
                found[name] = _look(call, name)
        left = end - time.monotonic()
        if left <= 0 or all(map(_is_over, found.values())):
            return tuple(found[name] for name in request.ids)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, request.interval_seconds)


def _is_over(progress: TaskProgress) -> bool:
    return progress.is_final or progress.is_held


def _look(call: Any, name: str) -> TaskProgress:
    end_if_expired(call, name)
    with opened_for_reading(call, name) as (connection, view):
        return TaskProgress(
            task=view,
            is_final=view.state not in (PublicState.PENDING, PublicState.RUNNING),
            is_held=view.reason == Reason.HELD_LOST,
            waits=waits_of(connection, view, live_since=call.live_since),
        )
