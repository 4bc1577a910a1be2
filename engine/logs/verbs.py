"""The control verbs about the log.

Owns what a peer may ask of it: the levels, as they are and as they shall be. The log itself is read from its files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from engine.logs.scribe import Scribe
from engine.order import Order

__all__ = ["LogVerbs"]


class LogVerbs:
    """The verbs of one log."""

    def __init__(self, log: Scribe) -> None:
        self._log = log
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {"log-level": self._level}

    def facts(self) -> dict[str, Any]:
        """What `stats` tells of it: the least level, and how many events were written and could not be."""
        return {"level": self._log.levels.level, "written": self._log.written, "dropped": self._log.dropped}

    async def _level(self, order: Order) -> dict[str, Any]:
        """Set a level if one is given, take all back if that is asked for; returns what is set."""
        levels, level = self._log.levels, order.text_if_any("level")
        if order.flag("reset"):
            levels.reset()
        elif level is not None:
            levels.set(level, agent=order.text_if_any("agent"), event=order.text_if_any("event"))
        return levels.facts()
