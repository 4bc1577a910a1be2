"""Whether new code fails more often than the old one, as far as chance does not explain it.

Pure: counts in, a verdict out.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

__all__ = ["Tasks", "is_worse"]

#: Tasks before which nothing is said: of fewer, one that fails is a large share.
LEAST = 20
#: Standard deviations by which the failures must pass the bound: a good deploy is taken back once in a thousand looks or less.
SIGMAS = 3.0


class Tasks(NamedTuple):
    """How many tasks ended well, and how many failed."""

    done: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.done + self.failed

    @property
    def rate(self) -> float:
        """The share that failed, 0 where there are none."""
        return self.failed / self.total if self.total else 0.0

    def more(self, other: Tasks) -> Tasks:
        """Both together."""
        return Tasks(self.done + other.done, self.failed + other.failed)

    def since(self, before: Tasks) -> Tasks:
        """What came after a count."""
        return Tasks(self.done - before.done, self.failed - before.failed)


def is_worse(new: Tasks, old: Tasks, bound: float) -> bool:
    """Whether the new code's tasks fail more often than the old one's by more than a bound, 0 to 1."""
    if new.total < LEAST:
        return False
    allowed = min(old.rate + bound, 1.0)
    return new.failed > new.total * allowed + SIGMAS * sqrt(new.total * allowed * (1.0 - allowed))
