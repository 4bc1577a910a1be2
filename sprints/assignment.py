"""Which agent of a role does which item, where that is decided before anything runs.

Pure. Optimal in this sense: each item goes to the agent with the best score at that moment, which is skill times success,
divided by load; an agent without the role's skill scores 0 and is never chosen. Each choice is load for the next one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sprints.item import Item

__all__ = ["Place", "assign_optimal"]

#: The share of success that is assumed where there was none at all: chosen last, and not never.
LEAST_SUCCESS = 0.01


@dataclass(frozen=True, slots=True)
class Place:
    """An agent that may do items of its role.

    success: share of its items that were done, 0 to 1.  load_s: seconds of what it has to do.
    """

    agent: str
    role: str
    success: float = 1.0
    load_s: float = 0.0


def assign_optimal(items: Iterable[Item], places: Sequence[Place]) -> dict[str, str | None]:
    """For each item, by id, the agent that does it; None where nobody has its role. The first items choose first."""
    heaps: dict[str, list[tuple[float, int]]] = {}
    loads = [1.0 + place.load_s for place in places]
    gains = [1.0 / max(place.success, LEAST_SUCCESS) for place in places]
    for at, place in enumerate(places):
        heaps.setdefault(place.role, []).append((loads[at] * gains[at], at))
    for heap in heaps.values():
        heapq.heapify(heap)
    chosen: dict[str, str | None] = {}
    heapreplace = heapq.heapreplace
    for item in items:
        best = heaps.get(item.role)
        if best is None:
            chosen[item.id] = None
            continue
        at = best[0][1]
        chosen[item.id] = places[at].agent
        loads[at] = load = loads[at] + item.size_s
        heapreplace(best, (load * gains[at], at))
    return chosen
