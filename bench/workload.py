"""A workload: a name, what it measures and a source of rounds. Each round has met every side once, one after the other, so
that noise of the machine falls on all of them. The catalogue names the workloads without importing them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from bench.figures import Metric, Reading

__all__ = ["NAMES", "Size", "UnknownWorkload", "Workload", "find_workload"]

#: every workload, in the order in which they are shown; each is a module of this package with one `WORKLOAD`.
NAMES = (
    *("throughput", "latency", "spawn", "million", "density", "startup", "idle", "rewind", "wire"),
    *("durable", "recovery", "coldstart", "growth", "disk", "lz4"),
    *("routing", "dag", "slowpool", "breaker", "deadlock", "overload", "foresight", "deploy"),
    *("planning", "sprint", "sprints", "receipts"),
    *("monitor", "agents"),
    "cluster",
)


class UnknownWorkload(LookupError):
    """A workload was named that does not exist."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure.

    runs: rounds, from 1.  is_quick: sizes that show that it works in a second or two, not what it reaches.
    seed: of what is drawn by chance; None takes the one that every run has.
    """

    runs: int
    is_quick: bool = False
    seed: int | None = None

    def pick(self, full: int, quick: int) -> int:
        """The full number, or the quick one."""
        return quick if self.is_quick else full


@dataclass(frozen=True, slots=True)
class Workload:
    """What can be measured under one name.

    metrics: the first one is the workload's own figure.  rounds: yields a reading for each metric, `Size.runs` times.
    runs: rounds unless told otherwise.
    """

    name: str
    about: str
    metrics: tuple[Metric, ...]
    rounds: Callable[[Size], AsyncIterator[Mapping[str, Reading]]]
    runs: int


def find_workload(name: str) -> Workload:
    """The workload of that name.  Raises UnknownWorkload."""
    if name not in NAMES:
        raise UnknownWorkload(f"no workload {name!r}; there are {', '.join(NAMES)}")
    workload = import_module(f"bench.{name}").WORKLOAD
    assert isinstance(workload, Workload)
    return workload
