"""What happened on this floor, told upward.

Owns the one form of it. Nothing here calls upward: each part gets an `on_event` callable and tells it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Event"]


class Event(NamedTuple):
    """One thing that happened.

    name: dotted, such as `worker.died`.  text: for people.  time_s: seconds since 1970.
    """

    name: str
    text: str
    time_s: float
