"""The agents of a kind in one pool, each in its turn, by the worker that has them.

Owns the turn only: whose it is, and that everybody has one before somebody has two more. It looks at no load. Below: the
placement, which is read again when all have had their turn, or when agents were taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pools.address import Key
from pools.spec import PoolSpec

__all__ = ["Agents", "Rota"]

#: Agents that are listed at a time: what a list costs, 40 bytes and half a microsecond each, is bounded so.
LISTED = 16_384


class Agents(Protocol):
    """Who takes turns: the agents of the placement, or some of them."""

    @property
    def pools(self) -> Sequence[PoolSpec]:
        """All pools."""

    def stamp(self, kind: str) -> tuple[int, int]:
        """Two numbers: the second is another one when some were taken out, one of them when any came."""
        ...

    def some(self, kind: str, pool: int, turn: int, count: int) -> list[Key]:
        """Up to `count` of them in a pool, in their order from a turn on."""
        ...

    def worker_of(self, kind: str, key: Key) -> tuple[int, int]:
        """The pool and the worker of one."""
        ...

    def holders(self, kind: str) -> list[int]:
        """The pools that hold some. Raises UnknownKind."""
        ...


class Rota:
    """The turn within one kind and pool."""

    def __init__(self, placement: Agents, kind: str, pool: int) -> None:
        self._placement = placement
        self._kind = kind
        self._pool = pool
        self._workers = placement.pools[pool].workers
        self._stamp = (-1, -1)
        #: The turn at which the next list begins.
        self._next = 0
        #: Whether all agents are listed.
        self._is_whole = False
        self._keys: list[list[Key]] = [[] for _ in range(self._workers)]
        self._at = [0] * self._workers

    def refresh(self) -> None:
        """Leave out agents that were taken out, and see those that came where there were none."""
        stamp = self._placement.stamp(self._kind)
        if stamp != self._stamp and (stamp[1] != self._stamp[1] or not all(self._keys)):
            self._next = 0
            self._list()

    def has(self, worker: int) -> bool:
        """Whether a worker has agents whose turn may be now."""
        return bool(self._keys[worker])

    def size(self, worker: int) -> int:
        """Agents of a worker that are listed."""
        return len(self._keys[worker])

    def take(self, worker: int, count: int) -> list[Key]:
        """Whose turn it is at a worker, `count` times."""
        at = self._at[worker]
        taken = self._keys[worker][at : at + count]
        self._at[worker] = at + len(taken)
        while len(taken) < count:
            self._turn_over(worker)
            more = self._keys[worker][: count - len(taken)]
            self._at[worker] = len(more)
            taken += more
        return taken

    def at(self, worker: int, place: float) -> Key:
        """An agent of a worker by its place, 0 up to less than 1."""
        keys = self._keys[worker]
        return keys[int(place * len(keys))]

    def _turn_over(self, worker: int) -> None:
        """All that a worker has listed had their turn: begin again, with the next ones where there are more."""
        if self._placement.stamp(self._kind) != self._stamp or not self._is_whole:
            before = self._keys[worker]
            self._list()
            if not self._keys[worker]:
                self._keys[worker] = before
        self._at[worker] = 0

    def _list(self) -> None:
        self._stamp = self._placement.stamp(self._kind)
        keys = self._placement.some(self._kind, self._pool, self._next, LISTED)
        if not keys and self._next:
            self._next = 0
            keys = self._placement.some(self._kind, self._pool, 0, LISTED)
        more = self._placement.some(self._kind, self._pool, self._next + len(keys), 1)
        self._is_whole = not self._next and not more
        self._next = self._next + len(keys) if more else 0
        self._at = [0] * self._workers
        if self._workers == 1:
            self._keys = [keys]
            return
        self._keys = [[] for _ in range(self._workers)]
        for key in keys:
            self._keys[self._placement.worker_of(self._kind, key)[1]].append(key)
