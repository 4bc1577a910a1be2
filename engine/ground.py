"""What foresight has to know of the agents of an engine.

Owns the names of places: an agent where there are few of its kind, so that each can be known by itself, else its pool. Reads
the swarm and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from pools.address import Key
from pools.errors import PoolError

if TYPE_CHECKING:
    from pools.swarm import Swarm

__all__ = ["SwarmGround"]

#: Agents of a kind up to which each is a place by itself: so many can be told apart by what some thousand tasks show.
FEW = 64


class SwarmGround:
    """The agents of a swarm as foresight sees them."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._turns: Counter[str] = Counter()
        self._pools = {pool.name: pool.number for pool in swarm.pools}

    def pick(self, kind: str) -> Key:
        """The agent that the balancer would give a task to: no breaker counts it yet. Raises PoolError."""
        return self._swarm.routes.choose(kind)

    def deal(self, kind: str, count: int, *, is_idle_first: bool = False) -> Sequence[Key] | None:
        """The agents that a batch would go to; None while any breaker stands before somebody. Raises PoolError."""
        if not self._swarm.breakers.is_calm:
            return None
        dealt, _ = self._swarm.routes.deal(kind, count, is_idle_first=is_idle_first)
        return [*chain.from_iterable(keys for _, keys in dealt)]

    def places_of(self, kind: str, keys: Sequence[Key]) -> Sequence[str]:
        """The place of each agent. Raises PoolError."""
        known = {key: self.place_of(kind, key) for key in set(keys)}
        return [*map(known.__getitem__, keys)]

    def admit(self, kind: str, key: Key) -> None:
        """Have the breakers let a task for an agent through. Raises CircuitOpen, PoolError."""
        breakers = self._swarm.breakers
        if not breakers.is_calm and not breakers.admit(self._swarm.placement.pool_of(kind, key), kind, 1):
            raise breakers.refusal(kind, self._swarm.placement.holders(kind))

    def place_of(self, kind: str, key: Key) -> str:
        """The agent's address, or the name of its pool. Raises PoolError."""
        placement = self._swarm.placement
        if placement.count_of(kind) <= FEW:
            return f"{kind}/{key}"
        return self._swarm.pools[placement.pool_of(kind, key)].name

    def one_of(self, kind: str, place: str) -> Key:
        """The agent, or the next one of the pool, if it is there, its pool is up, and no breaker stands before it."""
        placement = self._swarm.placement
        try:
            if "/" in place:
                pool, _, key = placement.find(place)
                return key if self._can_take(kind, pool) else None
            pool = self._pools[place]
            if pool not in placement.holders(kind) or not self._can_take(kind, pool):
                return None
        except PoolError:
            return None
        self._turns[place] += 1
        return placement.nth(kind, pool, self._turns[place])

    def _can_take(self, kind: str, pool: int) -> bool:
        return self._swarm.pools[pool].state != "down" and self._swarm.breakers.is_open_to(pool, kind)

    def agents_in(self, kind: str, pool: int) -> int:
        """How many places of a kind there are in a pool: its agents where each can be known by itself, else one."""
        placement = self._swarm.placement
        return 1 if placement.count_of(kind) > FEW else len(placement.some(kind, pool, 0, FEW))

    def is_in(self, place: str, pool: int) -> bool:
        """Whether a place is, or is in, a pool."""
        if "/" not in place:
            return self._pools.get(place) == pool
        try:
            return self._swarm.placement.find(place)[0] == pool
        except PoolError:
            return False  # it was removed

    def left(self, kind: str, key: Key) -> Mapping[str, float]:
        """Bytes of memory that the agent's pool may still take, where it has a limit."""
        pool = self._swarm.pools[self._swarm.placement.pool_of(kind, key)]
        if pool.spec.mem_bytes is None:
            return {}
        return {"mem_bytes": max(pool.spec.mem_bytes - pool.memory_bytes, 0)}

    def can_split(self, kind: str) -> bool:
        """Whether the kind has the public methods `split` and `join`."""
        return self._swarm.kinds.get(kind, {}).keys() >= {"split", "join"}
