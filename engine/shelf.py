"""What is kept of tasks that have ended, until there is too much of it.

Owns the order in which they are let go, the oldest first, and the two limits. Pure: numbers and sizes.
"""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Shelf"]


class Shelf:
    """Numbers with a size each. most: how many are kept.  most_bytes: of all of them together."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.size_bytes = 0
        #: An ordinary dict would be walked past all that left it at its front.
        self._sizes: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, number: int) -> bool:
        return number in self._sizes

    def numbers(self) -> list[int]:
        """Everything that is kept, the oldest first."""
        return list(self._sizes)

    def put(self, number: int, size_bytes: int) -> None:
        """Keep one more."""
        self.take(number)
        self._sizes[number] = size_bytes
        self.size_bytes += size_bytes

    def take(self, number: int) -> None:
        """Keep it no more, if it was."""
        self.size_bytes -= self._sizes.pop(number, 0)

    def overflow(self) -> list[int]:
        """Let go what is too much; returns it."""
        gone = []
        while len(self._sizes) > self.most or self.size_bytes > self.most_bytes:
            number, size_bytes = self._sizes.popitem(last=False)
            self.size_bytes -= size_bytes
            gone.append(number)
        return gone
