"""How many bytes the messages on their way have that are large: a worker has only so much memory for them.

Pure. A small message counts nothing here: their number is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

__all__ = ["Bulk"]

#: Bytes of an argument as JSON from which a message counts.
LARGE_BYTES = 256


class Bulk:
    """The bytes of large messages. rows: those that are on their way, as `Outbox` has them."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._sizes: dict[int, int] = {}
        self.size_bytes = 0
        for row in rows:
            self.add(row)

    def add(self, row: Sequence[Any]) -> None:
        """A message is on its way."""
        size_bytes = len(orjson.dumps(row[4]))
        if size_bytes >= LARGE_BYTES:
            self._sizes[row[0]] = size_bytes
            self.size_bytes += size_bytes

    def drop(self, number: int) -> None:
        """It has arrived, or is under way by another number."""
        self.size_bytes -= self._sizes.pop(number, 0)
