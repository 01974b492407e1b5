"""What workers log over whole lives: each line an object with its context, to a file if wished."""

from __future__ import annotations

import json
import stat
from typing import Any

from live_homes import Home, wait_until

ABOUT_A_TASK = {"task", "attempt", "team", "machine", "priority"}


def _lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert {"time", "level", "event", "worker"} <= line.keys(), line
        if ABOUT_A_TASK & line.keys() - {"team"}:
            assert line.keys() >= ABOUT_A_TASK, line
    return lines


def test_every_line_of_whole_lives_is_an_object_with_its_context(home: Home) -> None:
    fine = home.shell("prod-01", "echo fine")
    failing = home.create(
        "-m", "prod-02", "--shell", "exit 3", "--retry-count", "1", "--retry-delay", "0.1s"
    )
    missing = home.create("-m", "prod-01", "--module", "no.such.module")
    long = home.shell("prod-03", "while [ ! -e go ]; do sleep 0.1; done", "--priority", "2")
    log = home.directory / "service.log"
    with home.worker("--log-file", str(log)) as first:
        home.wait_for(fine, failing, missing)
        home.wait_for_state(long, "running")
        first.kill()
    with home.worker() as second:
        wait_until(lambda: "run adopted" in second.log(), "the adoption")
        home.on("prod-03", "go").touch()
        home.wait_for(long)
    assert first.log() == ""
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    lines = _lines(log.read_text())
    workers = {line["worker"] for line in lines}
    lives = lines + _lines(second.log())
    assert len({line["worker"] for line in lives}) == len(workers) + 1 == 2

    def about(task: int) -> list[tuple[str, int, str, str, int]]:
        return [
            (line["event"], line["attempt"], line["team"], line["machine"], line["priority"])
            for line in lives
            if line.get("task") == task
        ]

    assert about(fine) == [
        ("task started", 1, "prod", "prod-01", 3),
        ("task succeeded", 1, "prod", "prod-01", 3),
    ]
    assert about(failing) == [
        ("task started", 1, "prod", "prod-02", 3),
        ("task scheduled", 1, "prod", "prod-02", 3),
        ("task started", 2, "prod", "prod-02", 3),
        ("task failed", 2, "prod", "prod-02", 3),
    ]
    assert about(missing)[-1][0] == "task failed"
    assert about(long) == [
        ("task started", 1, "prod", "prod-03", 2),
        ("run adopted", 1, "prod", "prod-03", 2),
        ("task succeeded", 1, "prod", "prod-03", 2),
    ]
    assert lives[-1]["event"] == "worker stopped"
