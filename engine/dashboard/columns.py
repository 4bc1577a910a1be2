"""The columns of a table: which have room, and how wide each is.

Owns that choice; pure. Columns that matter least go first where there is no room, and some may be cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from engine.dashboard.figures import Tone

__all__ = ["PAD", "Cell", "Heading", "fitting", "widest"]

#: A cell: plain text, or a text and its tone. What agents and users wrote is cleaned before it comes here.
Cell = str | tuple[str, Tone]
#: Cells of the screen that a column has beside its text: one at each side.
PAD = 2


class Heading(NamedTuple):
    """A column. rank: columns of the highest rank go first where there is no room; 0 stays always.

    least: the width to which it may be cut where there is no room; 0 is never cut.
    """

    title: str
    is_right: bool = False
    rank: int = 0
    least: int = 0


def widest(headings: Sequence[Heading], rows: Iterable[Sequence[Cell]]) -> list[int]:
    """The width that each column would take."""
    widths = [cell_len(heading.title) for heading in headings]
    for cells in rows:
        for at, cell in enumerate(cells):
            width = cell_len(cell if isinstance(cell, str) else cell[0])
            if width > widths[at]:
                widths[at] = width
    return widths


def fitting(headings: Sequence[Heading], widths: Sequence[int], room: int | None) -> dict[int, int]:
    """The columns that have room, by their place, each with its width.

    Those of the highest rank are left out first, and come back where they still fit.

    widths: that they would take.  room: the width of the table, None where it is not known.
    """
    left = sum(widths) + PAD * len(widths) if room is None else room
    allotted: dict[int, int] = {}
    for at in sorted(range(len(widths)), key=lambda at: headings[at].rank):
        heading, wanted = headings[at], widths[at]
        least = min(wanted, max(heading.least, cell_len(heading.title)) if heading.least else wanted)
        if not heading.rank or least + PAD <= left:
            allotted[at] = wanted if wanted + PAD <= left else least if not heading.rank else max(left - PAD, least)
            left -= allotted[at] + PAD
    return dict(sorted(allotted.items()))
