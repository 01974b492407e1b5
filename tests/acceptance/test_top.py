"""``rediacc top``: what it shows, that keys do what they say, that it harms and hides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from busy_home import MACHINES, add_alert, add_sample, add_worker, fill_busy, open_lab, write_home
from queue_lab import Lab
from textual.pilot import Pilot

from rediacc.cli.session import Session
from rediacc.cli.top.app import TopApp
from rediacc.cli.top.dialogs import Question
from rediacc.cli.top.log_screen import LogScreen
from rediacc.cli.top.panel import Panel
from rediacc.cli.top.source import Source
from rediacc.requests import MemberCreate, MemberUpdate, OverviewRequest
from rediacc.storage.tables.tasks import Output
from rediacc.times import micros, utc_now
from rediacc.values import State

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0
HOSTILE = "[red]x[/] [@click=app.quit]y[/] \x1b]0;z\x07\u202ee"
HARMLESS = "[red]x[/] [@click=app.quit]y[/] \\x1b]0;z\\x07\\u202ee"


class Watched:
    """A home with a queue, and the view of it."""

    def __init__(self, home: Path, *, has_worker: bool) -> None:
        self.home = home
        self.lab: Lab = open_lab(home, now=micros(utc_now()))
        self.tasks = fill_busy(self.lab, has_worker=has_worker)

    @contextlib.asynccontextmanager
    async def top(
        self,
        size: tuple[int, int] = (80, 24),
        team: str | None = None,
        **environment: str,
    ) -> AsyncIterator[Top]:
        session = Session({**os.environ, **environment})
        session.home_option = str(self.home)
        with contextlib.closing(Source(session.open_office)) as source:
            first = source.perform("overview.read", OverviewRequest(team=team))
            app = TopApp(source, first, home=str(self.home), team=team, every_seconds=0.2)
            async with app.run_test(size=size) as pilot:
                yield Top(app, pilot)

    def audit(self, operation: str) -> list[tuple[str, str]]:
        rows = self.lab.query(
            "SELECT object, outcome FROM audit WHERE operation = :name ORDER BY seq", name=operation
        )
        return [(row.object, row.outcome) for row in rows]


class Top:
    """The view, driven by keys."""

    def __init__(self, app: TopApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text for strip in strips)

    async def until(self, holds: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.text}"
            await self.pilot.pause(0.02)

    async def shows(self, words: str) -> None:
        await self.until(lambda: words in self.text, repr(words))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def go_to(self, panel: str, task: int) -> None:
        """Put the cursor on a task by keys alone."""
        widget = self.app.query_one(f"#{panel}", Panel)
        for _turn in range(6):
            if not widget.has_focus:
                await self.press("tab")
        await self.press("home")
        for _turn in widget.grid.lines:
            if widget.line is not None and widget.line.task_id == task:
                return
            await self.press("down")
        assert widget.line is not None
        assert widget.line.task_id == task


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: what Ansible told of its inventories is kept."""
    return write_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def make(directory: Path) -> Iterator[Callable[..., Watched]]:
    """Fill the home's queue anew."""
    made: list[Watched] = []

    def fill(*, has_worker: bool = True) -> Watched:
        for path in (directory / ".rediacc").glob("rediacc.db*"):
            path.unlink()
        made.append(Watched(directory, has_worker=has_worker))
        return made[-1]

    yield fill
    for watched in made:
        watched.lab.database.close()


