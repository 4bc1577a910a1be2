"""The overview: how the swarm does, in one look.

Owns the arrangement of its panels, more of them where there is more room; what stands in a cell is the business of `figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from textual.containers import Grid, Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from engine.dashboard.board import Board
from engine.dashboard.cells import ago, count, percent
from engine.dashboard.curves import Plot, Trend
from engine.dashboard.figures import Alert, alerts, panels, performers
from engine.dashboard.hanging import Hanging, Hung
from engine.dashboard.history import SPEED
from engine.dashboard.panel import Panel, style_of
from engine.dashboard.scroll import Scroll
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.told import Told

__all__ = ["OverviewBoard"]

OVERVIEW = want("overview")
#: The panels of figures: what each is called, and the screen that shows more of it.
PANELS = {
    "agents": ("AGENTS", "agents"),
    "tasks": ("TASKS", "tasks"),
    "performance": ("PERFORMANCE", "workers"),
    "resources": ("RESOURCES", "workers"),
    "cost": ("COST", "sprints"),
    "impact": ("IMPACT", "sprints"),
}
#: Seconds by which the time that is shown jumps where another one is looked at.
JUMP_S = 5.0
#: The share of its height by which a plot that waits for its turn is taken to lag more with each look.
WAIT = 0.25


def _speed(per_s: float | None) -> str:
    return count(per_s) if per_s is None else f"{count(per_s)}/s"


#: The figures that have a plot, and how their newest value is said.
PLOTS: dict[str, Callable[[float | None], str]] = {SPEED: _speed, "queue": count, "errors_per_min": count, "cpu": percent}
#: Those that have a line where there is no room for plots.
TRENDS = (SPEED, "queue")


class OverviewBoard(Board):
    """The first screen."""

    def __init__(self) -> None:
        super().__init__()
        self._document = EMPTY
        #: How many looks each plot has waited; of what time they were drawn, and how many points were known of it then.
        self._waited = dict.fromkeys(PLOTS, 0)
        self._drawn_s = 0.0
        self._drawn_points = 0

    def wants(self) -> Sequence[Want]:
        """The overview alone."""
        return (OVERVIEW,)

    def body(self) -> Iterable[Widget]:
        """The panels; where they have no room, they are scrolled."""
        top = VerticalScroll(Told(id="top-lines"), id="top", classes="panel", can_focus=False)
        top.border_title = "TOP PERFORMERS"
        told = VerticalScroll(Told(id="alert-lines"), id="alerts", classes="panel", can_focus=False)
        told.border_title = "ALERTS"
        yield Scroll(
            Grid(*(Panel(title, id=name, goto=goto) for name, (title, goto) in PANELS.items()), id="figures"),
            Trend("Tasks/s", _speed, id="speed"),
            Trend("Queue", count, id="queue"),
            Horizontal(
                Plot("TASKS / S", "accent", count, 2.0, id="speed-plot"),
                Plot("QUEUE", "secondary", count, 2.0, id="queue-plot"),
                Plot("ERRORS / MIN", "error", count, 2.0, id="errors_per_min-plot"),
                Plot("CPU", "success", percent, 0.2, id="cpu-plot"),
                id="plots",
            ),
            Horizontal(top, told, id="below"),
            id="overview",
        )

    def on_mount(self) -> None:
        """The panels are scrolled by keys."""
        self.query_one("#overview").focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the cells."""
        self._document = documents[OVERVIEW]
        overview = self._document.value
        for name, figures in panels(overview).items():
            self.query_one(f"#{name}", Panel).show(figures)
        self.query_one("#top-lines", Told).tell(Content("\n".join(performers(overview))))
        rows = alerts(overview)
        if overview is None and self._document.error is not None:
            rows = [Alert("\N{BALLOT X}", "ERROR", str(self._document.error), "error", None)]
        self.query_one("#alert-lines", Told).tell(Hanging(map(self._alert, rows)))
        self._draw_curves()

    def _alert(self, row: Alert) -> Hung:
        since = "" if row.since_s is None else f"  for {ago(self.stage.now_s - row.since_s)}"
        return Content.assemble((f"{row.sign} {row.word:<5}", style_of(row.tone)), " "), Content(row.text + since)

    def _draw_curves(self) -> None:
        """The curves that there is room for."""
        history, end_s = self.stage.history, self.stage.now_s
        if not self.query_one("#plots").display:
            for name in TRENDS:
                trend = self.query_one(f"#{name}", Trend)
                trend.show(history.curve(name, end_s, trend.columns))
            return
        # a curve that goes on is drawn in its turn, one a look, as each costs more than all the rest of a frame; all of them
        # are where something else is seen now: another time, or the minutes before
        is_other = abs(end_s - self._drawn_s) > JUMP_S or len(history.within(self._drawn_s)) > self._drawn_points
        self._drawn_s, self._drawn_points = end_s, len(history.within(end_s))
        until = "now" if self.stage.is_now else "then"
        due: dict[str, float] = {}
        for name, form in PLOTS.items():
            plot = self.query_one(f"#{name}-plot", Plot)
            if not plot.display:
                continue
            now = history.newest(name, end_s)
            plot.name_newest(form(now))
            if is_other:
                plot.show(history.curve(name, end_s, plot.columns), until)
            elif plot.differs(history.curve(name, end_s, plot.columns), until):
                self._waited[name] += 1
                due[name] = plot.lag(now) + WAIT * self._waited[name]
        if due:
            name = max(due, key=lambda one: due[one])
            plot = self.query_one(f"#{name}-plot", Plot)
            plot.show(history.curve(name, end_s, plot.columns), until)
            self._waited[name] = 0

    def on_resize(self) -> None:
        """Draw the curves that there is room for now."""
        if self.is_ready:
            self.call_after_refresh(self._redraw)

    def _redraw(self) -> None:
        if self.is_ready:
            self.show({OVERVIEW: self._document})
