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
    number = {item.id: at for at, item in enumerate(found)}
    after = [[number[name] for name in item.after if name in number] if item.after else () for item in found]
    is_placed = bytearray(len(found))
    order: list[int] = []
    for at in line:
        if is_placed[at]:
            continue
        way = [at]
        while way:
            last = way[-1]
            if left := [other for other in after[last] if not is_placed[other]]:
                way += reversed(left)
                continue
            way.pop()
            if not is_placed[last]:
                is_placed[last] = True
                order.append(last)
    return [found[at] for at in order]
