"""What lies over the view for a moment: a question, the help."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

__all__ = ["Help", "Question"]


class Question(ModalScreen[bool]):
    """Ask before something is done; only a plain yes is one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q,enter,ctrl+c", "answer(False)", "No"),
    ]

    def __init__(self, question: str, *, more: str = "") -> None:
        super().__init__()
        self._question = question
        self._more = more

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text(self._question, style="bold"), markup=False)
            if self._more:
                yield Static(Text(self._more), markup=False)
            yield Static(Text("\ny: yes    n, Esc: no"), markup=False)

    def action_answer(self, is_yes: bool) -> None:
        self.dismiss(is_yes)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,h,enter,space,ctrl+c", "close", "Back"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text(self._text), markup=False)

    def action_close(self) -> None:
        self.dismiss(None)
