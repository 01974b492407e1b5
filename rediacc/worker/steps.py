"""The steps of a run, stored a few at a time so that no claim waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from rediacc.execution.steps import rescued_steps, steps_of_records
from rediacc.queue.steps import (
    STEPS_AT_ONCE,
    StepStanding,
    chosen,
    mark_rescued,
    record_steps,
    standing_of,
)
from rediacc.storage.engine import Database
from rediacc.values import Step

__all__ = ["StepLog"]


class StepLog:
    """The steps of one attempt that wait for being stored.

    :param with_diffs: whether the task has ``--diff``.
    """

    def __init__(self, *, with_diffs: bool = False) -> None:
        self._with_diffs = with_diffs
        self._waiting: deque[Step] = deque()
        self._rescued: tuple[int, ...] = ()
        self._standing: StepStanding | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting and not self._rescued

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take up what the run told."""
        self._waiting.extend(steps_of_records(records, with_diffs=self._with_diffs))

    def end(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take up what is known at the end only.

        :param records: all that the run told.
        """
        self._rescued = rescued_steps(records)

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._rescued = ()

    def store_some(self, database: Database, task_id: int, epoch: int) -> None:
        """Store as much as one short transaction may. What cannot be written stays.

        :raises StaleClaim: the attempt is not the task's present one.
        :raises DatabaseUnavailable: calling again later goes on.
        """
        if self._standing is None:
            with database.read() as connection:
                self._standing = standing_of(connection, task_id, epoch)
        number = min(len(self._waiting), STEPS_AT_ONCE)
        batch, rescued = [self._waiting[place] for place in range(number)], self._rescued
        steps, standing = chosen(batch, self._standing)
        is_last = number == len(self._waiting)
        with database.write() as connection:
            record_steps(connection, task_id, epoch, steps, now=standing)
            if is_last:
                mark_rescued(connection, task_id, epoch, rescued)
        self._standing = standing
        for _turn in range(number):
            self._waiting.popleft()
        if is_last:
            self._rescued = ()
