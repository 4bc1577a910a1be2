"""Many lines of text, of which those that are seen are drawn.

Owns the breaking of long ones, the scrolling, and that the end stays in sight for who looks at the end. What the lines say is
the business of their screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

__all__ = ["Line", "Lines"]


class Line(NamedTuple):
    """One line. head: its beginning in parts, each with a style; what is broken stands behind it.

    lead: what the text begins with, in bold.  text: the rest.
    """

    head: tuple[tuple[str, str], ...]
    lead: str
    text: str


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """The lines. It follows: while its end is seen, new lines are."""

    class Turned(Message):
        """It follows from now on, or no more."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("g,ctrl+home", "scroll_home", "Top", show=False),
        Binding("G,ctrl+end", "scroll_end", "Bottom", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()
        self._rows: list[Content] = []
        self.follows = True

    def show(self, lines: Sequence[Line]) -> None:
        """Show these; nothing is drawn where they are the same."""
        wanted = tuple(lines)
        if wanted != self.lines:
            self.lines = wanted
            self._lay()

    def on_resize(self, _event: events.Resize) -> None:
        """Break lines where they end now."""
        self._lay()

    def _lay(self) -> None:
        width = max(self.size.width - 1, 20)
        self._rows = [row for line in self.lines for row in _broken(line, width)]
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()
        if self.follows:
            self.call_after_refresh(self.scroll_end, animate=False)

    def follow(self, *, follows: bool) -> None:
        """Go to the end and stay there, or stay here."""
        self.follows = follows
        if follows:
            self.scroll_end(animate=False)

    def watch_scroll_target_y(self, before: float, after: float) -> None:
        """Follow while the end is looked at."""
        follows = after >= self.max_scroll_y
        if before != after and follows != self.follows:
            self.follows = follows
            self.post_message(self.Turned())

    def render_line(self, y: int) -> Strip:
        """One row of what is seen."""
        at = y + round(self.scroll_offset.y)
        if at >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        return Visual.to_strips(self, self._rows[at], self.size.width, 1, self.visual_style)[0]


def _broken(line: Line, width: int) -> list[Content]:
    """A line as rows of a width."""
    indent = sum(cell_len(text) for text, _ in line.head)
    first, *more = textwrap.wrap(f"{line.lead}  {line.text}", max(width - indent, 20)) or [line.lead]
    begun = Content.assemble(*line.head, (first[: len(line.lead)], "bold"), first[len(line.lead) :])
    return [begun, *(Content(" " * indent + text) for text in more)]
