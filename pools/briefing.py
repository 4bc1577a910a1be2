"""What a new process of a worker is told: everything that it should hold.

Owns the orders and their sequence. When a process is told is its seat's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pools.address import Key
from pools.births import births, lots
from pools.breakers import Breakers
from pools.code import Code
from pools.keep import Keep
from pools.placement import Placement, owner_of

__all__ = ["Briefing"]


class Briefing:
    """The orders of one engine's workers.

    kinds, paths: references of the kinds, and folders, as they are when a process begins.  session: tells a worker which
    answers it knows by their numbers.  sick: orders for the agents in quarantine that are meant.
    code_of: the code of a worker, by the numbers of its pool and its own.  is_paused: whether a pool is, by its number.
    """

    def __init__(
        self,
        placement: Placement,
        kinds: Sequence[str],
        paths: Sequence[str],
        *,
        keep: Keep | None,
        session: str,
        breakers: Breakers,
        sick: Callable[[Callable[[str, Key], bool]], Iterable[dict[str, Any]]],
        code_of: Callable[[int, int], Code],
        is_paused: Callable[[int], bool] = lambda _number: False,
    ) -> None:
        self._code_of = code_of
        self._is_paused = is_paused
        self._placement = placement
        self._kinds = kinds
        self._paths = paths
        self._keep = keep
        self._session = session
        self._breakers = breakers
        self._sick = sick
        #: Whether workers record what is part of a trace.
        self.is_traced = False

    def code(self, code: Code) -> dict[str, Any]:
        """What a process is told that only loads some code."""
        return {"first": code.first, "paths": self._paths, "kinds": code.references(self._kinds)}

    def orders(self, number: int, worker: int, row: int) -> list[dict[str, Any]]:
        """The orders for a worker of a pool. number: the pool's.  row: of the gauges."""
        placement = self._placement
        spec, code = placement.pools[number], self._code_of(number, worker)
        orders: list[dict[str, Any]] = [
            {
                "verb": "setup",
                "pool": spec.name,
                "worker": spec.worker(worker),
                **({"tracing": True} if self.is_traced else {}),
                "row": row,
                "shards": spec.shards,
                "owned": [shard for shard in range(spec.shards) if owner_of(shard, spec.workers) == worker],
                "mailbox": spec.mailbox,
                "sleep_after_s": spec.sleep_after_s,
                **self.code(code),
                "breaker": asdict(self._breakers.spec),
                "held": self._breakers.held(number),
                "store": None if self._keep is None else self._keep.order(spec.name, worker, self._session, spec.workers),
            }
        ]
        if self._is_paused(number):
            orders.append({"verb": "pause"})
        for kind in placement.kinds():
            orders += births(kind, placement.parts_of(kind, number), placement.names_of(kind, number))
        place = number, worker
        for kind in placement.kinds():
            moving = [key for key in placement.moving.sure(kind) if placement.worker_if_any(kind, key) == place]
            orders += [{"verb": "leave", "kind": kind, "keys": part, "is_known": True} for part in lots(moving)]
        return [*orders, *self._sick(lambda kind, key: placement.worker_if_any(kind, key) == place)]
