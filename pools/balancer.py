"""Which agent takes a task that was sent to a kind.

Owns the choice only: it reads loads and sends nothing. The pool with the least open tasks that hosts the kind and is not
down; within it the agents take turns, so that an idle one is found without asking.
"""

from __future__ import annotations

from collections import Counter
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
        self._turns: Counter[tuple[str, int]] = Counter()

    def pick(self, kind: str, turn: int | None = None) -> Key:
        """An agent of the kind in its least loaded pool. Raises UnknownKind, PoolUnavailable.

        turn: the same agent for the same number, whatever the load: it may be asked again.
        """
        hosts = self._placement.holders(kind)
        if turn is not None:
            return self._placement.nth(kind, hosts[turn % len(hosts)], turn // len(hosts))
        up = [number for number in hosts if self._pools[number].state != "down"] or hosts
        least = min(up, key=lambda number: (self._load(number), self._turns[kind, number]))
        self._turns[kind, least] += 1
        return self._placement.nth(kind, least, self._turns[kind, least] - 1)

    def _load(self, number: int) -> float:
        """Open tasks for each worker that is up."""
        pool = self._pools[number]
        return pool.open / (sum(seat.state == "running" for seat in pool.seats) or 1)
