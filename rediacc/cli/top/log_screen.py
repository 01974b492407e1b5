"""A task's output on the whole screen: scrolled by hand, or followed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Log, Static

from rediacc.cli.complaints import from_exception
from rediacc.cli.neutral import one_line
from rediacc.cli.render.fates import state_words
from rediacc.cli.top.source import Source
from rediacc.cli.top.texts import LOG_FOOT, output_lines
from rediacc.errors import AccessDenied, NotAuthenticated
from rediacc.requests import LogRequest
from rediacc.views import LogPage

__all__ = ["LogScreen"]

_MOST_LINES = 50_000
_PAUSE_SECONDS = 0.5


class LogScreen(ModalScreen[None]):
    """Reads ``task.logs`` as ``rediacc logs -f`` does: opening it is one entry in the audit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,l,ctrl+c", "close", "Back"),
        Binding("f", "follow", "Follow"),
    ]

    class Came(Message):
        """A page of output, or why there is none."""

        def __init__(self, page: LogPage | None, failure: str) -> None:
            super().__init__()
            self.page = page
            self.failure = failure

    def __init__(self, source: Source, task_id: int) -> None:
        super().__init__()
        self._source = source
        self._task_id = task_id
        self._cursor: int | None = None
        self._page: LogPage | None = None
        self._failure = ""
        self._is_denied = False
        self._is_reading = False
        self._follows = True
        self._rest = ""
        self._lines = 0

    def compose(self) -> ComposeResult:
        yield Static(id="log-head", markup=False)
        yield Log(highlight=False, max_lines=_MOST_LINES, auto_scroll=False, id="log")
        yield Static(Text(LOG_FOOT, style="dim"), id="log-foot", markup=False)

    def on_mount(self) -> None:
        self.query_one(Log).focus()
        self._show_head()
        self._read()
        self.set_interval(_PAUSE_SECONDS, self._read)

    def on_resize(self) -> None:
        self._show_head()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_follow(self) -> None:
        self._follows = not self._follows
        if self._follows:
            self.query_one(Log).scroll_end(animate=False)
        self._show_head()

    def _read(self) -> None:
        is_over = self._page is not None and self._page.is_final
        if not self._is_reading and not is_over and not self._is_denied:
            self._is_reading = True
            self.run_worker(self._read_page, thread=True, group="logs", exit_on_error=False)

    def _read_page(self) -> None:
        request = LogRequest(id=str(self._task_id), cursor=self._cursor)
        try:
            page: LogPage = self._source.perform("task.logs", request)
        except Exception as error:
            # A thread's error ends nothing: the line says it, and the next look tries again; but
            # what is refused would be refused, and noted, each time.
            self._is_denied = isinstance(error, AccessDenied | NotAuthenticated)
            self.post_message(self.Came(None, from_exception(error).message))
        else:
            self.post_message(self.Came(page, ""))

    def on_log_screen_came(self, message: Came) -> None:
        self._is_reading = False
        self._failure = message.failure
        page = message.page
        if page is not None:
            self._page = page
            self._cursor = page.cursor
            self._write(page)
            if page.entries:
                self._read()
        self._show_head()

    def _write(self, page: LogPage) -> None:
        log = self.query_one(Log)
        entries = list(page.entries)
        lines = output_lines(entries, has_names=len(page.task.machines) > 1)
        if lines and entries[0].stream == "ansible":
            # Pieces end where they end: the last, unfinished line waits for what comes.
            lines[0] = self._rest + lines[0]
            is_whole = entries[-1].text.endswith("\n")
            self._rest = "" if is_whole else lines.pop()
        if page.is_final and self._rest:
            lines.append(self._rest)
            self._rest = ""
        self._lines += len(lines)
        # The log leaves out lines that hold nothing at all.
        log.write_lines(line or " " for line in lines)
        if self._follows and lines:
            log.scroll_end(animate=False)

    def _show_head(self) -> None:
        words = f" task {self._task_id}"
        if self._page is not None:
            task = self._page.task
            words += f"  {one_line(task.title)}  {one_line(state_words(task))}"
            if self._page.waits and not self._lines:
                words += f"  {one_line(self._page.waits[0])}"
            elif self._page.is_final and not self._lines:
                words += "  it printed nothing"
        words += "  following" if self._follows else "  not following: f"
        if self._failure:
            again = "" if self._is_denied else ", trying again"
            words = f" !! NO VIEW{again}: {one_line(self._failure)} !!"
        head = Text(words, style="reverse" if not self._failure else "bold white on red", end="")
        head.truncate(self.size.width, pad=True)
        self.query_one("#log-head", Static).update(head)
