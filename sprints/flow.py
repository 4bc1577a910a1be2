"""A graph of steps, walked from its start.

Owns the walk: which step is next, with which params, and who hears of it. A flow is a step itself, so that flows are made of
flows. Each walk has its own copy of each node that it comes to: what a step leaves on itself is nobody else's.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sprints.listeners import Listeners, Stepped
from sprints.vertex import DEFAULT, Vertex

__all__ = ["Flow"]

Start = TypeVar("Start", bound=Vertex)


class Flow(Vertex):
    """Steps from a start on, each chosen by the action of the one before; it ends where no step is named for an action.

    name: what its steps are called by, `name:step`; the class's name by default.  listeners: who hears of each step.
    A flow's own action is that of its last step, unless post says another.
    """

    def __init__(self, start: Vertex | None = None, name: str | None = None, listeners: Listeners | None = None) -> None:
        super().__init__()
        self.start_node = start
        self.name = name
        self.listeners = listeners

    def start(self, start: Start) -> Start:
        """Begin with this node; returns it, so that the next one can be chained to it."""
        self.start_node = start
        return start

    def get_next_node(self, curr: Vertex, action: str | None) -> Vertex | None:
        """The node after one and its action; None where the flow ends, with a warning if other actions lead on."""
        following = curr.successors.get(action or DEFAULT)
        if following is None and curr.successors:
            warnings.warn(f"Flow ends: '{action}' not found in {list(curr.successors)}", stacklevel=2)
        return following

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """The action of the last step."""
        return exec_res

    def _run(self, shared: Any) -> Any:
        prepared = self.prep(shared)
        return self.post(shared, prepared, self._orch(shared))

    def _orch(self, shared: Any, params: dict[str, Any] | None = None) -> Any:
        """Walk the graph; returns the last action."""
        params = params or dict(self.params)
        action, node = None, self._entered(self.start_node, params)
        while node is not None:
            if self._is_heard:
                with self._told(node):
                    action = node._run(shared)
            else:
                action = node._run(shared)
            node = self._entered(self.get_next_node(node, action), params)
        return action

    def _entered(self, node: Vertex | None, params: dict[str, Any]) -> Vertex | None:
        """This walk's own copy of a node."""
        if node is None:
            return None
        mine = copy.copy(node)
        mine.set_params(params)
        return mine

    @property
    def _is_heard(self) -> bool:
        return self.listeners is not None and self.listeners.is_heard

    @contextmanager
    def _told(self, node: Vertex) -> Iterator[None]:
        """Tell who listens of a step, once it has ended."""
        name = f"{self.name or type(self).__name__}:{getattr(node, 'name', None) or type(node).__name__}"
        began_s, error = time.perf_counter(), None
        try:
            yield
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
            raise
        finally:
            if self.listeners is not None:
                self.listeners.tell(Stepped(name, time.time(), time.perf_counter() - began_s, error=error))
