"""A Python engine for thousands to millions of tiny stateful agents.

What a person imports: `Agent` to write one, `Engine` to run them in this process, `Client` to talk to a running engine,
`BlockingClient` to do so without asyncio. How agents are tested is in `engine.testing`.
Everything is loaded at its first use, so that `import engine` costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import errors
    from engine.blockingclient import BlockingClient
    from engine.client import Client
    from engine.engine import Engine
    from engine.options import Options
    from engine.reduction import Reduced
    from engine.snapshot import Snapshot
    from engine.swarmworkflow import SwarmWorkflow
    from pools.agent import Agent
    from pools.breaker import BreakerSpec
    from pools.context import Context
    from pools.log import Log
    from pools.method import task
    from pools.result import Batch, Result
    from pools.spec import PoolSpec
    from pools.table import Table

__all__ = [
    "Agent", "Batch", "BlockingClient", "BreakerSpec", "Client", "Context", "Engine", "Log", "Options", "PoolSpec",
    "Reduced", "Result", "Snapshot", "SwarmWorkflow", "Table", "__version__", "errors", "task",
]  # fmt: skip

__version__ = "0.1.0"

_HOMES = {
    "Agent": "pools.agent",
    "BlockingClient": "engine.blockingclient",
    "Client": "engine.client",
    "Context": "pools.context",
    "Engine": "engine.engine",
    "Log": "pools.log",
    "Options": "engine.options",
    "PoolSpec": "pools.spec",
    "Batch": "pools.result",
    "BreakerSpec": "pools.breaker",
    "Reduced": "engine.reduction",
    "Result": "pools.result",
    "task": "pools.method",
    "Snapshot": "engine.snapshot",
    "SwarmWorkflow": "engine.swarmworkflow",
    "Table": "pools.table",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("engine.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The package: what it gives under a name stays that, also once a module of the same name (`engine.task`) is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
