"""The live tail of the output of the task that is looked at."""

from __future__ import annotations

from rich.cells import set_cell_size
from rich.text import Text
from textual.widget import Widget

from rediacc.cli.top.sharing import Wish

__all__ = ["OutputPanel"]


class OutputPanel(Widget):
    """The last lines of a task's output."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._title = "OUTPUT"
        self._lines: tuple[str, ...] = ()

    @property
    def wish(self) -> Wish:
        """The rows that the tail could fill."""
        return Wish(1 + max(1, min(len(self._lines), 200)), 1)

    def show_output(self, title: str, lines: list[str]) -> None:
        """Show the tail of `lines`, which hold nothing that a terminal could obey."""
        if (title, tuple(lines)) != (self._title, self._lines):
            self._title, self._lines = title, tuple(lines)
            self.refresh()

    def render(self) -> Text:
        """Return the title and as many of the last lines as there is room for."""
        width, height = self.size
        lines = [Text(set_cell_size(f"  {self._title}", width), style="bold underline")]
        room = max(0, height - 1)
        tail = self._lines[-room:] if room else ()
        lines += [Text("  " + set_cell_size(line, max(0, width - 2))) for line in tail]
        return Text("\n", no_wrap=True, end="").join(lines[:height])
