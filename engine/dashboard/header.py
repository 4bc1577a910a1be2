"""The header: which engine, its sprint, how old what is seen is.

Owns its two lines. They are looked at four times a second: the time that is left runs on between two documents.
"""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from engine.dashboard.instant import Instant
from engine.dashboard.panel import style_of
from engine.dashboard.spark import bar

__all__ = ["TITLE", "Header"]

TITLE = "MICRO-AGILE SWARM MONITOR"
#: Columns of the bar of a sprint at most: a longer one tells no more.
BAR = 60


class Header(Widget):
    """Two lines over all screens."""

    class StateClicked(Message):
        """Somebody has clicked at how old this is."""

    def __init__(self) -> None:
        super().__init__()
        self.instant: Instant | None = None

    def show(self, instant: Instant) -> None:
        """Draw what is told now, the lines that look different."""
        before, self.instant = self.instant, instant
        if before is None:
            self.refresh()
        elif before != instant:
            width = self.size.width
            is_first = before[:3] != instant[:3]
            is_second = before[3:] != instant[3:]
            self.refresh(*[Region(0, at, width, 1) for at, has in enumerate((is_first, is_second)) if has])

    def render(self) -> Content:
        """The lines."""
        instant = self.instant
        if instant is None:
            return Content(f" {TITLE}")
        return Content("\n").join([self._engine_line(instant), self._sprint_line(instant)])

    def _engine_line(self, instant: Instant) -> Content:
        width = self.size.width
        state = f" {instant.state} "[:width]
        title = f" {TITLE}"
        title = title if cell_len(title) + cell_len(state) <= width else ""  # how old it is comes first
        room = width - cell_len(title) - cell_len(state)
        parts = list(instant.facts)
        while parts and cell_len(facts := "  " + " · ".join(parts)) > room:
            parts.pop()
        facts = facts if parts else ""
        pad = " " * max(room - cell_len(facts), 0)
        return Content.assemble((title, "bold $accent"), (facts, "$muted"), pad, (state, f"{style_of(instant.tone)} reverse"))

    def _sprint_line(self, instant: Instant) -> Content:
        if not instant.has_sprint:
            said = "no sprint runs" + (f", {instant.next}" if instant.next else "")
            return Content.assemble((f" {said}", "$muted"))
        parts = [(f" {instant.sprint}", "bold"), ("  ", ""), (instant.phase.upper(), "bold $accent")]
        parts += [(f" {instant.wave}".rstrip(), "$muted"), ("  ", ""), (instant.left, "bold"), (" left", "$muted")]
        if instant.next:
            parts.append((f"  {instant.next}", "$muted"))
        share = "" if instant.progress is None else f" {int(instant.progress * 100 + 1e-9):3d} %"
        room = self.size.width - sum(cell_len(text) for text, _ in parts) - 3 - max(len(share), 2)
        done, left = bar(instant.progress, max(min(room, BAR), 0))
        parts += [("  ", ""), (done, "$success"), (left, "$muted"), (share or " –", "bold")]
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Open the time."""
        if self.instant is not None and event.y == 0 and event.x >= self.size.width - cell_len(self.instant.state) - 2:
            self.post_message(self.StateClicked())
