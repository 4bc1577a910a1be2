"""All agents of a kind, asked at once: what `ask("counter/*", …, reduce="sum")` is.

Owns who is meant, and what becomes of those that fail. Tasks go in columns, as those of `map_batches` do; how answers are
made into one value is the reduction's business.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import NotAll
from engine.reduction import LIST_MOST, Reduced, Reduction
from pools.address import valid_kind
from pools.errors import BadArgument, Failure, TaskExpired, failure_of, raised
from pools.lane import Named
from pools.result import Batch

if TYPE_CHECKING:
    from pools.swarm import Swarm

__all__ = ["Everybody", "Members", "members_of"]

#: What becomes of agents that fail: the first error is raised, or the others count.
ON_ERROR = ("raise", "skip")


class Members(NamedTuple):
    """The agents of a kind at one moment: numbers by start and stop, in order, and names in the order of their spawning."""

    ranges: list[tuple[int, int]]
    names: list[str]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(stop - start for start, stop in self.ranges) + len(self.names)

    def keys(self) -> Iterator[int | str]:
        """Each key, in their order."""
        for start, stop in self.ranges:
            yield from range(start, stop)
        yield from self.names

    def key_at(self, place: int) -> int | str:
        """The key at a place of that order."""
        for start, stop in self.ranges:
            if place < stop - start:
                return start + place
            place -= stop - start
        return self.names[place]


def members_of(swarm: Swarm, kind: str) -> Members:
    """The agents of a kind that exist now. Raises UnknownKind."""
    placement = swarm.placement
    if not placement.count_of(kind):
        swarm.check_kind(kind)
    parts = [part for number in range(len(placement.pools)) for part in placement.parts_of(kind, number)]
    names = [name for _, run in placement.runs_of(kind) for name in run]
    return Members(sorted((part.start, part.stop) for part in parts), names)


class Everybody:
    """Asks all agents of a kind.

    find: the agents of a kind, now or once they are known.  map_batches: runs tasks.
    """

    def __init__(
        self,
        find: Callable[[str], Members | Awaitable[Members]],
        map_batches: Callable[[Iterator[Any]], AsyncGenerator[Batch, None]],
    ) -> None:
        self._find = find
        self._map_batches = map_batches
        self._asking: set[Future[Any]] = set()

    def ask(
        self,
        kind: str,
        method: str,
        arguments: tuple[Any, ...],
        *,
        reduce: str | None = None,
        on_error: str = "raise",
        limit: int = LIST_MOST,
        timeout_s: float | None = None,
        **named: Any,
    ) -> Future[Any]:
        """Send a task to each agent of a kind; await what their values were reduced to.

        reduce: `sum`, `mean`, `min` and `max` of numbers (of nobody 0, and None); `count` of those that answered; `list` of the
        values in the order of the agents, of up to `limit` agents.  on_error: `raise`, once all have ended, the error of the
        first agent that failed, with the counts in its text, from NotAll; `skip` gives `Reduced`: the value of those that
        answered, beside the counts.
        timeout_s: for all together; what has not ended then is taken back, and has failed with TaskExpired.

        Asked are the agents that exist when this is called; through a client, when the engine hears of it. One that is removed
        before its task began fails with UnknownAgent, one that is spawned later is not asked. A value that a reduction cannot
        take counts as a failure (BadReply) of an agent whose task is done all the same.
        """
        try:
            if named and arguments:
                raise BadArgument(f"{method}: give the arguments by place or by name, not both")
            found = self._checked(kind, method, reduce, on_error)
        except Exception as error:  # noqa: BLE001 - whoever asks hears of it where the answer is awaited
            refused: Future[Any] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused
        sent = (method, Named(named)) if named else (method, *arguments)
        asked = asyncio.get_running_loop().create_task(self._reduced(kind, found, sent, reduce, on_error, limit, timeout_s))
        self._asking.add(asked)
        asked.add_done_callback(self._asking.discard)
        return asked

    def _checked(self, kind: str, method: Any, reduce: Any, on_error: Any) -> Members | Awaitable[Members]:
        """The agents of a kind that exist now. Raises BadArgument, BadAddress, UnknownKind."""
        if reduce is None:
            raise BadArgument(f"{kind}/* asks every agent of the kind: say what their values become, such as reduce='sum'")
        if on_error not in ON_ERROR:
            raise BadArgument(f"on_error is raise or skip, not {on_error!r:.40}")
        if type(method) is not str:
            raise BadArgument("a method is named by text")
        return self._find(valid_kind(kind))

    async def _reduced(
        self,
        kind: str,
        found: Members | Awaitable[Members],
        sent: tuple[Any, ...],
        reduce: Any,
        on_error: str,
        limit: int,
        timeout_s: float | None,
    ) -> Any:
        members = found if isinstance(found, Members) else await found
        reduction = Reduction(reduce, members.total, limit)
        try:
            async with asyncio.timeout(timeout_s), aclosing(self._map_batches(_tasks(kind, members, sent))) as results:
                async for batch in results:
                    reduction.add(batch)
        except TimeoutError:
            reduction.silent(failure_of(TaskExpired(f"{kind}/* {sent[0]}: not everybody answered within {timeout_s:g} s")))
        outcome = reduction.reduced(lambda place: f"{kind}/{'*' if place < 0 else members.key_at(place)}")
        if on_error == "skip":
            return outcome
        if outcome.first is not None:
            raise _error(outcome, *outcome.first) from _not_all(outcome, outcome.first[0])
        return outcome.value


def _tasks(kind: str, members: Members, sent: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    return ((f"{kind}/{key}", *sent) for key in members.keys())  # noqa: SIM118 - no mapping


def _error(outcome: Reduced, agent: str, failure: Failure) -> Exception:
    """The error of the first agent that failed, which tells how many did."""
    return raised(failure._replace(message=f"{failure.message} ({agent}; {_counted(outcome)})"))


def _not_all(outcome: Reduced, agent: str) -> NotAll:
    return NotAll(f"{_counted(outcome)}, first {agent}", reduced=outcome, agent=agent)


def _counted(outcome: Reduced) -> str:
    sorts = ", ".join(f"{name} {count:,}" for name, count in sorted(outcome.failures.items()))
    return f"{outcome.failed:,} of {outcome.asked:,} agents failed: {sorts}"
