"""A curve in one line of text.

Owns the eight heights; pure.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bar", "spark"]

HEIGHTS = "▁▂▃▄▅▆▇█"
#: What a column shows of which nothing is known.
NOTHING = " "


def spark(values: Sequence[float | None], top: float | None = None) -> str:
    """One character a value, the highest as high as a line. top: what that stands for; None is the highest of them."""
    known = [value for value in values if value is not None]
    highest = max(known, default=0.0) if top is None else top
    if highest <= 0:
        return "".join(NOTHING if value is None else HEIGHTS[0] for value in values)
    return "".join(NOTHING if value is None else _height(value / highest) for value in values)


def _height(share: float) -> str:
    return HEIGHTS[min(max(round(share * (len(HEIGHTS) - 1)), 1 if share > 0 else 0), len(HEIGHTS) - 1)]


def bar(share: float | None, width: int) -> tuple[str, str]:
    """A bar of a width: what is done, and what is left."""
    done = 0 if share is None else int(min(max(share, 0.0), 1.0) * width + 1e-9)
    return "━" * done, "─" * (width - done)
