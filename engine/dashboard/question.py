"""The question before something is done: what will happen, yes or no.

Owns the box and its keys. Nothing is done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static

from engine.dashboard.deeds import Deed

__all__ = ["Options", "Question"]


class Question(ModalScreen[bool]):
    """Asks about a deed; its result is whether it shall be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,right,tab", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, deed: Deed) -> None:
        super().__init__()
        self.deed = deed

    def compose(self) -> Iterable[Widget]:
        """The box."""
        box = Vertical(
            Static(Content(self.deed.will), id="will"),
            Static(Content("This cannot be undone." if self.deed.is_grave else ""), id="grave"),
            Horizontal(
                Button("y  Yes", id="yes", variant="error" if self.deed.is_grave else "primary", compact=True),
                Button("n  No", id="no", compact=True),
                id="answers",
            ),
            id="question",
        )
        box.border_title = f"{self.deed.title}?"
        yield box

    def on_mount(self) -> None:
        """What cannot be undone is not done by the enter key alone."""
        self.query_one("#no" if self.deed.is_grave else "#yes", Button).focus()
        self.query_one("#grave").display = self.deed.is_grave

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by a click."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, is_yes: bool) -> None:
        """An answer by a key."""
        self.dismiss(is_yes)


class Options(ModalScreen[int | None]):
    """Asks which of some things is meant; its result is the place of one, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,n,q", "leave", "None of them")]

    def __init__(self, title: str, words: Sequence[str]) -> None:
        super().__init__()
        self._words = words
        self._about = title

    def compose(self) -> Iterable[Widget]:
        """The box."""
        box = Vertical(OptionList(*map(Content, self._words), id="options"), id="question")
        box.border_title = self._about
        yield box

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One is chosen."""
        self.dismiss(event.option_index)

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)
