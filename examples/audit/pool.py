"""The pool of an audit that brings none: room for every agent, a worker for each processor."""

from __future__ import annotations

import os

from engine import PoolSpec
from examples.audit.tree import Tree

__all__ = ["pools_for"]


def pools_for(tree: Tree, *, agents: int, workers: int | None) -> list[PoolSpec]:
    """One pool. agents: spawned at least.  workers: None for one a processor, since parsing keeps one busy."""
    needed = len(tree.modules) + len(tree.packages) + 1
    return [PoolSpec("audit", agents=max(agents, needed), workers=workers or len(os.sched_getaffinity(0)))]
