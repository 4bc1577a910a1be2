"""Rows under headings, as wide as they need to be, and no wider than the terminal.

Owns the layout. Where lines do not fit, columns that can be done without are left out, last ranked first, then texts that
may be cut are cut, then columns are left out from the right, and at last the first one is cut: no line is ever longer than the
terminal, which would break it. In a pipe nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.cli.screen import Screen, cells, clean

__all__ = ["Column", "table"]

#: Blanks between two columns.
GAP = "  "
#: Stands where text was cut off.
CUT = "…"


class Column(NamedTuple):
    """A column.

    least: columns of the terminal that a text may be cut to; 0 where it is never cut.
    rank: the highest goes first where there is no room; those with 0 go last, and the first column stays.
    style: of a cell, by its text.
    """

    title: str
    is_right: bool = False
    least: int = 0
    rank: int = 0
    style: Callable[[str], str | None] | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen) -> list[str]:
    """The lines of a table, its headings first."""
    safe = [[clean(cell) for cell in row] for row in rows]
    widths = [max([cells(column.title), *(cells(row[at]) for row in safe)]) for at, column in enumerate(columns)]
    shown = list(range(len(columns)))
    if screen.width is not None:
        shown = _chosen(columns, widths, screen.width)
        _narrow(columns, widths, shown, screen.width)
    head = _line([columns[at].title for at in shown], [columns[at] for at in shown], [widths[at] for at in shown], None)
    lines = [screen.paint(head, "bold")]
    for row in safe:
        picked = [columns[at] for at in shown]
        lines.append(_line([row[at] for at in shown], picked, [widths[at] for at in shown], screen))
    return lines


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[at] for at in shown) + len(GAP) * (len(shown) - 1)


def _least(columns: Sequence[Column], widths: Sequence[int]) -> list[int]:
    """The width that each column cannot go below."""
    return [min(width, column.least) if column.least else width for column, width in zip(columns, widths, strict=True)]


def _chosen(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The columns that are shown."""
    shown = list(range(len(columns)))
    least = _least(columns, widths)
    while _total(least, shown) > width and len(shown) > 1:
        shown.remove(max(shown[1:], key=lambda at: (columns[at].rank, at)))
    return shown


def _narrow(columns: Sequence[Column], widths: list[int], shown: Sequence[int], width: int) -> None:
    """Make the columns that may be cut narrower, the widest first, until the line fits."""
    least = _least(columns, widths)
    while (over := _total(widths, shown) - width) > 0:
        loose = [at for at in shown if widths[at] > least[at]]
        if not loose:
            widths[shown[0]] = max(width, 1)
            return
        widest = max(loose, key=lambda at: widths[at])
        widths[widest] = max(widths[widest] - over, least[widest])


def _line(texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int], screen: Screen | None) -> str:
    parts = []
    for text, column, width in zip(texts, columns, widths, strict=True):
        fitting = _fitting(text, width)
        blanks = " " * (width - cells(fitting))
        style = column.style(text) if column.style is not None and screen is not None else None
        painted = screen.paint(fitting, style) if screen is not None else fitting
        parts.append(blanks + painted if column.is_right else painted + blanks)
    return GAP.join(parts).rstrip()


def _fitting(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    left = width - 1
    for at, one in enumerate(text):
        left -= cells(one)
        if left < 0:
            return text[:at] + CUT
    return text + CUT
