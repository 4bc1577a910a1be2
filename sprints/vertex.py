"""A place in a graph of steps: what it works with, and what comes after it by action.

Owns the wiring (`a >> b`, `a - "again" >> b`) and the order prepare, execute, conclude. Who walks from one to the next is the
flow's business, how often one is tried the node's.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

__all__ = ["DEFAULT", "Turn", "Vertex"]

#: The action of a step that names none.
DEFAULT = "default"

Next = TypeVar("Next", bound="Vertex")


class Vertex:
    """A step with three parts, each of which may be left out.

    prep: reads what it needs from the shared store.  exec: works on that alone.  post: writes the outcome to the shared store
    and returns the action that chooses what comes next, None for `default`.
    params: what the flow gives it, the same for all steps of one walk.  successors: the next step by action.
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.successors: dict[str, Vertex] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Have these params from now on."""
        self.params = params

    def next(self, node: Next, action: str = DEFAULT) -> Next:
        """Go on with a node after an action; returns that node, so that calls can be chained."""
        if action in self.successors:
            warnings.warn(f"Overwriting successor for action '{action}'", stacklevel=2)
        self.successors[action] = node
        return node

    def __rshift__(self, node: Next) -> Next:
        return self.next(node)

    def __sub__(self, action: str) -> Turn:
        if not isinstance(action, str):
            raise TypeError("Action must be a string")
        return Turn(self, action)

    def prep(self, shared: Any) -> Any:
        """What exec gets."""

    def exec(self, prep_res: Any) -> Any:
        """The work; what it returns is for post."""

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """The action that chooses what comes next."""

    def run(self, shared: Any) -> Any:
        """Run this one alone; returns its action. What comes after it is not run."""
        if self.successors:
            warnings.warn("Node won't run successors. Use Flow.", stacklevel=2)
        return self._run(shared)

    def _run(self, shared: Any) -> Any:
        prepared = self.prep(shared)
        return self.post(shared, prepared, self._exec(prepared))

    def _exec(self, prepared: Any) -> Any:
        return self.exec(prepared)


class Turn:
    """A way out of a node: the one that its action takes."""

    def __init__(self, source: Vertex, action: str) -> None:
        self._source = source
        self._action = action

    def __rshift__(self, node: Next) -> Next:
        return self._source.next(node, self._action)
