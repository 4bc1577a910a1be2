"""Which events of a log somebody wants to see.

Owns the conditions, all of which must hold. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pools.events import DEBUG, Event, rank_of

__all__ = ["Sieve"]

#: A task's id as `ctx.task_id` has it: the session that gave its number, and that.
_WHOLE = re.compile(r"([0-9a-f]{8})[0-9a-f]{8}(-[0-9]+)")


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is wanted. agent, event: patterns with * and ?.  task: an id, or what its sender calls it.  level: at least.

    since_s, until_s: seconds since 1970.
    """

    agent: str | None = None
    task: str | None = None
    event: str | None = None
    level: str = DEBUG
    since_s: float = 0.0
    until_s: float = float("inf")

    def passes(self, event: Event) -> bool:
        """Whether an event is wanted."""
        return (
            self.since_s <= event.time_s <= self.until_s
            and rank_of(event.matters) >= rank_of(self.level)
            and (self.agent is None or fnmatchcase(event.agent, self.agent))
            and (self.event is None or fnmatchcase(event.name, self.event))
            and (self.task is None or self._is_of(event, self.task))
        )

    @staticmethod
    def _is_of(event: Event, task: str) -> bool:
        """Whether an event is of a task; an accepted one is called by the short form of its id."""
        whole = _WHOLE.fullmatch(task)
        names = (task, whole[1] + whole[2]) if whole is not None else (task,)
        return any(name and name in (event.task, event.called, event.trace) for name in names)
