"""Headings of a page of help: which lines they are, and how a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cli.screen import Screen

__all__ = ["painted"]

#: Characters of the longest heading.
HEADING_CHARS = 40


def painted(text: str, screen: Screen) -> str:
    """A page with its headings in bold, where the screen has that."""
    return "\n".join(_painted(text.splitlines(), screen)) + "\n"


def _painted(lines: list[str], screen: Screen) -> Iterator[str]:
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        is_heading = 0 < len(line) <= HEADING_CHARS and line[0] not in " -" and line[-1] not in ".:," and after.startswith("  ")
        yield screen.paint(line, "bold") if is_heading else line
