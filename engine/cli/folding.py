"""A line of facts with a word at its left, in as many lines as the terminal needs.

Owns where such a line is broken: behind a comma or a semicolon, else at a blank, and never in the middle of a colour.
"""

from __future__ import annotations

import re

from engine.cli.screen import Screen, cells, clean

__all__ = ["folded"]

#: Columns that are left for the facts at least; on a terminal that is narrower the lines are as they are.
LEAST = 16

_PIECE = re.compile(r".*?[,;] |.+")


def folded(left: str, right: str, margin: int, screen: Screen) -> list[str]:
    """The lines of some facts. left: the word before them, in a margin of so many columns."""
    lines = [right]
    if screen.width is not None and screen.width - margin >= LEAST:
        lines = _lines(right, screen.width - margin)
    words = [left, *[""] * (len(lines) - 1)]
    return [f"{screen.paint(f'{word:<{margin}}', 'dim')}{line}" for word, line in zip(words, lines, strict=True)]


def _lines(text: str, width: int) -> list[str]:
    lines = [""]
    for piece in _PIECE.findall(text):
        if _cells(lines[-1] + piece) > width and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if _cells(piece) <= width:
            lines[-1] += piece
            continue
        for word in piece.split(" "):
            if _cells(lines[-1] + word) > width and lines[-1]:
                lines[-1] = lines[-1].rstrip()
                lines.append("")
            lines[-1] += f"{word} "
    return [line.rstrip() for line in lines]


def _cells(text: str) -> int:
    """Columns of a text that may have colours."""
    return cells(clean(text.rstrip()))
