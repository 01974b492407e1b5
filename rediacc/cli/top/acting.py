"""What keys do to tasks and alerts: an operation in a thread, and its answer in the last line."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from rediacc.cli.complaints import from_exception
from rediacc.cli.neutral import one_line
from rediacc.cli.top import texts
from rediacc.cli.top.dialogs import Question
from rediacc.cli.top.doings import Doing, acknowledging, cancelling, levelling, retrying
from rediacc.cli.top.log_screen import LogScreen
from rediacc.cli.top.panel import Panel
from rediacc.cli.top.source import Source
from rediacc.views import Overview, TaskView

__all__ = ["ActingApp"]

_SAID_SECONDS = 8.0


class ActingApp(App[None]):
    """A view whose keys act on what stands under the cursor."""

    class Did(Message):
        """What came of a key."""

        def __init__(self, words: str, *, is_refused: bool) -> None:
            super().__init__()
            self.words = words
            self.is_refused = is_refused

    def __init__(self, source: Source, first: Overview) -> None:
        # The terminal's own colours: a light one stays light, and NO_COLOR leaves none.
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.source = source
        self.seen = first
        self._said = ""
        self._is_laid_out = False

    def look(self) -> None:
        """Look at the home again."""
        raise NotImplementedError

    @property
    def _base(self) -> Screen[Any]:
        """The screen with the panels, also while another one lies over it."""
        return self.screen_stack[0]

    def action_logs(self) -> None:
        task = self._task_for("logs")
        if task is not None:
            self.push_screen(LogScreen(self.source, task))

    def action_cancel(self) -> None:
        task = self._task_for("cancel")
        if task is not None:
            self._do(cancelling(task, self._title_of(task)))

    def action_retry(self) -> None:
        task = self._task_for("retry")
        if task is not None:
            is_held = any(one.is_held and one.task.id == task for one in self.seen.queue)
            self._do(retrying(task, self._title_of(task), is_held=is_held))

    def action_level(self, level: int) -> None:
        task = self._task_for("change the level of")
        if task is not None:
            self._do(levelling(task, level))

    def action_acknowledge(self) -> None:
        panel = self._base.query_one("#alerts", Panel)
        if panel.line is None or panel.line.alert_id is None or not panel.has_focus:
            self._say("acknowledge which alert? Tab goes to the alerts", is_refused=True)
            return
        self._do(acknowledging(panel.line.alert_id))

    def _do(self, doing: Doing) -> None:
        def done(is_agreed: bool | None) -> None:
            if is_agreed:
                self._say(f"{doing.what} ...")
                self.run_worker(
                    lambda: self._perform(doing), thread=True, group="do", exit_on_error=False
                )
            else:
                self._say(f"not confirmed: {doing.what} was not done")

        if doing.question:
            self.push_screen(Question(doing.question, more=doing.more), done)
        else:
            done(True)

    def _perform(self, doing: Doing) -> None:
        try:
            answer = self.source.perform(doing.operation, doing.request)
        except Exception as error:
            complaint = from_exception(error)
            words = complaint.message + (f" ({complaint.hint})" if complaint.hint else "")
            self.post_message(self.Did(f"{doing.what}: {words}", is_refused=True))
        else:
            words, is_refused = doing.tell(answer)
            self.post_message(self.Did(words, is_refused=is_refused))

    def on_acting_app_did(self, message: Did) -> None:
        self._say(message.words, is_refused=message.is_refused)
        self.look()

    def _task_for(self, verb: str) -> int | None:
        """Return the task under the cursor of the panel that is looked at."""
        panel = self.focused
        line = panel.line if isinstance(panel, Panel) else None
        if line is None or line.task_id is None:
            self._say(f"{verb} which task? there is none under the cursor", is_refused=True)
            return None
        return line.task_id

    def _title_of(self, task_id: int) -> str:
        known: list[TaskView] = [one.task for one in self.seen.queue]
        known += [*self.seen.running, *self.seen.ended]
        return next((one_line(task.title) for task in known if task.id == task_id), "")

    def _say(self, words: str, *, is_refused: bool = False) -> None:
        """Say what came of a key where the keys stand, until the next one."""
        if not self._is_laid_out:
            return
        foot = self._base.query_one("#foot", Static)
        if not words:
            foot.update(Text(texts.FOOT, style="dim", no_wrap=True))
            return
        style = "bold red" if is_refused else "bold"
        mark = "! " if is_refused else ""
        foot.update(Text(f" {mark}{one_line(words)}", style=style, no_wrap=True))
        self.set_timer(8.0, lambda: self._forget(words))
        self._said = words

    def _forget(self, words: str) -> None:
        if self._said == words:
            self._say("")
