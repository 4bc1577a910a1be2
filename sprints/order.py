"""In which order items are worth doing: by priority, then by value for their time, and what one waits for right before it.

Pure. So an item is as urgent as the most urgent one that waits for it, and nothing critical stands behind something low.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sprints.item import Item
from sprints.spec import PRIORITIES

__all__ = ["ordered"]

_RANKS = {priority: -rank for rank, priority in enumerate(PRIORITIES)}


def ordered(items: Mapping[str, Item], done: Collection[str] = ()) -> list[Item]:
    """The items in that order; of equals the earlier ones first. done: what needs no waiting for any more, and is left out.

    items: all of a backlog, so that no dependency leads out of them and none into a circle.
    """
    found = [item for item in items.values() if item.id not in done] if done else list(items.values())
    gains = [item.value / item.size_s for item in found]
    ranks = [_RANKS[item.priority] for item in found]
    line = sorted(range(len(found)), key=gains.__getitem__, reverse=True)
    line.sort(key=ranks.__getitem__)  # of the same priority, the order before stays
    placed = set(done)
    order: list[Item] = []
    for at in line:
        item = found[at]
        if item.id in placed:
            continue
        if not item.after or placed.issuperset(item.after):
            placed.add(item.id)
            order.append(item)
        else:
            _place(item, items, placed, order)
    return order


def _place(item: Item, items: Mapping[str, Item], placed: set[str], order: list[Item]) -> None:
    """Put an item into the order, right behind all that it waits for."""
    way = [item]
    while way:
        last = way[-1]
        if left := [name for name in last.after if name not in placed]:
            way += [items[name] for name in reversed(left)]
            continue
        way.pop()
        if last.id not in placed:
            placed.add(last.id)
            order.append(last)
