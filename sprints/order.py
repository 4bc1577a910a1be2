"""In which order items are worth doing: dependencies first, then priority, then value for its time.

Pure. An item is as urgent as the most urgent one that waits for it, so nothing critical stands behind something low.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence

from sprints.item import Item
from sprints.spec import PRIORITIES

__all__ = ["ordered"]

_RANKS = {priority: -rank for rank, priority in enumerate(PRIORITIES)}


def ordered(items: Mapping[str, Item], done: Collection[str] = ()) -> list[str]:
    """The ids in that order; of equals the earlier ones first. done: what needs no waiting for any more, and is left out.

    Items that wait for something that is neither among these nor done are left out, as is who waits for them.
    """
    names = [name for name in items if name not in done] if done else list(items)
    ranks = [_RANKS[items[name].priority] for name in names]
    after = _after(items, names, done)
    _inherit(ranks, after)
    gains = [-items[name].value / items[name].size_s for name in names]
    by_worth = sorted(range(len(names)), key=list(zip(ranks, gains, strict=True)).__getitem__)
    if after:
        by_worth = _without_waiting(by_worth, after)
    return [names[at] for at in by_worth]


def _after(items: Mapping[str, Item], names: Sequence[str], done: Collection[str]) -> dict[int, list[int]]:
    """For who waits, by number, those that it waits for; -1 is one that never comes."""
    numbers = {name: at for at, name in enumerate(names)}
    after: dict[int, list[int]] = {}
    for at, name in enumerate(names):
        waits = items[name].after
        if waits:
            left = [numbers.get(other, -1) for other in waits if other not in done]
            if left:
                after[at] = left
    return after


def _inherit(ranks: list[int], after: Mapping[int, Sequence[int]]) -> None:
    """Make each as urgent as who waits for it, and for those, and so on. The most urgent go first, so that none goes twice."""
    for start in sorted(after, key=ranks.__getitem__):
        stack = [start]
        while stack:
            at = stack.pop()
            rank = ranks[at]
            for other in after.get(at, ()):
                if other >= 0 and ranks[other] > rank:
                    ranks[other] = rank
                    stack.append(other)


def _without_waiting(by_worth: Sequence[int], after: Mapping[int, Sequence[int]]) -> list[int]:
    """The worthiest of those that may begin, again and again."""
    places = [0] * len(by_worth)
    for place, at in enumerate(by_worth):
        places[at] = place
    unmet: dict[int, int] = {}
    behind: dict[int, list[int]] = {}
    for at, others in after.items():
        place = places[at]
        unmet[place] = len(others)
        for other in others:
            behind.setdefault(places[other] if other >= 0 else -1, []).append(place)
    heap = [place for place in range(len(by_worth)) if place not in unmet]
    found: list[int] = []
    while heap:
        place = heapq.heappop(heap)
        found.append(by_worth[place])
        for other in behind.get(place, ()):
            unmet[other] -= 1
            if not unmet[other]:
                heapq.heappush(heap, other)
    return found
