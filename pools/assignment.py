"""Who of several places takes which task, where tasks want skills.

Pure: it decides from numbers that are handed in. A place is as good as its record, and less so the more it has to do; one that
lacks a skill is never chosen. Above: the balancer, whose places are workers with agents of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Candidate", "assign_optimal", "score"]


class Candidate(NamedTuple):
    """A place that may take tasks.

    success: share of its tasks that went well, 0 to 1.  load: tasks that it has; room: those that it does at once, above 0.
    """

    skills: frozenset[str]
    success: float
    load: float
    room: float = 1.0

    @property
    def is_free(self) -> bool:
        """Whether one more would begin at once."""
        return self.load < self.room


def score(wanted: frozenset[str], candidate: Candidate) -> float:
    """How good a place is for a task: skill times success, divided by its load; 0 where it lacks a skill."""
    if not wanted <= candidate.skills:
        return 0.0
    return candidate.success / (1.0 + candidate.load / candidate.room)


def assign_optimal(tasks: Sequence[frozenset[str]], candidates: Sequence[Candidate]) -> list[int | None]:
    """For each task the place that takes it, by number; None where none has its skills.

    tasks: the skills that each wants.  Those that the fewest places can do choose first; each choice counts as load for the
    next ones. A place that is free comes before one that is not.
    """
    now = list(candidates)
    able = {wanted: [at for at, one in enumerate(now) if wanted <= one.skills] for wanted in set(tasks)}
    chosen: list[int | None] = [None] * len(tasks)
    for task in sorted(range(len(tasks)), key=lambda at: len(able[tasks[at]])):
        wanted = tasks[task]
        if able[wanted]:
            best = max(able[wanted], key=lambda at: (now[at].is_free, score(wanted, now[at])))
            now[best] = now[best]._replace(load=now[best].load + 1)
            chosen[task] = best
    return chosen
