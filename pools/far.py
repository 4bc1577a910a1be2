"""What stands for a worker's ledger in a fork of it: steps of the one task there are recorded in the worker.

Owns the fork's half of that: what was recorded before it can read, as it has the worker's memory as of the fork; the rest it
says. The other half is `isolation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from checkpoints.steps import OpenSteps
    from pools.errors import PoolError

__all__ = ["FarLedger"]


class FarLedger:
    """The ledger, as `steps` needs it. steps: the worker's.  refused: as there.  say: sends the worker a message."""

    def __init__(self, steps: OpenSteps, refused: PoolError | None, say: Callable[[dict[str, Any]], None]) -> None:
        self.steps = steps
        self.refused = refused
        #: What the ledger remembers stands here too.
        self.recall = self
        self._say = say
        self._calls: dict[int, Callable[[], None]] = {}
        self._number = 0
        self._waypoint: dict[str, str] = {}

    def check(self) -> None:
        """Raises StoreFull or StoreStopped where no change was taken when this process was forked."""
        if self.refused is not None:
            raise self.refused

    def stepped(self, _task: str, ordinal: int, name: Any, _number: int | None, *value: Any) -> int:
        """Have a step recorded; returns its bytes."""
        self._say({"step": ordinal, "name": name, "value": list(value)} | self._waypoint)
        self._waypoint = {}
        return len(orjson.dumps([name, *value]))

    def waypoint(self, body: bytes) -> None:
        """Have a checkpoint recorded together with its step, which follows."""
        self._waypoint = {"waypoint": body.decode()}

    def when_synced(self, call: Callable[[], None]) -> bool:
        """Call a function once everything that was recorded is synced."""
        self._number += 1
        self._calls[self._number] = call
        self._say({"hold": self._number})
        return True

    def synced(self, number: int) -> None:
        """The worker says so."""
        self._calls.pop(number)()
