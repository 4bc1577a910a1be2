"""Which items a sprint takes, and which of its waves does them.

Pure: the same backlog, shape and capacity give the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Plan", "WavePlan"]


@dataclass(frozen=True, slots=True)
class WavePlan:
    """What one wave does. items: ids, the first ones first.  agents: how many of each role."""

    items: tuple[str, ...]
    agents: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sprint does. left: how many items were not taken, by why."""

    waves: tuple[WavePlan, ...]
    left: Mapping[str, int]
