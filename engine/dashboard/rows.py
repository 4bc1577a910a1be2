"""A table that is shown again and again: of it the lines that are seen are drawn, and of these the ones that have changed.

Owns the lines and the cursor, which stays on its row when others come and go. Which columns have room is the business of
`columns`, what stands in them of the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.dashboard.columns import PAD, Cell, Heading, fitting, widest
from engine.dashboard.figures import Tone

__all__ = ["Cell", "Heading", "Row", "Rows"]

#: Lines that are kept as they were drawn, some screens of them.
KEPT = 512


class Row(NamedTuple):
    """One row. key: what it is about, unique in the table.  cells: as many as there are headings."""

    key: str
    cells: Sequence[Cell]


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """The table, under a line of headings. Left and right are free for the time."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--header", "rows--cursor", "rows--hover"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", show=False),
        Binding("up,k", "cursor(-1)", "Up", show=False),
        Binding("down,j", "cursor(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("g,ctrl+home", "edge(True)", "Top", show=False),
        Binding("G,ctrl+end", "edge(False)", "Bottom", show=False),
    ]

    class Highlighted(Message):
        """The cursor is on another row. key: of it, None where there is none."""

        def __init__(self, key: str | None) -> None:
            super().__init__()
            self.key = key

    class Selected(Highlighted):
        """More of a row is wanted."""

    def __init__(self, headings: Sequence[Heading], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._headings = tuple(headings)
        self._rows: dict[str, tuple[Cell, ...]] = {}
        self._keys: list[str] = []
        #: The columns that have room now, by their place among the headings, each with its width.
        self._columns: dict[int, int] = {}
        self._width = 0
        self._cursor, self._hover = 0, -1
        self._drawn: dict[tuple[object, ...], Strip] = {}
        self._base: Style | None = None

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.notify_style_update())
        self._lay({})

    # -- what it holds -------------------------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._keys)

    @property
    def keys(self) -> Sequence[str]:
        """What they are about, in their order."""
        return tuple(self._keys)

    @property
    def titles(self) -> list[str]:
        """The headings that have room."""
        return [self._headings[at].title for at in self._columns]

    def texts(self, key: str) -> list[str]:
        """The cells of a row under them, as they are read. Raises KeyError."""
        return [_text(self._rows[key][at]) for at in self._columns]

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self._cursor] if self._cursor < len(self._keys) else None

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows in their order; lines that look the same are left alone."""
        wanted = {row.key: tuple(row.cells) for row in rows}
        before = self._rows
        if wanted == before and list(wanted) == self._keys:
            return
        if list(wanted) != self._keys or self._fit(wanted) != self._columns:
            self._lay(wanted)
            return
        self._rows = wanted
        for at, key in enumerate(self._keys):
            if before[key] != wanted[key]:
                self._refresh_row(at)

    def _lay(self, wanted: dict[str, tuple[Cell, ...]]) -> None:
        """Lay all rows anew: some are new, gone or in another place, or there is other room."""
        chosen = self.chosen
        self._rows, self._keys = wanted, list(wanted)
        columns = self._fit(wanted)
        if columns != self._columns:
            self._columns = columns
            self._drawn.clear()
        self._cursor = self._keys.index(chosen) if chosen in wanted else max(min(self._cursor, len(wanted) - 1), 0)
        self._width = sum(columns.values()) + PAD * len(columns)
        # a width that has room is no matter of the layout: figures that get longer do not have the screen laid out anew
        self.virtual_size = Size(self._width if self._width > self.size.width else 0, len(wanted) + 1)
        self.refresh()
        if self.chosen != chosen:
            self.post_message(self.Highlighted(self.chosen))

    def _fit(self, rows: dict[str, tuple[Cell, ...]]) -> dict[int, int]:
        """The columns that have room; where it lasts they stay as wide as they were, so that they do not jump to and fro."""
        room = self.size.width - self.scrollbar_size_vertical - PAD if self.size.width else None
        columns = fitting(self._headings, widest(self._headings, rows.values()), room)
        stayed = {at: max(width, self._columns.get(at, 0)) for at, width in columns.items()}
        is_same = columns.keys() == self._columns.keys()
        return stayed if is_same and (room is None or sum(stayed.values()) + PAD * len(stayed) <= room) else columns

    def on_resize(self, _event: events.Resize) -> None:
        """Show the columns that have room now."""
        self._drawn.clear()
        self._lay(self._rows)

    # -- the cursor ----------------------------------------------------------------------------------------------------

    def move_cursor(self, *, row: int, is_seen: bool = True) -> None:
        """Choose a row. is_seen: whether it is scrolled to."""
        before, chosen = self._cursor, self.chosen
        self._cursor = max(min(row, len(self._keys) - 1), 0)
        for at in {before, self._cursor}:
            self._refresh_row(at)
        if is_seen:
            line = Region(round(self.scroll_x), self._cursor + 1, self.size.width, 1)
            self.scroll_to_region(line, animate=False, spacing=Spacing(1, 0, 0, 0), force=True)
        if self.chosen != chosen:
            self.post_message(self.Highlighted(self.chosen))

    def action_select_cursor(self) -> None:
        """Have more of the chosen row."""
        if self.chosen is not None:
            self.post_message(self.Selected(self.chosen))

    def action_cursor(self, by: int) -> None:
        """To the next row, or to the one before."""
        self._set_hover(-1)
        self.move_cursor(row=self._cursor + by)

    def action_page(self, by: int) -> None:
        """A page forth or back."""
        self._set_hover(-1)
        page = max(self.size.height - 1, 1)
        self.scroll_relative(y=by * page, animate=False, force=True)
        self.move_cursor(row=self._cursor + by * page)

    def action_edge(self, is_first: bool) -> None:
        """To the first row, or to the last."""
        self._set_hover(-1)
        self.move_cursor(row=0 if is_first else len(self._keys) - 1)

    def _row_of(self, event: events.MouseEvent) -> int:
        """The row under the mouse; -1 for none."""
        offset = event.get_content_offset(self)
        row = -1 if offset is None or offset.y == 0 else offset.y - 1 + round(self.scroll_y)
        return row if row < len(self._keys) else -1

    def on_click(self, event: events.Click) -> None:
        """Choose a row; have more of the one that is chosen."""
        row = self._row_of(event)
        if row < 0:
            return
        event.stop()
        if row == self._cursor:
            self.action_select_cursor()
        else:
            self.move_cursor(row=row)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show what a click would choose."""
        self._set_hover(self._row_of(event))

    def on_leave(self) -> None:
        """Nothing would be chosen."""
        self._set_hover(-1)

    def _set_hover(self, row: int) -> None:
        before, self._hover = self._hover, row
        for at in {before, row} if before != row else ():
            self._refresh_row(at)

    # -- drawing -------------------------------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Draw in other colours."""
        super().notify_style_update()
        self._drawn.clear()
        self.refresh()

    def _refresh_row(self, row: int) -> None:
        line = row + 1 - round(self.scroll_y)
        if row >= 0 and 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """A line of what is seen: the headings, then rows."""
        base, row = self.rich_style, y - 1 + round(self.scroll_y)
        if base != self._base or len(self._drawn) > KEPT:
            self._base = base
            self._drawn.clear()
        if y and row >= len(self._keys):
            return Strip.blank(self.size.width, base)
        left = round(self.scroll_x)
        is_chosen, is_hovered = y > 0 and row == self._cursor, y > 0 and row == self._hover
        cells = self._rows[self._keys[row]] if y else None
        known = cells, is_chosen, is_hovered
        strip = self._drawn.get(known)
        if strip is None:
            if cells is None:
                strip = self._head()
            else:
                strip = self._line(cells, base + self._row_style(is_chosen=is_chosen, is_hovered=is_hovered))
            self._drawn[known] = strip
        return strip.crop_extend(left, left + self.size.width, base)

    def _row_style(self, *, is_chosen: bool, is_hovered: bool) -> Style:
        style = self.get_component_rich_style("rows--hover") if is_hovered else Style.null()
        return style + self.get_component_rich_style("rows--cursor") if is_chosen else style

    def _head(self) -> Strip:
        style = self.get_component_styles("rows--header").rich_style
        return self._strip([(heading.title, style) for heading in self._headings], style)

    def _line(self, cells: Sequence[Cell], style: Style) -> Strip:
        parts = [(cell, "") if isinstance(cell, str) else cell for cell in cells]
        return self._strip([(text, style + self._style(tone)) for text, tone in parts], style)

    def _strip(self, texts: Sequence[tuple[str, Style]], style: Style) -> Strip:
        """A line of texts in their columns, as wide as the table at least."""
        parts: list[Segment] = []
        for at, width in self._columns.items():
            text, own = texts[at]
            if cell_len(text) > width:
                text = f"{set_cell_size(text, width - 1)}…"
            text = " " * (width - cell_len(text)) + text if self._headings[at].is_right else set_cell_size(text, width)
            parts += [Segment(" ", style), Segment(text, own), Segment(" ", style)]
        return Strip([*parts, Segment(" " * max(self.size.width - self._width, 0), style)]).simplify()

    def _style(self, tone: Tone) -> Style:
        """A tone in the colours of the theme."""
        if tone in ("", "bold"):
            return Style(bold=bool(tone))
        colour = Color.parse(self.app.theme_variables[tone])
        return Style(bold=tone != "muted", color=None if colour.ansi is not None else colour.rich_color)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]
