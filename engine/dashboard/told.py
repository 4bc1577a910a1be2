"""Words that are told again and again: they are drawn where they are others, and laid out only where they have other lines.

Owns that comparison. A screen that is laid out anew costs many times what its words do.
"""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from engine.dashboard.hanging import Hanging

__all__ = ["Told"]


class Told(Static):
    """The words, as wide as its place and as high as they need."""

    _words: Hanging | None = None

    def tell(self, words: Content | Hanging) -> None:
        """Tell these from now on."""
        before, self._words = self._words, words if isinstance(words, Hanging) else Hanging([words])
        width = self.size.width
        if before is None or not width:
            self.update(words)
            return
        old, new = before.lines(width), self._words.lines(width)
        if len(old) != len(new):
            self.update(words)
        elif not all(one.is_same(other) for one, other in zip(old, new, strict=True)):
            self.update(words, layout=False)
