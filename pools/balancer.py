"""Which agent takes a task that was sent to a kind.

Owns the choice only: it reads loads and sends nothing. The pool with the least open tasks that hosts the kind and is not
down; within it the agents take turns, so that an idle one is found without asking.
"""

from __future__ import annotations

from collections.abc import Sequence

from pools.address import Key
from pools.placement import Placement
from pools.pool import Pool

__all__ = ["Balancer"]


class Balancer:
    """Chooses agents."""

    def __init__(self, placement: Placement, pools: Sequence[Pool]) -> None:
        self._placement = placement
        self._pools = pools
        self._turn = 0

    def pick(self, kind: str) -> Key:
        """An agent of the kind in its least loaded pool. Raises UnknownKind, PoolUnavailable."""
        self._turn += 1
        hosts = self._placement.holders(kind)
        up = [number for number in hosts if self._pools[number].state != "down"]
        least = min(up or hosts, key=self._load)
        return self._placement.nth(kind, least, self._turn)

    def _load(self, number: int) -> tuple[float, int]:
        """Open tasks for each worker that is up, then the turn, so that equal pools alternate."""
        pool = self._pools[number]
        running = sum(seat.state == "running" for seat in pool.seats) or 1
        return pool.open / running, (number + self._turn) % len(self._pools)
