"""Agents under test: in this process, in a time that passes only when the test says so, and with faults on demand.

`SimSwarm` runs them; the pytest fixture `swarm` is one. Nothing of it is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.testing.seen import Logged, Spawned, Timer, Told
    from engine.testing.simswarm import SimSwarm
    from engine.testing.stuck import Stuck

__all__ = ["Logged", "SimSwarm", "Spawned", "Stuck", "Timer", "Told"]

_HOMES = {
    "Logged": "engine.testing.seen",
    "SimSwarm": "engine.testing.simswarm",
    "Spawned": "engine.testing.seen",
    "Stuck": "engine.testing.stuck",
    "Timer": "engine.testing.seen",
    "Told": "engine.testing.seen",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engine.testing' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
