"""What the items of a backlog have made so far, by their receipts, and what of that another item builds on.

Owns who builds on whom: an item on all that it waits for, and on what these waited for. Pure; the events are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.cluster.inputs import Input
from sprints.item import Item

__all__ = ["Stock"]


class Stock:
    """The stock of a backlog. items: its own, by id."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items
        self._made: dict[str, tuple[Input, ...]] = {}

    def take(self, event: Mapping[str, Any], at_s: float) -> None:
        """Take in an event of a ledger. at_s: unix time of it, where it does not say it itself."""
        if event["e"] == "receipt" and event["verdict"] == "done":
            made_s = round(float(event.get("at", at_s)), 3)
            made = event.get("artifacts") or ()
            self._made[event["item"]] = tuple(Input(one["path"], one["sha256"], one["size_bytes"], made_s) for one in made)

    def inputs(self, item: str) -> list[Input]:
        """What the items have made that an item builds on."""
        seen: set[str] = set()
        left = [*self._items[item].after]
        while left:
            before = left.pop()
            if before not in seen:
                seen.add(before)
                left += self._items[before].after
        return [one for before in sorted(seen) for one in self._made.get(before, ())]
