"""Who has done most in one worker's place, over all of its processes.

Owns what the worker tells of that. A process begins with no counts, so those of the processes before it are kept beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pools.address import Key

__all__ = ["Podium"]

#: Agents that are remembered of the processes before.
BEFORE = 32


class Podium:
    """The agents that did most in a place. counted, done: tasks that were counted for that, and all that were done."""

    def __init__(self) -> None:
        self._before: Counter[tuple[str, Key]] = Counter()
        self._now: dict[tuple[str, Key], int] = {}
        self._sums_before = 0, 0
        self._sums = 0, 0

    def begin(self) -> None:
        """Another process has the place from now on."""
        self._before = Counter(self.rows())
        self._sums_before = self.counted, self.done
        self._now, self._sums = {}, (0, 0)

    def hear(self, said: Mapping[str, Any]) -> None:
        """What a worker tells: as `Performers.facts`."""
        self._now = {(kind, key): count for kind, key, count in said["rows"]}
        self._sums = said["counted"], said["done"]

    @property
    def counted(self) -> int:
        """Tasks that were counted."""
        return self._sums_before[0] + self._sums[0]

    @property
    def done(self) -> int:
        """Tasks that were done, as far as was told."""
        return self._sums_before[1] + self._sums[1]

    def rows(self) -> dict[tuple[str, Key], int]:
        """By kind and key, how many tasks an agent has done at least; at most BEFORE agents."""
        return dict((self._before + Counter(self._now)).most_common(BEFORE))
