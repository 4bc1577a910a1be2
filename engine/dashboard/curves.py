"""Curves: one in a line, and one with axes where there is room.

Owns their drawing; the points come from the history.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.color import Color
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual, visualize
from textual.widget import Widget
from textual_plotext import PlotextPlot

from engine.dashboard.area import area
from engine.dashboard.history import SPAN_S
from engine.dashboard.spark import spark

__all__ = ["Plot", "Trend", "ceiling"]

#: Points of a plot, one for four seconds: more cost more to draw than they tell.
POINTS = 75
#: The places of the marks on an axis, as shares of it.
HALVES = [0, 0.5, 1]


class Trend(Widget):
    """A name, a curve as wide as there is room, and the newest value."""

    def __init__(self, name: str, form: Callable[[float | None], str], *, id: str) -> None:
        super().__init__(id=id, classes="trend")
        self._title = name
        self._form = form
        self._values: Sequence[float | None] = ()

    @property
    def columns(self) -> int:
        """How many values have room."""
        return max(self.size.width - 25, 1)

    def show(self, values: Sequence[float | None]) -> None:
        """Draw these values, the newest last."""
        if list(values) != list(self._values):
            self._values = values
            self.refresh()

    def render(self) -> Content:
        """The line."""
        return Content.assemble(
            (f"{self._title:<12}", "$muted"),
            (spark(self._values), "$accent"),
            (f"{self._form(self._values[-1] if self._values else None):>11}", "bold"),
        )


class Plot(PlotextPlot):
    """A curve with axes. title: what it is of.  colour: the name of a colour that the theme has.  form: its values as text.

    least: what the top of it stands for, at least.
    """

    def __init__(self, title: str, colour: str, form: Callable[[float | None], str], least: float, *, id: str) -> None:
        super().__init__(id=id, classes="panel plot")
        self.border_title = title
        self._colour = colour
        self._form = form
        self._least = least
        self._until = self._newest = ""
        self._values: list[float | None] = []
        self._top = least
        #: Its lines, and the place and the colours that they were drawn for.
        self._lines: list[Strip] = []
        self._drawn_for: tuple[Size, Style] | None = None
        #: The axes alone, and what they were drawn for.
        self._axes: list[Strip] = []
        self._axes_for: object = None

    columns = POINTS

    def show(self, values: Sequence[float | None], until: str) -> bool:
        """Draw these values over some minutes, the newest last; returns whether they look different now.

        until: what the time is called up to which they go.
        """
        if not self.differs(values, until):
            return False
        self._values, self._until = list(values), until
        self._draw()
        return True

    def differs(self, values: Sequence[float | None], until: str) -> bool:
        """Whether it would look different with these."""
        return (list(values), until) != (self._values, self._until)

    def lag(self, value: float | None) -> float:
        """How far its end is from a value, as a share of its height; 1 at most."""
        drawn = self._values[-1] if self._values else None
        if value is None or drawn is None:
            return float(value is not drawn)
        return min(abs(value - drawn) / self._top, 1.0)

    def on_mount(self) -> None:
        """Follow the theme."""
        super().on_mount()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())
        self._draw()

    def _recolour(self) -> None:
        self._axes_for = None
        self._draw()

    def name_newest(self, text: str) -> None:
        """Say what the newest value is, under the curve."""
        if text != self._newest:
            self._newest = self.border_subtitle = text

    def render_line(self, y: int) -> Strip:
        """One line of it, as it was drawn: what changes around it changes nothing in it."""
        wanted = self.size, self.visual_style
        if wanted != self._drawn_for:
            self._lines = self._picture(self.size)
            self._drawn_for = wanted
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        """Have it drawn anew."""
        self._drawn_for = None
        self._top = ceiling(max((value for value in self._values if value is not None), default=0.0), self._least)
        self.refresh()

    def _picture(self, size: Size) -> list[Strip]:
        """The lines: the axes are drawn by plotext where they are others, and the area is put between them."""
        marks = tuple(self._form(share * self._top) for share in HALVES)
        is_known = any(value is not None for value in self._values)
        wanted = size, self.visual_style, marks, self._until, is_known
        if wanted != self._axes_for:
            self._set_axes(marks, is_known=is_known)
            visual = visualize(self, self.render())
            self._axes = Visual.to_strips(self, visual, size.width, size.height, self.visual_style)
            self._axes_for = wanted
        left = max(map(len, marks))
        if not is_known or size.width <= left or size.height < 2:
            return self._axes
        rows = area(self._values, self._top, size.width - left, size.height - 1)
        colour = Color.parse(self.app.theme_variables[self._colour])
        lit = RichStyle(color=None if colour.ansi is not None else colour.rich_color)
        drawn = [self._between(axis, left, row, lit) for axis, row in zip(self._axes, rows, strict=False)]
        return [*drawn, *self._axes[len(drawn) :]]

    def _between(self, axis: Strip, left: int, row: str, lit: RichStyle) -> Strip:
        """A line of the axes with a line of the area behind its mark."""
        mark, empty = axis.divide([left, axis.cell_length])
        style = next(iter(empty)).style or RichStyle.null()
        runs = [Segment("".join(signs), style if is_empty else style + lit) for is_empty, signs in groupby(row, " ".__eq__)]
        return Strip([*mark, *runs], axis.cell_length)

    def _set_axes(self, marks: tuple[str, ...], *, is_known: bool) -> None:
        plot = self.plt
        plot.clear_data()
        plot.clear_figure()
        variables = self.app.theme_variables
        ground = _rgb(variables["background"])
        plot.canvas_color(ground)
        plot.axes_color(ground)
        plot.ticks_color(_rgb(variables["muted"]))
        span_min = SPAN_S / 60
        plot.xlim(0, 1)
        plot.xticks(HALVES, [f"-{span_min:g} min", f"-{span_min / 2:g}", self._until])
        plot.ylim(0, 1)
        plot.yticks(HALVES, list(marks))
        if is_known:
            plot.scatter([1], [1], marker=" ")  # axes of nothing are not drawn
        plot.frame(False)


def ceiling(highest: float, least: float) -> float:
    """The next round number that is not lower, and whose half is round: 2, 4, 6, 8 or 10 times a power of ten."""
    wanted = max(highest, least)
    power = 10.0 ** math.floor(math.log10(wanted))
    if wanted <= power:
        return power
    return next(figure * power for figure in (2.0, 4.0, 6.0, 8.0, 10.0) if figure * power >= wanted * (1 - 1e-9))


def _rgb(text: str) -> tuple[int, int, int] | str:
    """A colour as plots have it."""
    colour = Color.parse(text)
    return "default" if colour.ansi is not None else colour.rgb