def drive(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def test_keys_do_what_their_commands_do_and_the_audit_notes_it(
    make: Callable[..., Watched],
) -> None:
    watched = make()
    tasks, lab = watched.tasks, watched.lab
    add_alert(lab, "a machine is full", rule="machine-disk")

    async def scenario() -> None:
        async with watched.top((120, 40)) as top:
            await top.go_to("queue", tasks["nginx"])
            await top.press("c")
            await top.shows(f"Cancel task {tasks['nginx']}?")
            await top.press("n")
            await top.shows("not confirmed")
            assert not lab.state(tasks["nginx"]).is_final
            await top.press("c")
            assert isinstance(top.app.screen, Question)
            await top.press("y")
            await top.until(lambda: lab.state(tasks["nginx"]).is_final, "the cancellation")
            assert lab.state(tasks["nginx"]) is State.CANCELLED
            await top.shows(f"cancel task {tasks['nginx']}: cancelled")

            await top.go_to("queue", tasks["logs"])
            await top.press("1")
            await top.until(lambda: lab.row(tasks["logs"]).level == 1, "level 1")
            await top.shows("1 critical 1")
            # It moved up in the order of starts, and the cursor went with it.
            queue = top.app.query_one("#queue", Panel)
            await top.until(
                lambda: queue.line and queue.line.task_id == tasks["logs"], "the cursor"
            )
            await top.until(
                lambda: [line.task_id for line in queue.grid.lines].index(tasks["logs"]) <= 1,
                "its new place",
            )

            await top.go_to("running", tasks["pg_dump"])
            await top.press("r")
            await top.until(lambda: not lab.state(tasks["pg_dump"]).is_final, "the retry")
            await top.go_to("running", tasks["running"])
            await top.press("2")
            await top.shows("! task")
            assert lab.row(tasks["running"]).level == 3
            await top.press("a")
            await top.shows("acknowledge which alert?")
            while not top.app.query_one("#alerts", Panel).has_focus:
                await top.press("tab")
            await top.press("a")
            await top.shows("acknowledge alert 1: acknowledged")
            await top.shows("a machine is full (acknowledged)")
            await top.go_to("running", tasks["running"])
            await top.press("c", "y")
            await top.until(lambda: lab.row(tasks["running"]).cancel_at, "the wish to stop it")
            await top.shows("is being stopped")

    drive(scenario)
    assert watched.audit("task.cancel") == [
        (f"task {tasks['nginx']}", "done"),
        (f"task {tasks['running']}", "done"),
    ]
    assert watched.audit("task.update") == [
        (f"task {tasks['logs']}", "done"),
        (f"task {tasks['running']}", "refused"),
    ]
    assert watched.audit("task.retry") == [(f"task {tasks['pg_dump']}", "done")]
    assert watched.audit("alert.ack") == [("alert 1", "done")]
    # Looking again and again is one entry.
    assert watched.audit("overview.read") == [("", "done")]


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_nobody_can_miss_that_tasks_wait_and_no_worker_lives(
    make: Callable[..., Watched], size: tuple[int, int]
) -> None:
    watched = make(has_worker=False)

    async def scenario() -> None:
        async with watched.top(size) as top:
            await top.shows("!! NO WORKER IS ALIVE: 6 tasks wait. Start one: rediacc worker !!")
            for words in ("QUEUE  6 waiting", "RUNNING  2", "MACHINES  7", "WORKERS  0", "ALERTS"):
                await top.shows(words)
            assert all(len(line) == size[0] for line in top.text.split("\n"))
            watched.lab.now = micros(utc_now())
            add_worker(watched.lab)
            await top.until(lambda: "NO WORKER" not in top.text, "a view with a worker")
            await top.shows("WORKERS  1 alive")

    drive(scenario)


def test_what_machines_and_people_wrote_steers_nothing(make: Callable[..., Watched]) -> None:
    watched = make()
    lab = watched.lab
    lab.now = micros(utc_now())
    lab.submit("web-01", title=HOSTILE, created_by=HOSTILE)
    add_alert(lab, HOSTILE)
    add_sample(lab, "prod", "web-01", message=HOSTILE, cpu_percent=97.0, disk_percent=12.0)
    row = lab.row(watched.tasks["running"])
    with lab.database.write() as connection:
        connection.execute(
            Output.__table__.insert(),  # type: ignore[attr-defined]
            {
                "task_id": row.id,
                "epoch": row.epoch,
                "at": lab.now,
                "text": f"msg: {HOSTILE}\n".encode(),
            },
        )

    async def scenario() -> None:
        async with watched.top((320, 60)) as top:
            # In the queue, among the alerts, in the output.
            await top.until(lambda: top.text.count(HARMLESS) == 3, "the text as it is")
            await top.shows("! overloaded")
            assert "\x1b" not in top.text
            await top.go_to("running", watched.tasks["running"])
            await top.press("l")
            await top.until(lambda: isinstance(top.app.screen, LogScreen), "the log")
            await top.shows(f"msg: {HARMLESS}")
            await top.shows("TASK [Write the virtual hosts]")
            await top.shows("following")
            # Blank lines stay.
            assert re.search(r"ok: \[web-03\] +\n +\nTASK", top.text.replace("\u2588", " "))
            await top.press("q")
            await top.shows("QUEUE")

    drive(scenario)
    assert watched.audit("task.logs") == [(str(watched.tasks["running"]), "done")]


def test_filter_keeps_what_holds_the_text_until_it_is_taken_off(
    make: Callable[..., Watched],
) -> None:
    watched = make()

    async def scenario() -> None:
        async with watched.top((120, 40)) as top:
            queue = top.app.query_one("#queue", Panel)
            everything = len(queue.grid.lines)
            await top.press("slash", *"DB-01", "enter")
            await top.shows("filter: DB-01")
            wanted = {watched.tasks["vacuum"], watched.tasks["patch"]}
            await top.until(
                lambda: {line.task_id for line in queue.grid.lines} == wanted, "the tasks of db-01"
            )
            await top.press("slash", *"%", "enter")
            await top.until(lambda: not queue.grid.lines, "nothing: a % is only a %")
            await top.press("escape")
            await top.until(lambda: len(queue.grid.lines) == everything, "everything again")

    drive(scenario)


def test_view_of_one_team_shows_that_team_alone(make: Callable[..., Watched]) -> None:
    watched = make()

    async def scenario() -> None:
        async with watched.top((200, 50), team="staging") as top:
            await top.shows("MACHINES  2")
            await top.shows("find /var/log")
            assert "web-01" not in top.text
            assert "db-01" not in top.text

    drive(scenario)


def test_database_that_is_away_is_said_and_found_again(make: Callable[..., Watched]) -> None:
    watched = make()
    state, away = watched.home / ".rediacc", watched.home / "away"

    async def scenario() -> None:
        async with watched.top((120, 40)) as top:
            await top.shows("QUEUE  6 waiting")
            watched.lab.database.close()
            state.rename(away)
            await top.shows("!! NO VIEW since")
            await top.press("c", "y")
            await top.shows("the database is away")
            # Nobody may take a new, empty queue for the one that is away.
            assert not state.exists()
            away.rename(state)
            await top.until(lambda: "NO VIEW" not in top.text, "the view")
            watched.lab = open_lab(watched.home, now=micros(utc_now()))
            watched.lab.submit("db-02", title="after the gap")
            await top.shows("after the gap")

    drive(scenario)


def test_who_may_look_no_more_is_told_once_and_not_noted_again_and_again(
    make: Callable[..., Watched],
) -> None:
    watched = make()
    owner = Session(os.environ)
    owner.home_option = str(watched.home)
    made = owner.perform(
        "member.create", MemberCreate(name="guest", role="viewer", teams=("prod",), token=True)
    )

    def denied() -> int:
        return [outcome for _rest, outcome in watched.audit("overview.read")].count("denied")

    async def scenario() -> None:
        async with watched.top((160, 40), "prod", REDIACC_TOKEN=made.token) as top:
            await top.shows("MACHINES  5")
            await top.press("c", "y")
            await top.shows("! cancel task")
            owner.perform("member.update", MemberUpdate(name="guest", remove_teams=("prod",)))
            await top.shows("press u to try again")
            await top.until(lambda: not top.app._is_reading, "a rest")
            seen = denied()
            for _turn in range(5):
                top.app._look_if_cheap()
                assert not top.app._is_reading
            assert denied() == seen
            await top.press("u")
            await top.until(lambda: denied() == seen + 1, "one more look")

    drive(scenario)


def test_every_panel_can_be_reached_at_the_smallest_size(make: Callable[..., Watched]) -> None:
    watched = make()
    for machine in MACHINES["prod"]:
        add_sample(watched.lab, "prod", machine, cpu_percent=12.0, is_reachable=machine != "db-02")
    add_alert(watched.lab, "a task failed")

    async def scenario() -> None:
        async with watched.top((80, 24)) as top:
            seen = set()
            for _turn in range(5):
                focused = top.app.focused
                assert isinstance(focused, Panel)
                seen.add(focused.id)
                assert focused.size.height >= 2
                await top.press("tab")
            assert seen == {"queue", "running", "machines", "workers", "alerts"}
            await top.shows("! unreachable")
            await top.press("question_mark")
            await top.shows("Tab, Shift+Tab")
            # The whole of it, its frame too.
            await top.until(lambda: "╭" in top.text and "╮" in top.text, "the frame")
            await top.shows("it may be refused, and is audited.")
            await top.press("escape")
            await top.shows("c cancel  r retry")

    drive(scenario)


# -- as a process


class Terminal:
    """A real process on a pseudo-terminal of 80 by 24."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(side)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rediacc", "--home", str(home), *words],
            stdin=side,
            stdout=side,
            stderr=side,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
            start_new_session=True,
        )
        self._main, self._side = main, side
        self.output = b""

    def read(self) -> bool:
        """Take what came; false at the end."""
        if not select.select([self._main], [], [], 0.1)[0]:
            return self.process.poll() is None
        try:
            self.output += os.read(self._main, 65536)
        except OSError:
            # The other side is closed.
            return False
        return True

    def until(self, pattern: bytes) -> None:
        deadline = time.monotonic() + DEADLINE
        while not re.search(pattern, self.output):
            assert time.monotonic() < deadline, self.output[-3000:]
            self.read()

    def press(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        deadline = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.output[-3000:]
            self.read()
        while select.select([self._main], [], [], 0)[0]:
            self.output += os.read(self._main, 65536)
        after = termios.tcgetattr(self._side)
        os.close(self._main)
        os.close(self._side)
        assert after[:4] == self.before[:4], "the terminal is not as it was"
        return self.process.returncode


def test_real_process_on_a_real_terminal_obeys_keys_and_leaves_it_as_it_was(
    make: Callable[..., Watched],
) -> None:
    watched = make()
    terminal = Terminal(watched.home, "top", "--every", "1s", NO_COLOR="1")
    terminal.until(rb"QUEUE  6 waiting")
    terminal.press("jc")
    terminal.until(rb"Cancel task \d+\?")
    terminal.press("y")
    terminal.until(rb"task \d+: cancelled")
    terminal.press("q")
    assert terminal.end() == 0
    assert terminal.output.count(b"\x1b[?1049h") == terminal.output.count(b"\x1b[?1049l") == 1
    done = [name for name, task in watched.tasks.items() if watched.lab.state(task) == 22]
    assert len(done) == 1
    # Without colours: reverse and bold stay, no colour is set but the terminal's own.
    colours = re.findall(rb"\x1b\[([0-9;]*)m", terminal.output)
    assert colours
    used = {part for codes in colours for part in re.split(rb";", codes)}
    assert used <= {b"", b"0", b"1", b"2", b"4", b"7", b"39", b"49"}, used


def test_being_told_to_end_it_leaves_the_terminal_as_it_was(make: Callable[..., Watched]) -> None:
    watched = make()
    terminal = Terminal(watched.home, "top")
    terminal.until(rb"QUEUE  6 waiting")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 0
    assert terminal.output.count(b"\x1b[?1049l") == 1


def test_without_a_terminal_it_says_so_in_one_line(make: Callable[..., Watched]) -> None:
    watched = make()
    done = subprocess.run(
        [sys.executable, "-m", "rediacc", "--home", str(watched.home), "top"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "terminal" in done.stderr
    assert "Traceback" not in done.stderr
