"""Following tasks until they end: output as it comes, and why a task waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rediacc.cli.session import Office
from rediacc.errors import ExitCode, RediaccError
from rediacc.requests import LogRequest
from rediacc.views import LogEntry, LogPage, TaskView

__all__ = ["PAST_THE_END", "Followed", "Patience", "follow"]

# Behind every entry: a page from here holds no output, only how the task stands.
PAST_THE_END = 1 << 62
# A reason that passes sooner is none to speak of.
_WAIT_SECONDS = 1.5
_REMIND_SECONDS = 60.0
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 0.5


class Patience:
    """How long somebody is willing to wait; ``None`` for as long as it takes."""

    def __init__(
        self,
        seconds: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._end = None if seconds is None else clock() + seconds

    @property
    def is_over(self) -> bool:
        return self._end is not None and self._clock() >= self._end

    def now(self) -> float:
        """Return the time by the clock that patience is measured with."""
        return self._clock()

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the end."""
        left = seconds if self._end is None else self._end - self._clock()
        self._sleep(max(0.0, min(seconds, left)))


class Followed:
    """How following ended: the task as it stood last, and whether that was its end.

    :param cursor: behind the output that was read.
    :param is_interrupted: whether somebody asked to end it.
    """

    def __init__(
        self, page: LogPage, *, cursor: int | None = None, is_interrupted: bool = False
    ) -> None:
        self.task: TaskView = page.task
        self.is_final = page.is_final
        self.is_held = page.is_held
        self.cursor = cursor
        self.is_interrupted = is_interrupted

    @property
    def exit_code(self) -> ExitCode:
        from rediacc.cli.outcome import exit_code_of

        if self.is_final:
            return exit_code_of(self.task)
        return ExitCode.TASK_HELD if self.is_held else ExitCode.WAIT_RAN_OUT


def follow(
    office: Office,
    task_id: str,
    *,
    patience: Patience,
    on_entries: Callable[[LogPage, Sequence[LogEntry]], None] | None = None,
    on_wait: Callable[[LogPage], None] | None = None,
    on_reminder: Callable[[LogPage], None] | None = None,
    is_abandoned: Callable[[], bool] | None = None,
    is_interrupted: Callable[[], bool] | None = None,
    cursor: int | None = None,
) -> Followed:
    """Return when the task has ended, is held for a person, or patience is over.

    :param on_entries: takes each new piece of output once; without it no output is read.
    :param on_wait: told each time when why the task waits has changed, and stays so.
    :param on_reminder: told once a minute for as long as no worker is there to end the wait.
    :param is_abandoned: says when nobody is left to work on the task.
    :param is_interrupted: says when somebody asks to end this.
    :param cursor: where reading the output begins; ``None`` for its beginning.
    :raises RediaccError: the task is abandoned, and has not ended.
    """
    cursor = cursor if on_entries is not None else PAST_THE_END
    pause = _SHORTEST_PAUSE_SECONDS
    told: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    since = reminded = patience.now()
    while True:
        # Asked first: whoever left after settling the task has not abandoned it.
        has_left = is_abandoned is not None and is_abandoned()
        page: LogPage = office.perform("task.logs", LogRequest(id=task_id, cursor=cursor))
        is_asked = is_interrupted is not None and is_interrupted()
        if on_entries is not None:
            cursor = page.cursor
            if page.entries:
                on_entries(page, page.entries)
                pause = _SHORTEST_PAUSE_SECONDS
                if not is_asked:
                    continue
        if page.is_final or page.is_held:
            return Followed(page, cursor=cursor)
        if is_asked:
            return Followed(page, cursor=cursor, is_interrupted=True)
        if has_left:
            raise RediaccError(
                f"task {page.task.id} has not ended, and the worker that was to run it is gone",
                hint="see .rediacc/worker.log, then run: rediacc worker",
            )
        if page.waits != seen:
            seen, since = page.waits, patience.now()
        elif on_wait is not None and seen != told and patience.now() - since >= _WAIT_SECONDS:
            told = seen
            on_wait(page)
        if not _lacks_worker(page):
            reminded = patience.now()
        elif on_reminder is not None and patience.now() - reminded >= _REMIND_SECONDS:
            reminded = patience.now()
            on_reminder(page)
        if patience.is_over:
            return Followed(page, cursor=cursor)
        patience.pause(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _lacks_worker(page: LogPage) -> bool:
    return any(reason.startswith("no worker") for reason in page.waits)
