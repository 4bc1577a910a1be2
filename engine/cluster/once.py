"""Lines that are told once, however often there is reason to.

Owns which ones were told, the newest of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Once"]

#: Lines that are remembered.
LINES = 100


class Once:
    """Tells a line, unless it was among the newest. told: hears it."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._lines: deque[str] = deque(maxlen=LINES)

    def __call__(self, line: str) -> None:
        """Tell a line."""
        if line not in self._lines:
            self._lines.append(line)
            self._told(line)
