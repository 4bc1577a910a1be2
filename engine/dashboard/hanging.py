"""Lines that begin with something, under which what has no room in a line does not go.

Owns the breaking: a sign, a name or a time stands alone at the left, and all of what it is about behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.visual import Visual

if TYPE_CHECKING:
    from textual.css.styles import RulesMap
    from textual.strip import Strip
    from textual.style import Style
    from textual.visual import RenderOptions

__all__ = ["Hanging", "Hung"]

#: Columns behind a beginning that make it worth to keep them: with fewer, what is broken begins at the left.
LEAST = 16
#: A beginning, and what stands behind it; or what has no beginning.
Hung = tuple[Content, Content] | Content


class Hanging(Visual):
    """Such lines, for a Static."""

    def __init__(self, rows: Iterable[Hung]) -> None:
        self.rows = tuple((Content(""), row) if isinstance(row, Content) else row for row in rows)
        #: As they were broken last: it is asked for their height, and then for themselves.
        self._broken: tuple[int, list[Content]] = (-1, [])

    def lines(self, width: int) -> list[Content]:
        """Them as lines of a width, in cells."""
        if self._broken[0] != width:
            self._broken = width, self._lines(width)
        return self._broken[1]

    def _lines(self, width: int) -> list[Content]:
        found: list[Content] = []
        for head, rest in self.rows:
            indent = head.cell_length
            if width - indent < LEAST:
                found += (head + rest).wrap(max(width, 1))
                continue
            first, *more = rest.wrap(width - indent) or [Content("")]
            found += [head + first, *(Content(" " * indent) + line for line in more)]
        return found

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        """See Visual."""
        return Content("\n").join(self.lines(width)).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """See Visual."""
        return max((head.cell_length + rest.cell_length for head, rest in self.rows), default=0)

    def get_height(self, rules: RulesMap, width: int) -> int:
        """See Visual."""
        return len(self.lines(width))
