"""A page of agents, with what they do now.

Owns the question to their workers. Which agents there are is the placement's knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pools.address import Key
from pools.errors import PoolError
from pools.placement import Placement
from pools.pool import Pool
from pools.seat import Seat

__all__ = ["listed"]


async def listed(placement: Placement, pools: Sequence[Pool], kind: str, skip: int, limit: int) -> list[dict[str, Any]]:
    """A page of a kind's agents in the order of their keys: address, pool, worker, status, mailbox."""
    places: dict[tuple[int, int], list[Key]] = {}
    page = placement.page(kind, skip, limit)
    for key in page:
        places.setdefault(placement.worker_of(kind, key), []).append(key)
    known: dict[Key, dict[str, Any]] = {}
    for (pool, worker), keys in places.items():
        seat = pools[pool].seats[worker]
        told = await _told(seat, kind, keys)
        for key, (status, mailbox) in zip(keys, told, strict=True):
            facts = {"agent": f"{kind}/{key}", "pool": pools[pool].name, "worker": seat.name}
            known[key] = {**facts, "status": status, "mailbox": mailbox}
    return [known[key] for key in page]


async def _told(seat: Seat, kind: str, keys: list[Key]) -> list[list[Any]]:
    """Status and mailbox of agents; `unknown` while their worker is away."""
    try:
        told: list[list[Any]] = await seat.request("agents", kind=kind, keys=keys)
    except PoolError:
        return [["unknown", 0]] * len(keys)
    return told
