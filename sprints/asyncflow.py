"""A flow with steps that wait."""

from __future__ import annotations

from typing import Any

from sprints.asyncnode import AsyncNode
from sprints.flow import Flow
from sprints.listeners import Listeners
from sprints.vertex import Vertex

__all__ = ["AsyncFlow"]


class AsyncFlow(Flow, AsyncNode):
    """A flow of plain and async steps; run with `await flow.run_async(shared)`."""

    def __init__(self, start: Vertex | None = None, name: str | None = None, listeners: Listeners | None = None) -> None:
        Flow.__init__(self, start, name, listeners)

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """The action of the last step."""
        return exec_res

    async def _run_async(self, shared: Any) -> Any:
        prepared = await self.prep_async(shared)
        return await self.post_async(shared, prepared, await self._orch_async(shared))

    async def _orch_async(self, shared: Any, params: dict[str, Any] | None = None) -> Any:
        """Walk the graph; returns the last action."""
        params = params or dict(self.params)
        action, node = None, self._entered(self.start_node, params)
        while node is not None:
            if self._is_heard:
                with self._told(node):
                    action = await self._step(node, shared)
            else:
                action = await self._step(node, shared)
            node = self._entered(self.get_next_node(node, action), params)
        return action

    @staticmethod
    async def _step(node: Vertex, shared: Any) -> Any:
        return await node._run_async(shared) if isinstance(node, AsyncNode) else node._run(shared)
