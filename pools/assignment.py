"""Who of several places takes which task, where tasks want skills.

Pure: it decides from numbers that are handed in. A place is as good as its record, and less so the more it has to do; one that
lacks a skill is never chosen. Above: the balancer, whose places are workers with agents of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import NamedTuple

__all__ = ["Candidate", "assign_optimal"]


class Candidate(NamedTuple):
    """A place that may take tasks.

    success: share of its tasks that went well, 0 to 1.  load: tasks that it has; room: those that it does at once, above 0.
    """

    skills: frozenset[str]
    success: float
    load: float
    room: float = 1.0


def assign_optimal(tasks: Sequence[frozenset[str]], candidates: Sequence[Candidate]) -> list[int | None]:
    """For each task the place that takes it, by number; None where none has its skills.

    tasks: the skills that each wants.  Those that the fewest places can do choose first; each choice counts as load for the
    next ones. A place that is free comes before one that is not, then one with the higher score, which is success divided by
    load; of equals the first.

    Each choice changes what the next one sees, so columns of numbers (numpy) would be looked at once a task. In a heap for each
    set of skills only the place that was chosen moves; one that another set chose meanwhile is moved when it comes up, as more
    load only makes it worse.
    """
    loads = [one.load for one in candidates]
    heaps: dict[frozenset[str], list[tuple[bool, float, int, float]]] = {}

    def rank(at: int) -> tuple[bool, float, int, float]:
        one, load = candidates[at], loads[at]
        return load >= one.room, -one.success / (1.0 + load / one.room), at, load

    for wanted in set(tasks):
        heaps[wanted] = heap = [rank(at) for at, one in enumerate(candidates) if wanted <= one.skills]
        heapify(heap)
    chosen: list[int | None] = [None] * len(tasks)
    places = {wanted: len(heap) for wanted, heap in heaps.items()}
    for task in sorted(range(len(tasks)), key=lambda at: places[tasks[at]]):
        heap = heaps[tasks[task]]
        if heap:
            while heap[0][3] != loads[heap[0][2]]:
                heapreplace(heap, rank(heap[0][2]))
            best = heap[0][2]
            loads[best] += 1
            heapreplace(heap, rank(best))
            chosen[task] = best
    return chosen
