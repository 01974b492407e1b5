"""The live view: reads in a thread, draws what changed, and does what keys say by operations."""

from __future__ import annotations

import time
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from rediacc.cli.complaints import from_exception
from rediacc.cli.neutral import one_line
from rediacc.cli.top import tables, texts
from rediacc.cli.top.acting import ActingApp
from rediacc.cli.top.dialogs import Help
from rediacc.cli.top.output_panel import OutputPanel
from rediacc.cli.top.panel import Panel
from rediacc.cli.top.sharing import share_rows
from rediacc.cli.top.source import Source
from rediacc.errors import AccessDenied, NotAuthenticated
from rediacc.requests import OverviewRequest
from rediacc.views import MachineGlance, Overview, TaskView

__all__ = ["TopApp"]

_MACHINES_EVERY_SECONDS = 10.0
_CHEAP_MACHINES = 500
# Times that a look took, for which nothing is looked at after it.
_REST = 4
_ROOMY = 100
_WIDE = 130
_LEFT = ("queue", "running", "output")
_RIGHT = ("machines", "workers", "alerts")


class TopApp(ActingApp):
    """The full-screen view of one home.

    :param first: the look that was taken, and noted, before the screen was cleared.
    """

    TITLE = "rediacc top"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "top.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel"),
        Binding("r", "retry", "Retry"),
        *[Binding(str(level), f"level({level})", f"Level {level}") for level in range(1, 6)],
        Binding("l,enter", "logs", "Logs"),
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "all", "All"),
        Binding("u", "look", "Look again"),
        Binding("question_mark,h", "help", "Help"),
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit"),
    ]

    class Seen(Message):
        """A look at the home, or why there was none.

        :param is_denied: whether it was refused, as it will be again, noted each time.
        """

        def __init__(
            self, overview: Overview | None, *, failure: str = "", is_denied: bool = False
        ) -> None:
            super().__init__()
            self.overview = overview
            self.failure = failure
            self.is_denied = is_denied

    def __init__(
        self,
        source: Source,
        first: Overview,
        *,
        home: str,
        team: str | None = None,
        every_seconds: float = 2.0,
    ) -> None:
        super().__init__(source, first)
        self._home = home
        self._team = team
        self._every = every_seconds
        self._machines: tuple[MachineGlance, ...] = first.machines or ()
        self._machine_count = first.machine_count
        self._notes = first.notes
        self._machines_at = time.monotonic()
        self._text = ""
        self._failure = ""
        self._is_denied = False
        self._failing_since: datetime | None = None
        self._is_reading = False
        self._wants_more = False
        self._looked_at_begin = self._looked_at_end = time.monotonic()
        self._look_took = 0.0
        self._shown_task: int | None = None

    # -- the screen

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="depth", markup=False)
        yield Static(id="alarm", markup=False)
        with Container(id="body"):
            with Vertical(id="left"):
                yield Panel("queue")
                yield Panel("running")
                yield OutputPanel("output")
            with Vertical(id="right"):
                for name in _RIGHT:
                    yield Panel(name)
        yield Input(placeholder="text in a task's title, machine, team, creator", id="filter")
        yield Static(id="foot", markup=False)

    def on_mount(self) -> None:
        self._base.query_one("#filter").display = False
        self._base.query_one("#queue").focus()
        self._is_laid_out = True
        self._say("")
        self._draw()
        self.set_interval(self._every, self._look_if_cheap)

    def on_resize(self) -> None:
        self._draw()

    def on_descendant_focus(self) -> None:
        self._share()

    def _draw(self) -> None:
        """Bring every panel up to what was seen last; only what changed is drawn."""
        if not self._is_laid_out:
            return
        seen, width = self.seen, self.size.width
        many = len(seen.teams) > 1
        # The levels' names stand where a panel has room for them.
        is_roomy = (width if width < _WIDE else width * 4 // 7) >= _ROOMY
        self._base.query_one("#head", Static).update(
            texts.head_line(
                seen, home=self._home, text=self._text, every_seconds=self._every, width=width
            )
        )
        self._base.query_one("#depth", Static).update(texts.depth_line(seen, width=width))
        alarm = texts.alarm_line(
            seen,
            failure=self._failure,
            since=self._failing_since,
            again="press u to try again" if self._is_denied else "trying again",
            width=width,
        )
        line = self._base.query_one("#alarm", Static)
        line.update(alarm or "")
        line.display = alarm is not None
        grids = {
            "queue": tables.queue_grid(seen, many_teams=many, is_wide=is_roomy),
            "running": tables.running_grid(seen, many_teams=many, is_wide=is_roomy),
            "machines": tables.machine_grid(
                self._machines, self._machine_count, notes=self._notes, many_teams=many
            ),
            "workers": tables.worker_grid(seen.workers, now=seen.at),
            "alerts": tables.alert_grid(seen.alerts, seen.alert_count, now=seen.at),
        }
        for name, grid in grids.items():
            self._base.query_one(f"#{name}", Panel).show_grid(grid)
        self._draw_output()
        self._share()

    def _draw_output(self) -> None:
        panel = self._base.query_one(OutputPanel)
        task = self._looked_at()
        if task is None:
            panel.show_output("OUTPUT", ["nothing runs"])
            return
        lines: list[str] = []
        if self._shown_task == task.id:
            lines = texts.output_lines(self.seen.output, has_names=len(task.machines) > 1)
            if not lines:
                kinds = {"playbook": "no output yet"}
                silent = "no output yet: a machine's output comes when it has finished"
                lines = [kinds.get(task.kind.value, silent)]
        panel.show_output(f"OUTPUT of task {task.id}  {one_line(task.title)}", lines)

    def _share(self) -> None:
        """Give each panel its rows, by what it could fill and which one is looked at."""
        if not self._is_laid_out:
            return
        is_wide = self.size.width >= _WIDE
        self._base.query_one("#body").set_class(is_wide, "wide")
        lines = ("#head", "#depth", "#foot", "#alarm", "#filter")
        taken = sum(1 for line in lines if self._base.query_one(line).display)
        height = max(0, self.size.height - taken)
        for names in (_LEFT, _RIGHT) if is_wide else ((*_LEFT, *_RIGHT),):
            panels = [self._panel(name) for name in names]
            focused = [number for number, panel in enumerate(panels) if panel.has_focus]
            wishes = [panel.wish for panel in panels]
            shares = share_rows(height, wishes, favourite=focused[0] if focused else None)
            for panel, rows in zip(panels, shares, strict=True):
                panel.styles.height = rows
                panel.display = rows > 0

    def _panel(self, name: str) -> Panel | OutputPanel:
        if name == "output":
            return self._base.query_one(OutputPanel)
        return self._base.query_one(f"#{name}", Panel)

    # -- looking

    def _look_if_cheap(self) -> None:
        """Look again, but in a very long queue not so often that looking is work of its own."""
        has_rested = time.monotonic() - self._looked_at_end >= _REST * self._look_took
        if has_rested and not self._is_reading and not self._is_denied:
            self.look()

    def look(self) -> None:
        """Look at the home again, in a thread; never twice at once."""
        if self._is_reading:
            self._wants_more = True
            return
        self._is_reading = True
        self._wants_more = False
        self._looked_at_begin = time.monotonic()
        task = self._looked_at()
        self._shown_task = task.id if task is not None else None
        has_aged = time.monotonic() - self._machines_at >= _MACHINES_EVERY_SECONDS
        is_cheap = self._machine_count <= _CHEAP_MACHINES
        request = OverviewRequest(
            team=self._team,
            text=self._text,
            with_machines=is_cheap or has_aged,
            output_of=self._shown_task,
            is_refresh=True,
        )
        self.run_worker(lambda: self._read(request), thread=True, group="look", exit_on_error=False)

    def _read(self, request: OverviewRequest) -> None:
        try:
            overview: Overview = self.source.perform("overview.read", request)
        except Exception as error:
            # A thread's error ends nothing: the alarm line says it, and the next look tries again.
            message = from_exception(error).message
            is_denied = isinstance(error, AccessDenied | NotAuthenticated)
            self.post_message(self.Seen(None, failure=message, is_denied=is_denied))
        else:
            self.post_message(self.Seen(overview))

    def on_unmount(self) -> None:
        # A look that comes back now finds no screen.
        self._is_laid_out = False

    def on_top_app_seen(self, message: Seen) -> None:
        if not self._is_laid_out:
            return
        self._is_reading = False
        self._looked_at_end = time.monotonic()
        self._look_took = self._looked_at_end - self._looked_at_begin
        self._failure = message.failure
        self._is_denied = message.is_denied
        if message.overview is None:
            self._failing_since = self._failing_since or self.seen.at
        else:
            self._failing_since = None
            self.seen = message.overview
            if message.overview.machines is not None:
                self._machines = message.overview.machines
                self._machine_count = message.overview.machine_count
                self._notes = message.overview.notes
                self._machines_at = time.monotonic()
        if not self.screen_stack:
            return  # it came while the view was being closed
        self._draw()
        if self._wants_more:
            self.look()

    def on_panel_chosen(self, message: Panel.Chosen) -> None:
        if message.panel.id == "running":
            self._draw_output()
            self.look()

    def _looked_at(self) -> TaskView | None:
        """Return the task whose output is shown: the one under the running panel's cursor."""
        line = self._base.query_one("#running", Panel).line
        tasks = (*self.seen.running, *self.seen.ended)
        if line is None:
            return None
        return next((task for task in tasks if task.id == line.task_id), None)

    # -- keys

    def action_look(self) -> None:
        self._machines_at = float("-inf")
        self.look()

    def action_help(self) -> None:
        self.push_screen(Help(texts.HELP))

    def action_filter(self) -> None:
        field = self._base.query_one("#filter", Input)
        field.value = self._text
        field.display = True
        field.focus()
        self._share()

    def action_all(self) -> None:
        self._close_filter()
        self._set_filter("")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        self._close_filter()
        self._set_filter(message.value.strip())

    def _close_filter(self) -> None:
        self._base.query_one("#filter").display = False
        self._base.query_one("#queue").focus()

    def _set_filter(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._machines_at = float("-inf")
            self.look()
        self._draw()
