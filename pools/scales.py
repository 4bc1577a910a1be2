"""What each agent makes its worker grow by, measured while memory is short.

Owns the reading of the process's size around a task and the sums by agent and method. Nobody is weighed while there is
memory: two readings cost a task microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pools.address import Key
from pools.usage import resident_bytes

__all__ = ["Scales"]

#: Agents whose growth is remembered; the lightest make room.
WEIGHED = 1_000
#: Agents that are told of.
HEAVIEST = 5


class Scales:
    """The scales of a worker. is_on: whether tasks are to be weighed."""

    def __init__(self) -> None:
        self.is_on = False
        self._grown: dict[tuple[str, Key, str], int] = {}

    def turn(self, order: dict[str, Any]) -> bool:
        """Weigh from now on, or no more; what was weighed is forgotten."""
        self.is_on = bool(order["on"])
        self._grown.clear()
        return self.is_on

    def charge(self, before_bytes: int, kind: str, key: Key, method: str) -> None:
        """Charge what the process has grown by, since it had so many bytes, to a task that ended."""
        grown_bytes = resident_bytes() - before_bytes
        if grown_bytes > 0:
            name = kind, key, method
            self._grown[name] = self._grown.get(name, 0) + grown_bytes
            if len(self._grown) > WEIGHED:
                del self._grown[min(self._grown, key=self._grown.__getitem__)]

    def weigh(self, kind: str, key: Key, method: str) -> Callable[[], None] | None:
        """Begin to weigh one step of a task; what is returned ends it. None where nobody is weighed."""
        return partial(self.charge, resident_bytes(), kind, key, method) if self.is_on else None

    def heaviest(self, _order: dict[str, Any]) -> list[list[Any]]:
        """Who made the process grow most: address, method, bytes, and last the bytes of all together."""
        ranked = sorted(self._grown.items(), key=lambda entry: -entry[1])[:HEAVIEST]
        together = sum(self._grown.values())
        return [[f"{kind}/{key}", method, size_bytes, together] for (kind, key, method), size_bytes in ranked]
