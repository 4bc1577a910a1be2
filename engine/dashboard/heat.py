"""Each worker as one character: how busy it is by the height, by a letter what else is the matter.

Owns the row and its legend. Who sees no colour reads the heights and letters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.widget import Widget

from engine.dashboard.cells import said
from engine.dashboard.figures import Tone
from engine.dashboard.panel import style_of
from engine.dashboard.spark import spark

__all__ = ["Heat", "heat_of"]

#: Letters of what is the matter with a worker, the worst first, with their tones and what they mean.
LETTERS: dict[str, tuple[str, Tone]] = {
    "down": ("D", "error"),
    "backoff": ("B", "warning"),
    "starting": ("S", "warning"),
    "paused": ("P", "warning"),
    "stopped": ("X", "muted"),
}
#: The share of time from which on a worker is hot.
HOT = 0.85


def heat_of(worker: Mapping[str, Any]) -> tuple[str, Tone]:
    """A worker's character and its tone."""
    if worker["state"] != "running":
        return LETTERS.get(worker["state"], (str(worker["state"])[:1].upper(), "warning"))
    if worker.get("breaker") not in (None, "closed"):
        return "O", "error"
    busy = worker.get("busy")
    if busy is None:
        return "·", "muted"
    return spark([busy], 1.0), "warning" if busy >= HOT else "success" if busy > 0 else "muted"


class Heat(Widget):
    """A line for each pool, as many as have room; a legend where there is room for it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self.border_title = "WORKERS BY HEAT"
        self.border_subtitle = "height: busy  D down  B backoff  S starts  P paused  O breaker open"
        self.lines: tuple[tuple[str, tuple[tuple[str, Tone], ...]], ...] = ()

    def show(self, workers: Sequence[Mapping[str, Any]]) -> None:
        """Show these workers, in lines by their pools."""
        pools: dict[str, list[tuple[str, Tone]]] = {}
        for worker in workers:
            pools.setdefault(said(worker["pool"]), []).append(heat_of(worker))
        lines = tuple((pool, tuple(cells)) for pool, cells in pools.items())
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render(self) -> Content:
        """Pools beside each other, in as few lines as they have room in."""
        parts: list[Content] = []
        column = 0
        for pool, cells in self.lines:
            one = Content.assemble((f"{pool} ", "$muted"), *((text, style_of(tone)) for text, tone in cells), "   ")
            if column and column + one.cell_length > self.size.width:
                parts.append(Content("\n"))
                column = 0
            parts.append(one)
            column += one.cell_length
        return Content.assemble(*parts) if parts else Content("–")
