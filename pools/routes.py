"""From an address to the link that leads to its agent.

Owns the joining of what the placement, the newcomers and the balancer each know; it holds no task. Above: the swarm hands its
functions to whoever sends tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from pools.address import ANY, Key, parse, valid_kind
from pools.balancer import Balancer
from pools.breakers import Breakers
from pools.errors import PoolError, UnknownAgent, UnknownKind
from pools.link import Link
from pools.newcomers import Newcomers
from pools.placement import Placement
from pools.pool import Pool
from pools.seat import Seat

__all__ = ["Routes"]


class Routes:
    """The ways to all agents of an engine."""

    def __init__(
        self, placement: Placement, pools: Sequence[Pool], newcomers: Newcomers, breakers: Breakers, balancer: Balancer
    ) -> None:
        self._placement = placement
        self._pools = pools
        self._newcomers = newcomers
        self._breakers = breakers
        self.balancer = balancer
        #: The skills of each kind.
        self.skills: dict[str, frozenset[str]] = {}
        #: For each pool, the link to each shard's worker; one link where a worker has all of them.
        self._ways = [pool.links() for pool in pools]

    def resolve(self, address: str) -> tuple[Link, str, Key]:
        """The link, kind and key for an address; `kind` alone lets the balancer choose. Raises PoolError."""
        if type(address) is not str:
            parse(address)
        if "/" not in address:
            link, key = self.resolve_key(valid_kind(address), ANY)
            return link, address, key
        try:
            pool, kind, key = self._placement.find(address)
        except (UnknownAgent, UnknownKind) as error:
            kind, key = parse(address)
            pool = self._newcomers.used(kind, key, error)
        links = self._ways[pool]
        return links[0] if len(links) == 1 else links[crc32(address.encode()) % len(links)], kind, key

    def resolve_key(self, kind: str, key: Key, turn: int | None = None, *, is_again: bool = False) -> tuple[Link, Key]:
        """The same for a kind and a key. turn: chooses among any, the same each time; is_again: as `Balancer.pick` says.

        Raises PoolError.
        """
        if key is ANY:
            key = self.balancer.pick(kind, turn, is_again=is_again)
        return self._seat_of(kind, key).link, key

    def resolve_inner(self, kind: str, key: Key, turn: int | None = None, *, is_again: bool = False) -> tuple[Link, Key]:
        """The way for a task that an agent sends: it must not wait behind tasks that may wait for it.

        It was accepted with its sender's, so no breaker refuses it. One with a number goes where that says.
        """
        if key is ANY:
            key = self.balancer.choose(kind) if turn is None else self.balancer.named_by(kind, turn)
        return self._seat_of(kind, key).inner, key

    def choose(self, kind: str) -> Key:
        """An agent of a kind, for nothing that is sent now: no breaker counts it. Raises UnknownKind."""
        return self.balancer.choose(kind)

    def choose_some(self, kind: str, count: int) -> list[Key] | None:
        """The same for some tasks at once; None while each has to be asked for, as breakers stand. Raises UnknownKind."""
        return self.balancer.choose_some(kind, count) if self._breakers.is_calm else None

    def resolve_skilled(
        self, wanted: Sequence[frozenset[str]], kind: str | None = None
    ) -> list[tuple[Link, str, Key] | PoolError]:
        """Link, kind and key for each of some tasks that want skills, of one kind or of any; else why it is refused."""
        known = self.skills if kind is None else {kind: self.skills.get(kind, frozenset())}
        found: list[tuple[Link, str, Key] | PoolError] = []
        for skills, chosen in zip(wanted, self.balancer.assign(known, wanted), strict=True):
            if isinstance(chosen, PoolError):
                found.append(chosen)
            elif chosen is None:
                given = [skills for each in known for skills in self._placement.talents.sets(each)]
                there = ", ".join(sorted(set().union(*known.values(), *given))) or "none"
                whose = "no agents have" if kind is None else f"{kind!r} lacks some of"
                found.append(UnknownKind(f"{whose} the skills {', '.join(sorted(skills))}; it has: {there}"))
            else:
                found.append((self._seat_of(*chosen).link, *chosen))
        return found

    def resolve_sticky(self, kind: str, name: str) -> tuple[Link, Key]:
        """The way to the agent of a kind that a sticky key belongs to. Raises PoolError."""
        key = self.balancer.stick(kind, name)
        return self._seat_of(kind, key).link, key

    def deal(
        self, kind: str, count: int, *, is_idle_first: bool = False
    ) -> tuple[list[tuple[Link, Sequence[Key]]], PoolError | None]:
        """Links and keys for `count` tasks addressed to a kind, and why those beyond them are refused. Raises PoolError."""
        dealt = self.balancer.deal(valid_kind(kind), count, is_idle_first=is_idle_first)
        left = count - sum(len(keys) for _, _, keys in dealt)
        refusal = self._breakers.refusal(kind, self._placement.holders(kind)) if left else None
        return [(self._pools[pool].seats[worker].link, keys) for pool, worker, keys in dealt], refusal

    def _seat_of(self, kind: str, key: Key) -> Seat:
        """The worker of an agent, which is made if its kind is made on use. Raises PoolError."""
        try:
            pool, worker = self._placement.worker_of(kind, key)
        except (UnknownAgent, UnknownKind) as error:
            self._newcomers.used(kind, key, error)
            pool, worker = self._placement.worker_of(kind, key)
        return self._pools[pool].seats[worker]
