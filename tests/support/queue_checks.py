"""The queue's invariants, derived from the tables once more and independently of the product.

The numbers are those of the list that the queue was designed to: I2 starts, I4 no overlap, I5
holds, I6 nothing forgotten, I8 epochs, I10 counters.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sqlalchemy import Connection, text

from rediacc.queue.reading import list_tasks, waits_of
from rediacc.queue.rules import QueueRules
from rediacc.queue.sweep import find_violations
from rediacc.requests import TaskFilter
from rediacc.values import PublicState

WORKING = (5, 6, 7)


def broken(connection: Connection, rules: QueueRules) -> list[str]:
    """Return, in words, each invariant that does not hold."""
    tables = _Tables(connection, rules)
    return [
        *find_violations(connection),
        *tables.wrong_holds(),
        *tables.overfull(),
        *tables.forgotten(),
        *tables.wrong_counters(),
        *tables.wrong_starts(),
        *tables.unexplained(connection),
    ]


class _Tables:
    """The tables as they stand, indexed for the checks."""

    def __init__(self, connection: Connection, rules: QueueRules) -> None:
        def rows(sql: str) -> list[Any]:
            return list(connection.execute(text(sql)).all())

        self.rules = rules
        self.tasks = {row.id: row for row in rows("SELECT * FROM task")}
        self.holds = rows("SELECT * FROM hold")
        self.woken = {row.resource for row in rows("SELECT resource FROM wake")}
        self.closed = {
            f"machine:{row.team}/{row.name}"
            for row in rows("SELECT * FROM machine WHERE state <> 'online'")
        }
        self.needs: dict[int, set[str]] = {task_id: set() for task_id in self.tasks}
        for row in rows(
            "SELECT * FROM task_machine WHERE outcome NOT IN ('ok','changed','skipped','given up')"
        ):
            key = f"machine:{self.tasks[row.task_id].team}/{row.machine}"
            self.needs[row.task_id].add(key)
        self.attempts = {
            (row.task_id, row.epoch): json.loads(row.machines)
            for row in rows("SELECT * FROM attempt")
        }
        self.counters = {
            (row.team, row.level, row.state): row.number
            for row in rows("SELECT * FROM counter WHERE state > 0")
        }
        self.starts = {
            row.task_id: row.number
            for row in rows(
                "SELECT task_id, COUNT(*) AS number FROM event WHERE name = 'started' GROUP BY 1"
            )
        }

    def wrong_holds(self) -> list[str]:
        """Live holds are the needs of what is claimed or started, no more and no less."""
        held = Counter((row.resource, row.task_id, row.epoch) for row in self.holds)
        needed: Counter[tuple[str, int, int]] = Counter()
        for task in self.tasks.values():
            if task.state not in WORKING:
                continue
            for name in self.attempts[task.id, task.epoch]:
                needed[f"machine:{task.team}/{name}", task.id, task.epoch] += 1
            if task.team in self.rules.team_slots and task.level != 1:
                needed[f"team:{task.team}", task.id, task.epoch] += 1
        return [f"hold {key}: {held[key]}, needed {needed[key]}" for key in held - needed] + [
            f"hold {key} is missing" for key in needed - held
        ]

    def overfull(self) -> list[str]:
        """No resource is held beyond its slots, and an exclusive hold is alone."""
        found = []
        for resource in {row.resource for row in self.holds}:
            mine = [row for row in self.holds if row.resource == resource]
            ordinary = [row for row in mine if row.slot >= 0]
            if len(ordinary) > self.rules.slots_of(resource):
                found.append(f"{resource} is held {len(ordinary)} times")
            if sum(row.slot < 0 for row in mine) > 1:
                found.append(f"{resource} has two level 1 tasks")
            if any(row.is_exclusive for row in mine) and len(mine) > 1:
                found.append(f"{resource} is exclusive and shared")
        return found

    def forgotten(self) -> list[str]:
        """What is parked is blocked there, or its resource is to be looked at again."""
        return [
            f"task {task.id} is parked on {task.parked_on}, which does not block it"
            for task in self.tasks.values()
            if task.state == 4 and task.parked_on not in self.woken and not self._is_blocked(task)
        ]

    def _is_blocked(self, task: Any) -> bool:
        resource = task.parked_on
        mine = [row for row in self.holds if row.resource == resource]
        ordinary = sum(row.slot >= 0 for row in mine)
        if resource.startswith("team:"):
            ready = any(
                f"team:{other.team}" == resource and other.state == 3
                for other in self.tasks.values()
            )
            return ready or ordinary >= self.rules.slots_of(resource)
        if resource in self.closed or any(row.is_exclusive for row in mine):
            return True
        if any(
            other.state in (3, 4)
            and other.id != task.id
            and resource in self.needs[other.id]
            and _rank(other) < _rank(task)
            for other in self.tasks.values()
        ):
            return True
        if task.exclusive:
            return bool(mine)
        if task.level == 1:
            return any(row.slot < 0 for row in mine)
        return len(mine) >= self.rules.slots_of(resource)

    def wrong_counters(self) -> list[str]:
        """The counters are a recount of the tasks."""
        counted = Counter((t.team, t.level, t.state) for t in self.tasks.values())
        kept = Counter({key: number for key, number in self.counters.items() if number})
        return [] if kept == counted else [f"counters {dict(kept)} are not {dict(counted)}"]

    def wrong_starts(self) -> list[str]:
        """A task has as many starts as attempts, and never more of either than claims."""
        return [
            f"task {task.id}: {self.starts.get(task.id, 0)} starts, attempt {task.attempt}, "
            f"epoch {task.epoch}"
            for task in self.tasks.values()
            if not self.starts.get(task.id, 0) == task.attempt <= task.epoch
            or (task.state in (6, 7) and task.attempt == 0)
        ]

    def unexplained(self, connection: Connection) -> list[str]:
        """Every pending task can say why it waits."""
        views = list_tasks(connection, TaskFilter(states=(PublicState.PENDING,), limit=1000))
        return [
            f"task {view.id} does not say why it waits"
            for view in views
            if not any(reason.strip() for reason in waits_of(connection, view, live_since=0))
        ]


def _rank(task: Any) -> tuple[int, int, int]:
    return (task.level, task.pass_value, task.id)
