"""What is higher than its place: moved up and down by keys.

Owns its keys: up and down alone. Left, right, home and end are free for the time, as everywhere.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

__all__ = ["Scroll"]


class Scroll(VerticalScroll, inherit_bindings=False):
    """Widgets beneath each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("g,ctrl+home", "scroll_home", "Top", show=False),
        Binding("G,ctrl+end", "scroll_end", "Bottom", show=False),
    ]
