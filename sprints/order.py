"""In which order items are worth doing: by priority, then by value for their time, and what one waits for right before it.

Pure. So an item is as urgent as the most urgent one that waits for it, and nothing critical stands behind something low.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sprints.item import Item
from sprints.spec import PRIORITIES

__all__ = ["ordered"]

_RANKS = {priority: -rank for rank, priority in enumerate(PRIORITIES)}


def ordered(items: Mapping[str, Item], done: Collection[str] = ()) -> list[str]:
    """The ids in that order; of equals the earlier ones first. done: what needs no waiting for any more, and is left out.

    items: all of a backlog, so that no dependency leads out of them and none into a circle.
    """
    names = [name for name in items if name not in done] if done else list(items)
    ranks = {name: _RANKS[items[name].priority] for name in names}
    gains = {name: items[name].value / items[name].size_s for name in names}
    names.sort(key=gains.__getitem__, reverse=True)
    names.sort(key=ranks.__getitem__)  # of the same priority, the order before stays
    placed = set(done)
    order: list[str] = []
    for name in names:
        if name in placed:
            continue
        after = items[name].after
        if not after or placed.issuperset(after):
            placed.add(name)
            order.append(name)
        else:
            _place_behind(name, items, placed, order)
    return order


def _place_behind(name: str, items: Mapping[str, Item], placed: set[str], order: list[str]) -> None:
    """Place an item behind all that it waits for, and that behind what that waits for, and so on."""
    way = [name]
    while way:
        at = way[-1]
        left = [other for other in items[at].after if other not in placed]
        if left:
            way += reversed(left)
            continue
        way.pop()
        if at not in placed:
            placed.add(at)
            order.append(at)
