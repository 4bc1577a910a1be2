"""In which order items are worth doing: dependencies first, then priority, then value for its time.

Pure. An item is as urgent as the most urgent one that waits for it, so nothing critical stands behind something low.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping

from sprints.item import Item
from sprints.spec import PRIORITIES

__all__ = ["ordered"]

_RANKS = {priority: -rank for rank, priority in enumerate(PRIORITIES)}


def ordered(items: Mapping[str, Item], done: Collection[str] = ()) -> list[str]:
    """The ids in that order; of equals the earlier ones first. done: what needs no waiting for any more, and is left out.

    Items that wait for something that is neither among these nor done are left out, as is who waits for them.
    """
    open_items = {name: item for name, item in items.items() if name not in done} if done else items
    unmet: dict[str, int] = {}
    behind: dict[str, list[str]] = {}
    for name, item in open_items.items():
        if item.after:
            waits = [other for other in item.after if other not in done]
            if waits:
                unmet[name] = len(waits)
                for other in waits:
                    behind.setdefault(other, []).append(name)
    keys = {name: (_RANKS[item.priority], -item.value / item.size_s, at) for at, (name, item) in enumerate(open_items.items())}
    if not unmet:
        return sorted(keys, key=keys.__getitem__)
    _inherit(open_items, done, keys, behind)
    return _by_urgency(keys, unmet, behind)


def _inherit(
    items: Mapping[str, Item], done: Collection[str], keys: dict[str, tuple[int, float, int]], behind: Mapping[str, list[str]]
) -> None:
    """Make each as urgent as who waits for it, and for those, and so on."""
    ways = sorted((name for name in keys if items[name].after), key=lambda name: keys[name][0])
    for start in ways:
        stack = [start]
        while stack:
            name = stack.pop()
            rank = keys[name][0]
            for other in items[name].after:
                if other in keys and keys[other][0] > rank:
                    keys[other] = (rank, *keys[other][1:])
                    stack.append(other)


def _by_urgency(
    keys: Mapping[str, tuple[int, float, int]], unmet: dict[str, int], behind: Mapping[str, list[str]]
) -> list[str]:
    """The most urgent of those that may begin, again and again."""
    heap = [(key, name) for name, key in keys.items() if name not in unmet]
    heapq.heapify(heap)
    found: list[str] = []
    while heap:
        _, name = heapq.heappop(heap)
        found.append(name)
        for other in behind.get(name, ()):
            unmet[other] -= 1
            if not unmet[other]:
                heapq.heappush(heap, (keys[other], other))
    return found
