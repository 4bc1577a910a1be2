"""Deadlocks between agents: found in what all workers tell of long questions, confirmed, and broken.

Owns the acting on the graph of waits. A circle in it is a suspicion only: the workers are asked what the tasks on it wait for
really, and by then each of these questions must have been known before. Then nobody on it can have gone on meanwhile, since
that takes an answer by one of the others. What is a deadlock and who gives way is `waitgraph`'s decision.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Collection, Hashable, Iterable
from functools import partial
from typing import Any, NamedTuple

from pools.address import Key, parse
from pools.events import Event
from pools.gateway import Gateway
from pools.seat import Seat
from pools.waitgraph import ASK, LOCK, Victim, Wait, WaitGraph

__all__ = ["Deadlocks"]

#: Seconds between two looks at circles that stand and were not confirmed: a task may come to wait for what it asked before.
PAUSE_S = 0.03
#: Seconds that workers are waited for; doubled up to the most while one has not answered in time.
ANSWER_S, MOST_S = 0.05, 2.0
#: Agents of a cycle that an error names: of a longer one the first and the last.
NAMED = 16

_Name = tuple[Gateway, int]


class _Task(NamedTuple):
    """A task with long questions. began_ns: monotonic."""

    agent: str
    peer: Gateway
    began_ns: int
    asks: set[Hashable]


class Deadlocks:
    """The waits of one engine's agents.

    seat_of: the worker of an agent, None where there is none.
    """

    def __init__(self, seat_of: Callable[[str, Key], Seat | None], on_event: Callable[[Event], None]) -> None:
        self._seat_of = seat_of
        self._on_event = on_event
        self._graph = WaitGraph()
        self._tasks: dict[str, _Task] = {}
        #: Questions to any agent of a kind of which it is not known yet whom they went to.
        self._unplaced: dict[_Name, list[Any]] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._suspects: set[str] = set()
        self._patience_s = ANSWER_S
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        #: Deadlocks that were broken since the engine began.
        self.broken = 0

    @property
    def blocked(self) -> int:
        """Questions that are open for longer than a moment."""
        return len(self._graph) - len(self._tasks) + len(self._unplaced)

    def way(self, start: str, dependencies: Callable[[str], Iterable[Wait]]) -> list[Wait]:
        """What a node waits for in the end, as `WaitGraph.way`: asks are known once they take longer than a moment."""
        return self._graph.way(start, dependencies)

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
        if self._retry is not None:
            self._retry.cancel()

    # -- what workers tell ---------------------------------------------------------------------------------------------

    def heard(self, peer: Gateway, said: dict[str, Any] | None) -> None:
        """Take what a worker tells of long questions: those that began, and those that ended; None when its process is gone."""
        if said is None:
            for name in [name for task in self._tasks.values() if task.peer is peer for name in task.asks]:
                self._end(name)
            self._unplaced = {name: row for name, row in self._unplaced.items() if name[0] is not peer}
            return
        for number in said["ended"]:
            if self._unplaced.pop((peer, number), None) is None:
                self._end((peer, number))
        rows = {(peer, row[0]): row for row in said["began"]}
        self._place({name: row for name, row in rows.items() if len(row) > 5})
        self._add({name: row for name, row in rows.items() if len(row) == 5})

    def _place(self, rows: dict[_Name, list[Any]]) -> None:
        """Find out whom questions to any agent of a kind went to."""
        self._unplaced |= rows
        placed = {}
        for peer in {name[0] for name in self._unplaced}:
            mine = {(row[5], row[6]): name for name, row in self._unplaced.items() if name[0] is peer}
            for place, address in peer.addresses(mine.keys()).items():
                name = mine[place]
                placed[name] = [*self._unplaced.pop(name)[:4], address]
        self._add(placed)
        if self._unplaced and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(PAUSE_S, self._place_again)

    def _place_again(self) -> None:
        self._retry = None
        self._place({})

    def _add(self, rows: dict[_Name, list[Any]]) -> None:
        graph = self._graph
        for name, (_, agent, task, began_ns, address) in rows.items():
            node = f"{agent} {task}"
            known = self._tasks.get(node)
            if known is None:
                known = self._tasks[node] = _Task(agent, name[0], began_ns, set())
                graph.add(node, Wait(agent, node, LOCK))
            known.asks.add(name)
            graph.add(name, Wait(node, address, ASK))
        closing = {f"{row[1]} {row[2]}" for name, row in rows.items() if graph.may_close(name)}
        self._suspects |= {node for node in closing if graph.may_close(node)}
        if self._suspects:
            self._news.set()
            if self._looking is None:
                self._looking = asyncio.get_running_loop().create_task(self._look())

    def _end(self, name: Hashable) -> None:
        wait = self._graph.wait(name)
        if wait is None:
            return
        self._graph.remove(name)
        asks = self._tasks[wait.waiter].asks
        asks.discard(name)
        if not asks:
            del self._tasks[wait.waiter]
            self._graph.remove(wait.waiter)

    # -- what is done about it -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Look at circles until none is left."""
        try:
            while circles := self._graph.circles(self._suspects):
                self._suspects = set().union(*circles)
                self._news.clear()
                began_s = time.monotonic()
                broken = await self._break(await self._victims())
                pause_s = 0.0 if broken else max(PAUSE_S, 10 * (time.monotonic() - began_s))
                await _either(self._news, pause_s)
        finally:
            self._suspects = set()
            self._looking = None

    async def _victims(self) -> list[Victim]:
        """The questions that are to be broken, after the workers have said what is waited for."""
        region = self._graph.reach(self._suspects)
        tasks = {node: task for node in region if (task := self._tasks.get(node)) is not None}
        known = {name for task in tasks.values() for name in task.asks}
        by_seat: dict[int, tuple[Seat, list[str]]] = {}
        for node, task in tasks.items():
            seat = self._seat_of(*parse(task.agent))
            if seat is not None:
                by_seat.setdefault(id(seat), (seat, []))[1].append(node)
        requests = {}
        for seat, nodes in by_seat.values():
            request = seat.request_if_up("awaits", agents=[parse(tasks[node].agent) for node in nodes])
            if request is not None:
                requests[request] = nodes
        await self._answered(requests)
        awaited: dict[str, list[Hashable]] = {}
        for request, nodes in requests.items():
            for node, said in zip(nodes, _value(request) or (), strict=False):
                if said is not None and f"{tasks[node].agent} {said[0]}" == node:
                    awaited[node] = [(tasks[node].peer, number) for number in said[1]]
        awaited = {node: names for node, names in awaited.items() if known.issuperset(names)}
        return self._graph.victims(awaited, {node: task.began_ns for node, task in tasks.items()})

    async def _answered(self, requests: Collection[Future[Any]]) -> None:
        """Wait for answers, as long as it may take; a worker that does not turn holds up nobody else."""
        if requests:
            _, missing = await asyncio.wait(requests, timeout=self._patience_s)
            self._patience_s = min(2 * self._patience_s, MOST_S) if missing else ANSWER_S

    async def _break(self, victims: list[Victim]) -> int:
        """Have the victims' questions fail; returns how many did: one that has its answer meanwhile is left."""
        requests: list[Future[Any]] = []
        by_seat: dict[int, tuple[Seat, list[tuple[Hashable, int, str]]]] = {}
        for name, cycle in victims:
            task = self._tasks[cycle[0]]
            seat = self._seat_of(*parse(task.agent))
            if seat is not None:
                row = (name, name[1], _said(task.agent, cycle))  # type: ignore[index]  # an ask's name is worker and number
                by_seat.setdefault(id(seat), (seat, []))[1].append(row)
        for seat, rows in by_seat.values():
            request = seat.request_if_up("deadlock", asks=[[number, text] for _, number, text in rows])
            if request is not None:
                request.add_done_callback(partial(self._broke, rows))
                requests.append(request)
        before = self.broken
        await self._answered(requests)
        return self.broken - before

    def _broke(self, rows: list[tuple[Hashable, int, str]], request: Future[Any]) -> None:
        """A worker has broken some questions, or says that they have their answer."""
        for (name, _, text), is_broken in zip(rows, _value(request) or (), strict=False):
            if is_broken:
                self.broken += 1
                self._end(name)
                self._on_event(Event("deadlock.broken", text, time.time()))


def _said(agent: str, cycle: list[str]) -> str:
    """What is said of a deadlock. cycle: agents and tasks in turn, the task of the agent that gives way first."""
    agents = [agent, *(node for node in cycle if " " not in node)]
    shown = agents if len(agents) <= NAMED else [*agents[: NAMED // 2], f"({len(agents) - NAMED} more)", *agents[-NAMED // 2 :]]
    return f"agents ask each other in a circle: {' -> '.join(shown)}; the ask of {agent} to {agents[1]} was broken"


def _value(request: Future[Any]) -> list[Any] | None:
    """What a worker answered; None where it did not, or has died."""
    if not request.done() or request.cancelled() or request.exception() is not None:
        return None
    value: list[Any] = request.result()
    return value


async def _either(news: asyncio.Event, seconds: float) -> None:
    """Wait until there is news, at most some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
