"""What starts when: levels, arrival, machines, times, and one task for one key."""

from __future__ import annotations

import json
from datetime import datetime

from live_homes import Home, wait_until

UNTIL_GO = "echo begin >> trace; while [ ! -e go ]; do sleep 0.1; done; echo end >> trace"
SEED = "550e8400-e29b-41d4-a716-446655440000"


def test_tasks_start_by_level_then_arrival(home: Home) -> None:
    levels = (3, 5, 1, 4, 2, 3, 1)
    tasks = [
        (level, home.shell("prod-01", f"echo {number} >> order", "-p", str(level)))
        for number, level in enumerate(levels)
    ]
    home.work("--slots", "1", "--drain")
    expected = sorted(range(len(levels)), key=lambda number: (levels[number], number))
    assert home.lines("prod-01", "order") == [str(number) for number in expected]
    started = {task: home.task(task)["started_at"] for _level, task in tasks}
    assert sorted(started, key=lambda task: datetime.fromisoformat(started[task])) == [
        tasks[number][1] for number in expected
    ]


def test_urgent_work_passes_busy_slots_and_machines_keep_their_order(home: Home) -> None:
    ordinary = home.shell("prod-01", UNTIL_GO)
    alone = home.shell("prod-02", UNTIL_GO, "--exclusive")
    with home.worker("--slots", "2"):
        wait_until(lambda: home.lines("prod-01", "trace") and home.lines("prod-02", "trace"))
        # Every slot is taken now, and both machines are busy.
        urgent = home.shell("prod-01", "echo urgent >> trace", "-p", "critical")
        kept_out = home.shell("prod-02", "echo urgent >> trace", "-p", "1")
        later = home.shell("prod-01", "echo later >> trace")
        assert home.wait_for(urgent) == 0
        assert home.lines("prod-01", "trace") == ["begin", "urgent"]
        home.wait_for_state(kept_out, "pending", "busy machine")
        assert any("prod-02" in line for line in home.detail(kept_out)["waits"])
        assert home.state(later)[0] == "pending"

        home.on("prod-01", "go").touch()
        home.on("prod-02", "go").touch()
        chain = [
            home.shell("prod-03", f"echo {word} >> trace; sleep 0.3; echo {word} >> trace")
            for word in ("stop", "copy", "start")
        ]
        assert home.wait_for(ordinary, alone, kept_out, later, *chain) == 0
    assert home.lines("prod-01", "trace") == ["begin", "urgent", "end", "later"]
    assert home.lines("prod-02", "trace") == ["begin", "end", "urgent"]
    assert home.lines("prod-03", "trace") == ["stop"] * 2 + ["copy"] * 2 + ["start"] * 2


def test_maintenance_time_and_retry_delay_hold_a_task_back(home: Home) -> None:
    changed = home.type("update", "machine", "prod-03", "--state", "maintenance")
    assert changed.rc == 0, changed
    told = home.type("create", "task", "-m", "prod-03", "--shell", "echo ran >> trace")
    assert "waits: machine prod-03 is in maintenance" in told.stdout, told
    assert "starts now" not in told.stdout
    maintained = 1
    later = home.shell("prod-01", "echo ran >> trace", "--not-before", "+4s")
    policy = json.dumps({"retryCount": 2, "retryDelay": 2, "failureAction": "none"})
    retried = home.shell(
        "prod-02", "echo try >> trace; [ $(wc -l < trace) = 2 ]", "--retry", policy
    )
    assert home.state(later) == ("pending", "scheduled")
    with home.worker():
        home.wait_for_state(maintained, "pending", "machine in maintenance")
        assert any("maintenance" in line for line in home.detail(maintained)["waits"])
        assert home.wait_for(later, retried) == 0
        assert home.lines("prod-03", "trace") == []
        assert home.type("update", "machine", "prod-03", "--state", "online").rc == 0
        assert home.wait_for(maintained) == 0
    assert home.lines("prod-03", "trace") == ["ran"]
    task = home.task(later)
    eligible = datetime.fromisoformat(task["eligible_at"])
    assert datetime.fromisoformat(task["started_at"]) >= eligible
    first, second = home.detail(retried)["attempts"]
    assert home.lines("prod-02", "trace") == ["try", "try"]
    pause = datetime.fromisoformat(second["claimed_at"]) - datetime.fromisoformat(first["ended_at"])
    assert pause.total_seconds() >= 2
    assert home.task(retried)["retries_left"] == 1


def test_same_key_or_seed_is_one_task(home: Home) -> None:
    words = ("create", "task", "-m", "prod-01", "--command", "true", "--idempotency-key", "once")
    typed = [home.start(*words, "-o", "name") for _turn in range(5)]
    answers = [one.wait() for one in typed]
    assert [one.rc for one in answers] == [0] * 5, answers
    assert len({one.stdout for one in answers}) == 1

    seed = json.dumps({"taskId": SEED, "retryCount": 3, "retryDelay": 30, "failureAction": "alert"})
    first = home.shell("prod-01", "date", "--retry", seed)
    assert home.shell("prod-01", "date", "--retry", seed) == first
    assert home.task(first)["uid"] == SEED
    other = home.type("create", "task", "-m", "prod-01", "--shell", "id", "--retry", seed)
    assert other.rc == 6, other
    assert len(home.type("list", "tasks", "-o", "json").json["items"]) == 2


def test_two_workers_start_each_task_once(home: Home) -> None:
    tasks = [home.shell(f"prod-0{1 + number % 3}", "echo ran >> trace") for number in range(6)]
    with home.worker("--drain") as one, home.worker("--drain") as other:
        assert one.wait() == 0
        assert other.wait() == 0
    assert home.wait_for(*tasks) == 0
    assert [len(home.lines(f"prod-0{n}", "trace")) for n in (1, 2, 3)] == [2, 2, 2]
