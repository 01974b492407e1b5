"""A panel: a title, column heads and rows with a cursor. It draws plain text and no markup."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from rediacc.cli.top.sharing import Wish, column_widths
from rediacc.cli.top.tables import Grid, Line

__all__ = ["Panel"]

_GAP = 2
# In fewer rows than these the columns' heads give way to rows.
_HEADS_FROM = 5
_NOTHING = Grid(title="", columns=(), flexible=(), lines=())
# Columns of numbers stand to the right.
_RIGHT = frozenset({"ID", "ALERT", "CPU", "MEM", "DISK", "TIME", "AGE", "UP", "BEAT"})


class Panel(Widget, can_focus=True):
    """Rows that can be looked through; the cursor stays with its row when others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move(-1000000)", "First", show=False),
        Binding("end,G", "move(1000000)", "Last", show=False),
    ]

    class Chosen(Message):
        """The cursor stands on another row."""

        def __init__(self, panel: Panel) -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.grid = _NOTHING
        self._cursor = 0
        self._top = 0

    @property
    def line(self) -> Line | None:
        """The row under the cursor."""
        return self.grid.lines[self._cursor] if self.grid.lines else None

    @property
    def wish(self) -> Wish:
        """The rows that the panel could fill: its title, heads and rows."""
        return Wish(2 + len(self.grid.lines) if self.grid.lines else 2)

    def show_grid(self, grid: Grid) -> None:
        """Show `grid`, the cursor on the row that it was on, if it is still there."""
        if grid == self.grid:
            return
        before = self.line
        self.grid = grid
        keys = [line.key for line in grid.lines]
        if before is not None and before.key in keys:
            self._cursor = keys.index(before.key)
        self._move_to(self._cursor)
        after = self.line
        if (before and before.key) != (after and after.key):
            self.post_message(self.Chosen(self))
        self.refresh()

    def choose(self, key: str) -> None:
        """Put the cursor on the row with `key`, if there is one."""
        keys = [line.key for line in self.grid.lines]
        if key in keys:
            self._move_to(keys.index(key))
            self.refresh()

    def action_move(self, rows: int) -> None:
        self._walk(self._cursor + rows)

    def action_page(self, pages: int) -> None:
        self._walk(self._cursor + pages * max(1, self._visible_rows()))

    def on_click(self, event: events.Click) -> None:
        first = 2 if self._has_heads() else 1
        row = self._top + event.y - first
        if event.y >= first and row < len(self.grid.lines):
            self._walk(row)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._walk(self._cursor + 1)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._walk(self._cursor - 1)

    def on_resize(self) -> None:
        self._move_to(self._cursor)

    def _walk(self, row: int) -> None:
        before = self._cursor
        self._move_to(row)
        if self._cursor != before:
            self.post_message(self.Chosen(self))
            self.refresh()

    def _move_to(self, row: int) -> None:
        last = len(self.grid.lines) - 1
        self._cursor = max(0, min(row, last))
        visible = max(1, self._visible_rows())
        if self._cursor < self._top:
            self._top = self._cursor
        elif self._cursor >= self._top + visible:
            self._top = self._cursor - visible + 1
        self._top = max(0, min(self._top, last + 1 - visible))

    def _has_heads(self) -> bool:
        """Whether there is room for the columns' heads; rows come first."""
        return self.size.height >= _HEADS_FROM or self.size.height >= 2 + len(self.grid.lines)

    def _visible_rows(self) -> int:
        return self.size.height - (2 if self._has_heads() else 1)

    def render(self) -> Text:
        """Return the panel's lines, each exactly as wide as the panel."""
        width, height = self.size
        lines = [self._title(width)]
        if self.grid.lines:
            lines += self._rows(width, self._visible_rows())
        else:
            lines.append(Text(set_cell_size(f"  {self.grid.empty}", width), style="dim"))
        return Text("\n", no_wrap=True, end="").join(lines[:height])

    def _title(self, width: int) -> Text:
        mark = ">" if self.has_focus else " "
        shown = max(0, self._visible_rows())
        title = f"{mark} {self.grid.title}"
        if shown < len(self.grid.lines):
            title += f"  [{self._top + 1}-{self._top + shown} of {len(self.grid.lines)}]"
        style = "bold reverse" if self.has_focus else "bold underline"
        if self.grid.style and not self.has_focus:
            style = f"{self.grid.style} underline"
        return Text(set_cell_size(title, width), style=style)

    def _rows(self, width: int, height: int) -> list[Text]:
        grid = self.grid
        natural = [
            max(cell_len(cell) for cell in column)
            for column in zip(grid.columns, *(line.cells for line in grid.lines), strict=True)
        ]
        widths = column_widths(natural, flexible=grid.flexible, available=width - 2, gap=_GAP)
        rows = []
        if self._has_heads():
            heads = "  " + self._fit(grid.columns, widths, width - 2)
            rows.append(Text(heads, style="dim"))
        for number, line in enumerate(grid.lines[self._top : self._top + max(height, 0)]):
            is_here = self._top + number == self._cursor
            mark = "> " if is_here else "  "
            style = line.style
            if is_here and self.has_focus:
                style = f"{style} reverse".strip()
            rows.append(Text(mark + self._fit(line.cells, widths, width - 2), style=style))
        return rows

    def _fit(self, cells: tuple[str, ...], widths: list[int], width: int) -> str:
        shown = []
        for head, cell, size in zip(self.grid.columns, cells, widths, strict=True):
            if not size:
                continue
            text = cell if cell_len(cell) <= size else set_cell_size(cell, size - 1) + "~"
            space = " " * (size - cell_len(text))
            shown.append(space + text if head in _RIGHT else text + space)
        return set_cell_size((" " * _GAP).join(shown), width)
