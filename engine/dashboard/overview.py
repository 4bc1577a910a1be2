"""The overview: how the swarm does, in one look.

Owns the arrangement of its panels, more of them where there is more room; what stands in a cell is the business of `figures`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from textual.containers import Grid, Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.dashboard.board import Board
from engine.dashboard.cells import ago, count, percent
from engine.dashboard.curves import Plot, Trend, newest
from engine.dashboard.figures import Alert, alerts, panels, performers
from engine.dashboard.history import SPAN_S
from engine.dashboard.panel import Panel, style_of
from engine.dashboard.source import EMPTY, Document, Want, want

__all__ = ["OverviewBoard"]

OVERVIEW = want("overview")
#: Columns of an alert's sign and word; what is wrapped stands behind them.
LEFT = 8
#: The panels of figures: what each is called, and the screen that shows more of it.
PANELS = {
    "agents": ("AGENTS", "agents"),
    "tasks": ("TASKS", "tasks"),
    "performance": ("PERFORMANCE", "workers"),
    "resources": ("RESOURCES", "workers"),
    "cost": ("COST", "sprints"),
    "impact": ("IMPACT", "sprints"),
}
#: Seconds over which the newest value of a curve is taken.
LATELY_S = 5.0


def _speed(per_s: float | None) -> str:
    return count(per_s) if per_s is None else f"{count(per_s)}/s"


#: The figures that have a plot, and how their newest value is said.
PLOTS: dict[str, Callable[[float | None], str]] = {"speed": _speed, "queue": count, "errors_per_min": count, "cpu": percent}


class OverviewBoard(Board):
    """The first screen."""

    def __init__(self) -> None:
        super().__init__()
        self._document = EMPTY
        #: Which plot has the next turn; of what time they were drawn, and how many points were known of it then.
        self._turn = 0
        self._drawn_s = 0.0
        self._drawn_points = 0

    def wants(self) -> Sequence[Want]:
        """The overview alone."""
        return (OVERVIEW,)

    def body(self) -> Iterable[Widget]:
        """The panels."""
        yield Grid(*(Panel(title, id=name, goto=goto) for name, (title, goto) in PANELS.items()), id="figures")
        yield Trend("Tasks/s", _speed, id="speed")
        yield Trend("Queue", count, id="queue")
        yield Horizontal(
            Plot("TASKS / S", "accent", count, 2.0, id="speed-plot"),
            Plot("QUEUE", "secondary", count, 2.0, id="queue-plot"),
            Plot("ERRORS / MIN", "error", count, 2.0, id="errors_per_min-plot"),
            Plot("CPU", "success", percent, 0.2, id="cpu-plot"),
            id="plots",
        )
        top = VerticalScroll(Static(id="top-lines"), id="top", classes="panel", can_focus=False)
        top.border_title = "TOP PERFORMERS"
        told = VerticalScroll(Static(id="alert-lines"), id="alerts", classes="panel", can_focus=False)
        told.border_title = "ALERTS"
        yield Horizontal(top, told, id="below")

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the cells."""
        self._document = documents[OVERVIEW]
        overview = self._document.value
        for name, figures in panels(overview).items():
            self.query_one(f"#{name}", Panel).show(figures)
        self.query_one("#top-lines", Static).update(Content("\n".join(performers(overview))))
        rows = alerts(overview)
        if overview is None and self._document.error is not None:
            rows = [Alert("\N{BALLOT X}", "ERROR", str(self._document.error), "error", None)]
        self.query_one("#alert-lines", Static).update(Content("\n").join([self._alert(row) for row in rows]))
        self._draw_curves()

    def _alert(self, row: Alert) -> Content:
        since = "" if row.since_s is None else f"  for {ago(self.stage.now_s - row.since_s)}"
        width = max(self.query_one("#alerts").size.width - LEFT, LEFT)
        lines = textwrap.wrap(row.text + since, width) or [""]
        text = f"\n{' ' * LEFT}".join(lines)
        return Content.assemble((f"{row.sign} {row.word:<5}", style_of(row.tone)), f" {text}")

    def _draw_curves(self) -> None:
        """The curves that there is room for."""
        history, end_s = self.stage.history, self.stage.now_s
        if not self.query_one("#plots").display:
            trend = self.query_one("#speed", Trend)
            trend.show(history.speeds(end_s, trend.columns))
            trend = self.query_one("#queue", Trend)
            trend.show(history.values("queue", end_s, trend.columns))
            return
        # a curve that goes on is drawn in its turn, one a second, as each costs more than all the rest of a frame; all of them
        # are where something else is seen now: another time, or the minutes before
        is_other = abs(end_s - self._drawn_s) > LATELY_S or len(history.within(self._drawn_s)) > self._drawn_points
        self._drawn_s, self._drawn_points = end_s, len(history.within(end_s))
        for name in [*PLOTS][self._turn :] + [*PLOTS][: self._turn]:
            plot = self.query_one(f"#{name}-plot", Plot)
            if not plot.display:
                continue
            values = history.speeds if name == "speed" else partial(history.values, name)
            plot.border_subtitle = PLOTS[name](newest(values(end_s, 1, LATELY_S)))
            width_s = SPAN_S / plot.columns
            column_s = end_s // width_s * width_s
            has_changed = plot.show(values(column_s - 1e-3, plot.columns), "now" if self.stage.is_now else "then")
            if has_changed and not is_other:
                self._turn = ([*PLOTS].index(name) + 1) % len(PLOTS)
                break

    def on_resize(self) -> None:
        """Draw the curves that there is room for now."""
        if self.is_ready:
            self.call_after_refresh(self._redraw)

    def _redraw(self) -> None:
        if self.is_ready:
            self.show({OVERVIEW: self._document})
