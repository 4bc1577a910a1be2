"""Numbers that say when they were given.

Owns the one rule by which a section's number tells its age: it is about the microseconds since 1970. Whoever numbers sections
so can be forgotten by those who answer: what is older than all that they remember is below one mark for all senders.
"""

from __future__ import annotations

__all__ = ["STAMPED", "stamp"]

#: The least number that says when it was given, of the 13th day of 1970: smaller ones count from 1, and say nothing.
STAMPED = 1 << 40


def stamp(wall_s: float) -> int:
    """The least number of a section at this time. wall_s: seconds since 1970."""
    return max(int(wall_s * 1e6), 0)
