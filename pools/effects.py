"""The effects of one task, counted by the engine: what it has changed, not what it says that it has.

Owns what is counted and how it travels beside the task's value. When a task runs, and what becomes of its state, is `turns`'
business; what a task reports of itself is read from its context.
"""

from __future__ import annotations

from asyncio import Future
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pools.difference import differs
from pools.errors import BadArgument
from pools.values import fault

if TYPE_CHECKING:
    from pools.agent import Agent
    from pools.kind import Kind

__all__ = ["COUNTED", "Tally", "reported", "summed"]

#: What the engine counts itself: no task reports anything under these names.
COUNTED = ("fields", "steps", "checkpoints", "asks", "tells", "spawns", "timers")
#: Names under which a task reports, and their characters: they stand in every list of tasks that ended.
NAMES, NAME_CHARS = 32, 64
#: The highest count: each number up to it is exact for everybody who reads JSON.
MOST = 2**53
#: What messages are counted as.
_SENT = {"tell": "tells", "spawn": "spawns", "timer": "timers"}


class Tally:
    """What is counted of one run of a task. clock_ns: monotonic nanoseconds.

    ran_s: seconds from the method's first instruction to its end.  counts: what it did beside its state and its messages.
    """

    __slots__ = ("_agent", "_before", "_clock_ns", "_kind", "counts", "ran_s")

    def __init__(self, kind: Kind, agent: Agent, clock_ns: Callable[[], int]) -> None:
        self._kind = kind
        self._agent = agent
        self._clock_ns = clock_ns
        self.ran_s = 0.0
        self.counts: Counter[str] = Counter()
        self._before = self._state()

    def timed(self, bound: Callable[[], Any], *, is_async: bool) -> Callable[[], Any]:
        """The same call, which says how long it took."""

        def run() -> Any:
            began_ns = self._clock_ns()
            try:
                return bound()
            finally:
                self.ran_s = (self._clock_ns() - began_ns) / 1e9

        async def drive() -> Any:
            began_ns = self._clock_ns()
            try:
                return await bound()
            finally:
                self.ran_s = (self._clock_ns() - began_ns) / 1e9

        return drive if is_async else run

    def asked(self, future: Future[Any]) -> None:
        """The task asks another agent: that counts once it is answered."""
        if future.done():
            self._answered(future)
        else:
            future.add_done_callback(self._answered)

    def _answered(self, future: Future[Any]) -> None:
        self.counts["asks"] += not future.cancelled() and future.exception() is None

    # -- from a process of its own -------------------------------------------------------------------------------------

    def told(self) -> list[Any]:
        """What a fork says of a task that ran there; its state and its messages come otherwise."""
        return [self.ran_s, dict(self.counts)]

    def hear(self, told: list[Any]) -> None:
        """Take what a fork said."""
        self.ran_s, self.counts = told[0], Counter(told[1])

    # -- what came of it -----------------------------------------------------------------------------------------------

    def beside(self, value: Any, outbox: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The value as it travels, once the change is the agent's state: `[value, effects, ran_s]`.

        outbox: what the task sends. What was not done at all is not among the effects.
        """
        counts = Counter({name: self.counts[name] for name in COUNTED})
        counts.update(_SENT[row[0]] for row in outbox)
        counts["fields"] = self._changed()
        counts.update({name: count for name, count in self.counts.items() if name not in COUNTED})
        return [value, {name: count for name, count in counts.items() if count}, self.ran_s]

    def _state(self) -> Any:
        return self._kind.mark(self._agent) if self._kind.is_light else self._agent._committed

    def _changed(self) -> int:
        """Fields that have another value than before, as it is kept: the same value written again is no change."""
        kind, before, after = self._kind, self._before, self._state()
        if not kind.is_light:
            return sum(map(differs, before, after))
        if len(kind.names) == 1:
            before, after = (before,), (after,)
        rows = zip(kind.fields, before, after, strict=True)
        return sum(old is not new and field.save(old) != field.save(new) for field, old, new in rows)


def summed(effects: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The effects of several tasks together; of the names that tasks report the first NAMES, each up to MOST."""
    total: dict[str, int] = {}
    rest = NAMES
    for name, count in (pair for each in effects for pair in each.items()):
        if name not in total and name not in COUNTED:
            rest -= 1
            if rest < 0:
                continue
        total[name] = min(total.get(name, 0) + count, MOST)
    return total


def reported(counts: dict[str, int], name: Any, count: Any) -> None:
    """Add to what a task reports. Raises BadArgument past the limits, and for a name that the engine counts."""
    if type(name) is not str or not 0 < len(name) <= NAME_CHARS or fault(name) is not None:
        raise BadArgument(f"report: a name is a text of 1 to {NAME_CHARS} characters, got {name!r:.80}")
    if name in COUNTED:
        raise BadArgument(f"report: {name} are counted by the engine; use another name")
    before = counts.get(name, 0)
    if type(count) is not int or not 0 <= count <= MOST - before:
        raise BadArgument(f"report: {name} is a whole number from 0 to {MOST:,} in all, got {count!r:.40} after {before:,}")
    if name not in counts and len(counts) >= NAMES:
        raise BadArgument(f"report: a task reports under up to {NAMES} names; {name!r} is one more")
    counts[name] = before + count
