"""The error of a wait that nothing will end.

Owns the error only: who waits, and for what, is told by whoever raises it.
"""

from __future__ import annotations

__all__ = ["Stuck"]


class Stuck(Exception):
    """What is awaited does not happen by itself: time must pass, or nothing will ever end it. The message says which."""
