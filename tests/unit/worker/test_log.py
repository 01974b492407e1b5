"""The worker's log: every line off a terminal is an object, whoever wrote it, with its context."""

from __future__ import annotations

import io
import json
import logging
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rediacc.worker.log import LOG, doing, set_up_log, task_context


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    with warnings.catch_warnings():
        yield
        logging.captureWarnings(False)
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_about_a_task_says_who_where_and_how_urgent() -> None:
    stream = io.StringIO()
    set_up_log(stream, worker="w-1")
    names = [f"m{number}" for number in range(7)]
    about = task_context(task=42, attempt=2, team="prod", machines=names, priority=1, run="r")
    LOG.warning("task failed", extra=about)
    (line,) = _lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning", "event": "task failed", "worker": "w-1", "task": 42, "attempt": 2,
        "team": "prod", "machine": "m0,m1,m2,m3,m4,+2", "priority": 1, "run": "r",
    }  # fmt: skip


def test_what_libraries_and_python_say_has_the_same_form() -> None:
    stream = io.StringIO()
    set_up_log(stream, worker="w-1")
    logging.getLogger("rediacc.teams.inventory").warning("cannot read\nit")
    logging.getLogger("sqlalchemy.pool").error("a connection was lost")
    logging.getLogger("sqlalchemy.pool").info("not worth a line")
    warnings.simplefilter("always")
    warnings.warn("old\nways", stacklevel=1)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        LOG.exception("it failed")
    found = _lines(stream)
    assert [line["level"] for line in found] == ["warning", "error", "warning", "error"]
    assert {line["worker"] for line in found} == {"w-1"}
    assert "two\nlines" in found[-1]["error"]


def test_chore_is_named_in_all_that_it_logs() -> None:
    stream = io.StringIO()
    set_up_log(stream, worker="w-1")
    with doing(chore="archive"):
        logging.getLogger("rediacc.archives").warning("deep inside")
        LOG.info("archived", extra={"context": {"rows": 3}})
    LOG.info("outside")
    inside, archived, outside = _lines(stream)
    assert (inside["chore"], archived["chore"], archived["rows"]) == ("archive", "archive", 3)
    assert "chore" not in outside


def test_file_is_private_and_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    set_up_log(io.StringIO(), worker="w-1", file=path)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.handlers.RotatingFileHandler)
    assert handler.maxBytes == 10 << 20
    handler.maxBytes = 1000
    for number in range(100):
        LOG.info("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["worker.log", *(f"worker.log.{n}" for n in range(1, 6))]
    for one in files:
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert one.stat().st_size <= 1000
    newest = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert newest[-1] == "line 99"


def test_people_get_lines_without_codes_for_their_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    set_up_log(stream, worker="w-1")
    LOG.info("task\x1b[31m started", extra={"context": {"task": 1, "empty": ""}})
    assert stream.getvalue().endswith("task?[31m started               task=1\n")
