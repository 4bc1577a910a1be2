"""A box of cells: a name at the left, a figure at the right.

Owns the drawing, and that only the lines of cells that have changed are drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from engine.dashboard.figures import Figure, Tone

__all__ = ["Panel", "style_of"]

#: What a tone is drawn in; also without colour it differs.
STYLES: dict[Tone, str] = {
    "": "",
    "bold": "bold",
    "muted": "$muted",
    "accent": "$accent bold",
    "success": "$success bold",
    "warning": "$warning bold",
    "error": "$error bold",
}


def style_of(tone: Tone) -> str:
    """The style of a tone."""
    return STYLES[tone]


class Panel(Widget):
    """The box. title: over it.  goto: the name of the screen that a click opens, empty for none."""

    def __init__(self, title: str, *, id: str, goto: str = "") -> None:
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._goto = goto
        self.figures: tuple[Figure, ...] = ()

    def show(self, figures: Sequence[Figure]) -> None:
        """Show these cells."""
        before, self.figures = self.figures, tuple(figures)
        if len(before) != len(self.figures):
            self.refresh()
            return
        width = self.size.width
        changed = [
            Region(0, at, width, 1) for at, (old, new) in enumerate(zip(before, self.figures, strict=True)) if old != new
        ]
        if changed:
            self.refresh(*changed)

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join([self._line(figure) for figure in self.figures])

    def _line(self, figure: Figure) -> Content:
        room = self.size.width - cell_len(figure.text)
        name = figure.name if len(figure.name) < room else figure.name[: max(room - 1, 0)]
        return Content.assemble((name, "$muted"), " " * max(room - len(name), 0), (figure.text, style_of(figure.tone)))

    def on_click(self) -> None:
        """Go where more of it is to be seen."""
        if self._goto:
            self.app.switch_mode(self._goto)
