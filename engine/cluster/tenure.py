"""For how long an envelope of a cluster is leased: as long as any node that may take it has said that it needs.

Owns what each gateway says when it joins, and the longest of it. A node that is drained, and settled, does not count: it takes
nothing for kinds.
"""

from __future__ import annotations

from math import inf

from engine.cluster.placing import Placing
from engine.cluster.records import BadRecord

__all__ = ["Tenure"]

#: What stands before a node in the key of its lease, in milliseconds.
LEASE = "lease"


class Tenure:
    """The leases of the nodes of a cluster."""

    def __init__(self, placing: Placing) -> None:
        self._placing = placing

    async def say(self, node: str, lease_s: float) -> None:
        """Have it be known how long a node needs, before it takes anything. Raises nats.errors.Error, TimeoutError."""
        await self._placing.say(LEASE, node, round(lease_s * 1_000))

    async def longest_s(self) -> float:
        """The longest that a node has said; endless while one has not. Raises nats.errors.Error, TimeoutError."""
        try:
            plan = await self._placing.read()
        except BadRecord:
            return inf
        said = await self._placing.said(LEASE, sorted({*plan.wanted, *plan.parties}))
        return max(ms / 1_000 if ms > 0 else inf for ms in said.values())
