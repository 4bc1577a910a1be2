"""What the sender of accepted tasks needs of a loop.

Owns a name for it, so that a test can stand in with a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.alarms import Timer

__all__ = ["Desk"]


class Desk(Timer, Protocol):
    """What offers need of a loop."""

    def call_soon(self, function: Callable[[], object]) -> object:
        """Call a function in the next turn."""
        ...
