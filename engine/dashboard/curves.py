"""Curves: one in a line, and one with axes where there is room.

Owns their drawing; the points come from the history.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self._draw()

    def name_newest(self, text: str) -> None:
        """Say what the newest value is, under the curve."""
        if text != self._newest:
            self._newest = self.border_subtitle = text

    def render_line(self, y: int) -> Strip:
        """One line of it, as it was drawn: what changes around it changes nothing in it."""
        wanted = self.size, self.visual_style
        if wanted != self._drawn_for:
            self._fill(self.size)
            visual = visualize(self, self.render())
            self._lines = Visual.to_strips(self, visual, self.size.width, self.size.height, self.visual_style)
            self._drawn_for = wanted
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        """Have it drawn anew."""
        self._drawn_for = None
        self._top = ceiling(max((value for value in self._values if value is not None), default=0.0), self._least)
        self.refresh()

    def _fill(self, size: Size) -> None:
        """Tell plotext what to draw: an area of characters, as it takes long for one of dots."""
        plot = self.plt
        plot.clear_data()
        plot.clear_figure()
        variables = self.app.theme_variables
        ground, line = _rgb(variables["background"]), _rgb(variables["muted"])
        plot.canvas_color(ground)
        plot.axes_color(ground)
        plot.ticks_color(line)
        span_min = SPAN_S / 60
        plot.xlim(0, 1)
        plot.xticks([0, 0.5, 1], [f"-{span_min:g} min", f"-{span_min / 2:g}", self._until])
        marks = [self._form(share * self._top) for share in (0, 0.5, 1)]
        plot.ylim(0, 1)
        plot.yticks([0, 0.5, 1], marks)
        columns, rows = size.width - max(map(len, marks)), size.height - 1  # beside the marks, above the time
        if columns > 1 and rows > 1:
            lines = area(self._values, self._top, columns, rows)
            signs = [(x, y, sign) for y, row in enumerate(lines) for x, sign in enumerate(row) if sign != " "]
            if signs:
                across, down, markers = zip(*signs, strict=True)
                shares = [x / (columns - 1) for x in across], [1 - y / (rows - 1) for y in down]
                plot.scatter(*shares, marker=markers, color=_rgb(variables[self._colour]))  # type: ignore[arg-type] - a sign each
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
