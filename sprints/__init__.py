"""The floor of micro-sprints: plan, exec, test and ship within fixed time boxes.

It stands beside `pools` and never imports it: the engine hands it a way to dispatch tasks. What a person imports from here are
the parts of flows, `from sprints import Flow, Node`; each is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sprints.asyncbatchflow import AsyncBatchFlow
    from sprints.asyncbatchnode import AsyncBatchNode
    from sprints.asyncflow import AsyncFlow
    from sprints.asyncnode import AsyncNode
    from sprints.asyncparallelbatchflow import AsyncParallelBatchFlow
    from sprints.asyncparallelbatchnode import AsyncParallelBatchNode
    from sprints.batchflow import BatchFlow
    from sprints.batchnode import BatchNode
    from sprints.flow import Flow
    from sprints.listeners import Listeners, Stepped
    from sprints.node import Node
    from sprints.pipe import Pipes

__all__ = [
    "AsyncBatchFlow", "AsyncBatchNode", "AsyncFlow", "AsyncNode", "AsyncParallelBatchFlow", "AsyncParallelBatchNode",
    "BatchFlow", "BatchNode", "Flow", "Listeners", "Node", "Pipes", "Stepped",
]  # fmt: skip

#: Names whose module is not called as they are.
_HOMES = {"Pipes": "sprints.pipe", "Stepped": "sprints.listeners"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sprints' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, f"sprints.{name.lower()}")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
