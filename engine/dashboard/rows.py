"""A table that is shown again and again: only what has changed is drawn.

Owns the way from rows to cells: which rows are new, which are gone, which cells differ, which columns have room. The cursor
stays on its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.widgets import DataTable

from engine.dashboard.figures import Tone

__all__ = ["Cell", "Heading", "Row", "Rows"]

#: A cell: plain text, or a text and its tone. What agents and users wrote is cleaned before it comes here.
Cell = str | tuple[str, Tone]


class Heading(NamedTuple):
    """A column. rank: columns of the highest rank go first where there is no room; 0 stays always.

    least: the width to which it may be cut where there is no room; 0 is never cut.
    """

    title: str
    is_right: bool = False
    rank: int = 0
    least: int = 0


class Row(NamedTuple):
    """One row. key: what it is about, unique in the table.  cells: as many as there are headings."""

    key: str
    cells: Sequence[Cell]


class Rows(DataTable[Text], inherit_bindings=False):
    """A table of whole rows. Left and right are free for the time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", show=False),
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("g,ctrl+home", "scroll_top", "Top", show=False),
        Binding("G,ctrl+end", "scroll_bottom", "Bottom", show=False),
    ]

    def __init__(self, headings: Sequence[Heading], *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=1, cursor_foreground_priority="renderable")
        self._headings = tuple(headings)
        #: The columns that have room now, by their place among the headings.
        self._fitting: tuple[int, ...] = ()
        self._rows: dict[str, tuple[Cell, ...]] = {}
        #: The width that each of them may have.
        self._allotted: dict[int, int] = {}

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._lay(self._rows))
        self._lay({})

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows in their order; cells that look the same are left alone."""
        wanted = {row.key: tuple(row.cells) for row in rows}
        before = self._rows
        if list(wanted) != list(before) or self._fit(wanted) != self._fitting:
            self._lay(wanted)
            return
        self._rows = wanted
        for key, cells in wanted.items():
            for at in self._fitting:
                if before[key][at] != cells[at]:
                    self.update_cell(key, self._headings[at].title, self._cell(at, cells[at]), update_width=True)

    def _lay(self, wanted: dict[str, tuple[Cell, ...]]) -> None:
        """Lay all rows anew: some are new, gone or in another place, or there is other room."""
        chosen, row, top = self.chosen, self.cursor_row, self.scroll_y
        fitting = self._fit(wanted)
        self._rows = wanted
        self.clear(columns=fitting != self._fitting)
        if fitting != self._fitting:
            self._fitting = fitting
            for at in fitting:
                heading = self._headings[at]
                self.add_column(Text(heading.title, justify="right" if heading.is_right else "left"), key=heading.title)
        for key, cells in wanted.items():
            self.add_row(*(self._cell(at, cells[at]) for at in fitting), key=key)
        if wanted:
            self.move_cursor(row=self.get_row_index(chosen) if chosen in wanted else min(row, len(wanted) - 1), scroll=False)
            self.scroll_to(y=top, animate=False)

    def _fit(self, rows: dict[str, tuple[Cell, ...]]) -> tuple[int, ...]:
        """The columns that have room: those of the highest rank are left out first, and come back where they still fit."""
        widths = [cell_len(heading.title) for heading in self._headings]
        for cells in rows.values():
            for at, cell in enumerate(cells):
                widths[at] = max(widths[at], cell_len(cell if isinstance(cell, str) else cell[0]))
        room = self.size.width - self.scrollbar_size_vertical - 2 if self.size.width else sum(widths) + 2 * len(widths)
        allotted: dict[int, int] = {}
        for at in sorted(range(len(widths)), key=lambda at: self._headings[at].rank):
            heading = self._headings[at]
            least = min(widths[at], max(heading.least, cell_len(heading.title)) if heading.least else widths[at])
            if not heading.rank or least + 2 <= room:
                allotted[at] = widths[at] if widths[at] + 2 <= room else least if not heading.rank else max(room - 2, least)
                room -= allotted[at] + 2
        self._allotted = allotted
        return tuple(sorted(allotted))

    def on_resize(self, _event: events.Resize) -> None:
        """Show the columns that have room now."""
        if self._fit(self._rows) != self._fitting:
            self._lay(self._rows)

    def _cell(self, at: int, cell: Cell) -> Text:
        text, tone = (cell, "") if isinstance(cell, str) else cell
        if self._headings[at].least and cell_len(text) > self._allotted[at]:
            text = text[: self._allotted[at] - 1] + "…"
        justify = "right" if self._headings[at].is_right else "left"
        return Text(text, style=self._style(tone), justify=justify, no_wrap=True, end="")  # type: ignore[arg-type]

    def _style(self, tone: Tone) -> Style:
        """A tone in the colours of the theme."""
        if tone in ("", "bold"):
            return Style(bold=bool(tone))
        colour = Color.parse(self.app.theme_variables[tone])
        return Style(bold=tone != "muted", color=None if colour.ansi is not None else colour.rich_color)
