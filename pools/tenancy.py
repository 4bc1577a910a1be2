"""What one tenant's tasks meet before they are sent.

Owns the count of its open tasks, and the look at its gate. Senders have one each for the tenant that they send for.
"""

from __future__ import annotations

from collections.abc import Callable

from pools.errors import Overloaded
from pools.gates import Gates

__all__ = ["Tenancy"]


class Tenancy:
    """One tenant. clock: monotonic seconds."""

    def __init__(self, name: str, gates: Gates, clock: Callable[[], float]) -> None:
        self.name = name
        self._gates = gates
        self._clock = clock

    def enter(self) -> Overloaded | None:
        """Count one more open task; else why it may not be sent now."""
        now_s = self._clock()
        gate = self._gates.tenant(self.name, now_s)
        if gate is None:
            return None
        if gate.quota.open is not None and gate.held >= gate.quota.open:
            self._gates.count("open", gate.name, 1, now_s)
            return gate.full(None)
        if gate.bucket is not None and not gate.bucket.take(1, now_s):
            self._gates.count("rate", gate.name, 1, now_s)
            return gate.limited(1, now_s)
        gate.held += 1
        return None

    def leave(self, count: int) -> None:
        """Some tasks have ended."""
        gate = self._gates.tenant(self.name, self._clock())
        if gate is not None:
            gate.held = max(gate.held - count, 0)
