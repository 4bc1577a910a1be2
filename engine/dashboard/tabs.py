"""The row of screens: their keys and names, the one that is shown marked.

Owns the row; a click opens a screen. Where not all names have room, keys alone are shown for the others.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widget import Widget

from engine.dashboard.screens import PLACES

__all__ = ["Places"]


class Places(Widget):
    """One line."""

    DEFAULT_CSS = "Places { height: 1; width: 100%; }"

    def render(self) -> Text:
        """Keys and names."""
        line = Text(no_wrap=True, overflow="crop", end="")
        for start, _end, place, said in self._spans():
            line.append(" " * (start - cell_len(line.plain)))
            is_here = place == self.app.current_mode
            line.append(said, "reverse bold" if is_here else "")
        return line

    def _spans(self) -> list[tuple[int, int, str, str]]:
        """Where each one stands: first column, column behind, name, text."""
        here = self.app.current_mode
        for letters in (None, 3, 0):  # whole names, their beginnings, keys alone
            words = [
                f" {place.key} {place.name.capitalize()[: None if place.name == here else letters]}".rstrip() + " "
                for place in PLACES
            ]
            if sum(map(len, words)) <= self.size.width:
                break
        spans, column = [], 0
        for place, said in zip(PLACES, words, strict=True):
            spans.append((column, column + len(said), place.name, said))
            column += len(said)
        return spans

    def on_click(self, event: events.Click) -> None:
        """Open the screen that was clicked."""
        for start, end, name, _said in self._spans():
            if start <= event.x < end:
                self.app.switch_mode(name)
