# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules on tasks read from options and say of tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.rediacc.core.plugins.plugin_utils import (
    _rediacc,
    _task_action,
    _task_values,
    _times,
)

from rediacc.cli import parse_times
from rediacc.errors import InvalidInput

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
_DURATIONS = ["0", "90", "1.5", "30s", "5m", "1h30m", "2d", "1w", "250ms", " 7 "]
_NO_DURATIONS = ["", "soon", "-1", "5 m", "1x", "m5", "1h30", "nan", "1e3"]


@pytest.mark.parametrize("text", _DURATIONS)
def test_durations_mean_what_the_command_line_means(text: str) -> None:
    meant = parse_times.parse_duration(text, option="--timeout", allow_zero=True)
    assert _times.seconds_of(text, "timeout") == meant


@pytest.mark.parametrize("text", _NO_DURATIONS)
def test_no_durations_are_none_for_both(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_times.parse_duration(text, option="--timeout", allow_zero=True)
    with pytest.raises(_rediacc.RediaccFailure, match=r"timeout: .* is no duration"):
        _times.seconds_of(text, "timeout")


@pytest.mark.parametrize(
    "text", ["now", "+10m", "+0s", "2030-02-01", "2030-02-01T08:00", "2030-02-01T08:00+01:00"]
)
def test_times_mean_what_the_command_line_means(text: str) -> None:
    meant = parse_times.parse_not_before(text, now=NOW)
    found = _times.moment_of(text, "not_before", now=NOW)
    assert datetime.fromisoformat(found) == meant


@pytest.mark.parametrize("text", ["soon", "+soon", "2030-13-01", ""])
def test_no_times_are_refused(text: str) -> None:
    with pytest.raises(_rediacc.RediaccFailure, match="not_before"):
        _times.moment_of(text, "not_before", now=NOW)


def _result(outcome: str, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "rc": None, "msg": "", "stdout": "", "stderr": "", **more}


def _task(**more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "state": "failed",
        "reason": "rc",
        "rc": 3,
        "machines": ["a", "b"],
        "results": {},
        "msg": "",
        "waits": [],
        **more,
    }


@pytest.mark.parametrize(
    ("task", "line"),
    [
        (_task(state="succeeded", reason="done"), "task 7 succeeded"),
        (
            _task(
                results={
                    "a": _result("ok"),
                    "b": _result("failed", rc=3, msg="non-zero return code", stderr="x\nno\n\n"),
                }
            ),
            "task 7 failed (exit code 3) on 1 of 2 machines: b: exit code 3, no",
        ),
        (
            _task(
                reason="unreachable",
                rc=None,
                machines=["a"],
                results={"a": _result("unreachable", msg="no route\nto host")},
            ),
            "task 7 failed (unreachable): a: unreachable, no route to host",
        ),
        (
            _task(reason="timed out", rc=None, results={"a": _result("timed_out")}),
            "task 7 failed (timed out) on 1 of 2 machines: a: timed out",
        ),
        (
            _task(reason="targets changed", rc=None, msg="web means 3 machines now"),
            "task 7 failed (targets changed): web means 3 machines now",
        ),
        (_task(state="cancelled", reason="cancelled", rc=None), "task 7 was cancelled"),
        (
            _task(
                machines=list("abcdefg"),
                results={name: _result("failed", rc=3) for name in "abcdefg"},
            ),
            "task 7 failed (exit code 3) on 7 of 7 machines: a: exit code 3; b: exit code 3; "
            "c: exit code 3; d: exit code 3; e: exit code 3; and 2 more",
        ),
        (
            _task(state="pending", reason="queued", waits=["no worker is running"]),
            "the wait of 5s ran out; task 7 goes on (pending, queued): no worker is running",
        ),
        (
            _task(state="running", reason="running"),
            "the wait of 5s ran out; task 7 goes on (running)",
        ),
        (
            _task(state="pending", reason="held: lost", waits=["held for a person: lost"]),
            "task 7 is held: lost: held for a person: lost",
        ),
    ],
)
def test_one_line_says_how_a_task_stands(task: dict[str, Any], line: str) -> None:
    assert _task_action.stand(task, "5s") == line


def test_long_and_hostile_words_stay_one_short_line() -> None:
    task = _task(machines=["a"], results={"a": _result("failed", rc=1, msg="x\n\x1b[2J" * 999)})
    line = _task_action.stand(task)
    assert line.isprintable()
    assert len(line) < 400


def test_machines_are_sorted_by_how_they_did() -> None:
    last = {
        "b": {"outcome": "changed"},
        "a": {"outcome": "changed"},
        "c": {"outcome": "timed out"},
    }
    task = {"machines": ["a", "b", "c", "d"], "state": "running"}
    hosts = _task_values.hosts_of(task, last)
    assert hosts["changed"] == ["a", "b"]
    assert hosts["timed_out"] == ["c"]
    assert hosts["waiting"] == ["d"]
    assert hosts["ok"] == hosts["failed"] == hosts["cancelled"] == []
    cancelled = _task_values.hosts_of({**task, "state": "cancelled"}, last)
    assert (cancelled["waiting"], cancelled["cancelled"]) == ([], ["d"])


def test_last_result_of_a_machine_counts() -> None:
    results = [
        {"attempt": 2, "result": {"machine": "a", "outcome": "ok"}},
        {"attempt": 1, "result": {"machine": "a", "outcome": "failed"}},
    ]
    assert _task_values.last_results(results)["a"] == {
        "machine": "a",
        "outcome": "ok",
        "attempt": 2,
    }


def test_bytes_that_were_no_text_can_be_shown() -> None:
    assert _task_values.clean("caf\udce9") == "caf\ufffd"


def test_options_are_named_as_modules_name_them() -> None:
    failure = _rediacc.RediaccFailure(
        "on which machines? give --machine, --group, --all or --limit",
        hint="--not-before, or run: rediacc worker --drain",
    )
    told = _task_action.in_options_words(failure)
    assert told.message == "on which machines? give machines, groups, all or limit"
    assert told.hint == "--not-before, or run: rediacc worker --drain"
