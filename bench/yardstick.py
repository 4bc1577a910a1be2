"""The client of a yardstick and the two worker processes that it starts: the same processes, sockets and tasks in flight as
the engine, with nothing in between. It owns the workers and ends them; it takes its frames' form from `raw` or `rows`."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, Self

from bench.tasks import AGENTS, Passes, TaskList
from bench.yardlink import Flight, Link
from bench.yardworker import FORMS

__all__ = ["WORKERS", "Yardstick"]

#: worker processes; with the client three processes share the cores.
WORKERS = 2


class Yardstick:
    """A client with its workers; each worker holds the agents whose number is its own modulo the number of workers."""

    def __init__(self, form: str = "raw", agents: int = AGENTS) -> None:
        self._form = form
        self._agents = agents
        self._links: list[Link] = []

    async def __aenter__(self) -> Self:
        self._links = [Link(self._form) for _ in range(WORKERS)]
        try:
            for link in self._links:
                await link.connect()
            await self.make(self._agents)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for link in self._links:
            link.close()
        for link in self._links:
            await asyncio.to_thread(link.join)

    @staticmethod
    def share(tasks: TaskList) -> list[Passes]:
        """The tasks of each worker, for `run` and `turns`: the split is no part of what is timed."""
        return [Passes(part) for part in tasks.split(WORKERS)]

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [link.process.pid for link in self._links]

    async def make(self, agents: int) -> None:
        """Make the agents with the numbers below `agents`; those that are there begin anew."""
        makes = ({"make": [number, agents, WORKERS]} for number in range(WORKERS))
        await asyncio.gather(*(link.ask(make) for link, make in zip(self._links, makes, strict=True)))

    async def run(self, parts: list[Passes]) -> float:
        """Run each task once; returns the seconds from the first send to the last reply, after all replies were checked.

        parts: what `share` returned.  Raises ValueError at a wrong or missing reply.
        """
        flights = [Flight(link, part.tasks) for link, part in zip(self._links, parts, strict=True)]
        gc.collect()
        start = time.perf_counter()
        await asyncio.gather(*(flight.finish() for flight in flights))
        seconds = time.perf_counter() - start
        for flight, part in zip(flights, parts, strict=True):
            part.check(flight.got)
        return seconds

    async def turns(self, parts: list[Passes]) -> list[int]:
        """Run the tasks one at a time over the workers in turn; returns the nanoseconds of each round trip."""
        pack, clock = FORMS[self._form].pack, time.perf_counter_ns
        got: list[list[Any]] = [[] for _ in parts]
        spent = []
        for number in range(sum(len(part.tasks) for part in parts)):
            at, owner = divmod(number, WORKERS)
            start = clock()
            reply = await self._links[owner].ask(pack(parts[owner].tasks.calls[at : at + 1], at))
            spent.append(clock() - start)
            got[owner].append(reply)
        keep = FORMS[self._form].keep
        for part, replies in zip(parts, got, strict=True):
            values: list[Any] = [None] * len(part.tasks)
            for at, reply in enumerate(replies):
                keep(values, at, reply)
            part.check(values)
        return spent
