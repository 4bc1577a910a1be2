"""A step that works on many items."""

from __future__ import annotations

from typing import Any

from sprints.node import Node

__all__ = ["BatchNode"]


class BatchNode(Node):
    """A step whose prep returns items: exec is called with each of them, in their order, and post gets the list.

    Each item has attempts of its own. No items at all, or None, is an empty list.
    """

    def _exec(self, prepared: Any) -> Any:
        return [super(BatchNode, self)._exec(item) for item in prepared or []]
