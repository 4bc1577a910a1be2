"""The line in which it is written what is looked for.

Owns when it is seen, and that what is looked for follows each letter. What it means is the business of its screen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from engine.dashboard.choice import Choice, choice_of

__all__ = ["FilterLine"]


class FilterLine(Horizontal):
    """The line. names: what may be named before a colon.  about: what may be written, for who has written nothing yet."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Everything")]

    class Chosen(Message):
        """Something else is looked for."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    class Left(Message):
        """Nothing more is written for now."""

    def __init__(self, names: Collection[str], about: str) -> None:
        super().__init__(id="filter-line")
        self._names = frozenset(names)
        self._about = about
        self.choice = Choice()
        self.display = False

    def compose(self) -> ComposeResult:
        """A sign, and where to write."""
        yield Static("/ ", id="slash")
        yield Input(placeholder=self._about, id="filter", compact=True)

    def open(self) -> None:
        """Write now."""
        self.display = True
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Look for nothing."""
        self.query_one(Input).value = ""
        self._choose("")
        self.display = False
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for it while it is written."""
        event.stop()
        self._choose(event.value)

    def _choose(self, text: str) -> None:
        choice = choice_of(text, self._names)
        if choice != self.choice:
            self.choice = choice
            self.post_message(self.Chosen(choice))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It is written."""
        event.stop()
        self.display = bool(self.choice.text)
        self.post_message(self.Left())
