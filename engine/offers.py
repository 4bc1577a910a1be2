"""Accepted tasks on their way to workers, and their answers.

Owns which of them wait here, how many each worker has, and what is offered again: a task that its agent's full mailbox refused,
and whatever a worker took with it that is down, where state is kept. A number is offered as often as it takes; who keeps state
does it once. Whether an answer counts yet is the journal's business.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Protocol

import orjson

from engine.task import Ending, Task, exact
from pools.address import Key, parse
from pools.breakers import HELD
from pools.errors import (
    CircuitOpen,
    Failure,
    LinkClosed,
    MailboxFull,
    PoolError,
    PoolUnavailable,
    TaskCancelled,
    TaskExpired,
    WorkerDied,
    failure_of,
)
from pools.lane import Lane
from pools.link import Link
from pools.routes import Routes

__all__ = ["Desk", "Offers"]

#: Tasks that one worker has at once: a window full. The rest waits here, so that one slow worker holds up nobody else's tasks.
OFFERED = 4_096
#: Tasks whose way is looked up in one turn of the loop.
ROUTED = 1_024
#: Seconds until a task that a full mailbox refused is offered again: at first, and after many times.
AGAIN_S, AGAIN_MOST_S = 0.1, 5.0
#: Seconds between two looks at whether a worker that is down is back.
LOOK_S = 1.0
#: What a worker's end means for a task that nobody took back; it is found open when the engine starts again.
CUT_OFF = frozenset({WorkerDied.__name__, PoolUnavailable.__name__, LinkClosed.__name__})


class Desk(Protocol):
    """What offers need of a loop."""

    def call_soon(self, function: Callable[[], object]) -> object:
        """Call a function in the next turn."""
        ...

    def call_later(self, after_s: float, function: Callable[[], object]) -> object:
        """Call a function after some seconds."""
        ...


class _Way:
    """What goes to one worker: the lanes by kind, the tasks that wait, and how many are out."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.lanes: dict[str, Lane] = {}
        self.waiting: deque[tuple[Task, str, Key]] = deque()
        self.out = 0


class Offers:
    """The sender of accepted tasks.

    routes: from kind and key to the link.  mark: the section below which workers may forget their answers.
    session: tells these numbers from all others; None where workers keep nothing.  ended: told how tasks ended.
    wall_s: seconds since 1970.
    """

    def __init__(
        self,
        routes: Routes,
        *,
        session: str | None,
        mark: Callable[[], int],
        desk: Desk,
        ended: Callable[[list[Ending]], None],
        chance: Random,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._routes = routes
        self._session = session
        self._mark = mark
        self._desk = desk
        self._ended = ended
        self._chance = chance
        self._wall_s = wall_s
        self._arrived: deque[Task] = deque()
        self._ways: dict[int, _Way] = {}
        self._way_of: dict[Task, _Way] = {}
        self._refused: dict[Task, int] = {}
        self._doubtful: list[tuple[Task, _Way, Failure]] = []
        self._is_routing = self._is_looking = False
        #: Whether nothing more is offered: the engine stops.
        self.is_held = False

    # -- to the workers ------------------------------------------------------------------------------------------------

    def put(self, tasks: Iterable[Task]) -> None:
        """Offer tasks, in their order, as their workers have room."""
        self._arrived.extend(tasks)
        self._route_soon()

    def hold(self) -> None:
        """Offer nothing more; what is out may still end."""
        self.is_held = True

    def _route_soon(self) -> None:
        if not self._is_routing and self._arrived:
            self._is_routing = True
            self._desk.call_soon(self._route)

    def _route(self) -> None:
        """Find the ways of the next tasks."""
        self._is_routing = False
        lost: list[Ending] = []
        ways: dict[int, _Way] = {}
        for _ in range(min(ROUTED, len(self._arrived))):
            task = self._arrived.popleft()
            if task.is_ending:
                continue
            try:
                kind, key = parse(task.agent)
                link, key = self._way_to(task, kind, key)
            except CircuitOpen:
                self._again_later(task)
                continue
            except PoolError as error:
                lost.append(task.end("failed", self._wall_s(), error=failure_of(error)))
                continue
            way = self._ways.get(id(link))
            if way is None:
                way = self._ways[id(link)] = _Way(link)
            way.waiting.append((task, kind, key))
            ways[id(link)] = way
        if lost:
            self._ended(lost)
        for way in ways.values():
            self._pump(way)
        self._route_soon()

    def _way_to(self, task: Task, kind: str, key: Key) -> tuple[Link, Key]:
        """The link to a task's agent. Raises PoolError, CircuitOpen for now."""
        return (self._routes.resolve_chosen if task.is_chosen else self._routes.resolve_key)(kind, key)

    def _pump(self, way: _Way) -> None:
        """Send what waits for a worker, as far as it has room."""
        if self.is_held or not way.waiting:
            return
        if way.link.reason is not None:
            self._look_later()
            return
        now_s, mark = self._wall_s(), self._mark()
        while way.waiting and way.out < OFFERED:
            task, kind, key = way.waiting.popleft()
            if task.is_ending:
                continue
            lane = way.lanes.get(kind)
            if lane is None:
                lane = way.lanes[kind] = Lane(way.link, kind, self)
                lane.session, lane.ids = self._session, _numbers
            lane.mark = mark
            task.state, task.started_s = "running", now_s
            task.attempts += 1
            way.out += 1
            self._way_of[task] = way
            argument = None if task.argument is None else orjson.loads(task.argument)
            lane.rows.extend((task, key, task.method, argument))
        way.link.offer(way.lanes.values())

    def _look_later(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._desk.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._is_looking = False
        for way in self._ways.values():
            self._pump(way)

    # -- back from them ------------------------------------------------------------------------------------------------

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers."""
        failed = dict(failures)
        now_s = self._wall_s()
        endings: list[Ending] = []
        ways: dict[int, _Way] = {}
        for at, task in enumerate(tokens):
            way = self._way_of.pop(task)
            way.out -= 1
            ways[id(way)] = way
            failure = failed.get(at)
            if failure is None:
                endings.append(task.end("done", now_s, value=exact(results[at])))
            elif not self._is_again(task, way, failure):
                endings.append(_failed(task, now_s, failure))
            if failure is None or task.is_ending:
                self._refused.pop(task, None)
        if endings:
            self._ended(endings)
        for way in ways.values():
            if way.waiting:
                self._desk.call_soon(lambda way=way: self._pump(way))  # type: ignore[misc]

    def _is_again(self, task: Task, way: _Way, failure: Failure) -> bool:
        """Whether a task that failed has not been run, or may be run under its number again: then it is seen to here."""
        if self.is_held and failure.type in CUT_OFF:
            return True
        is_full = failure.type == MailboxFull.__name__ and failure.message.startswith(f"{task.agent} has ")
        if is_full or (failure.type == CircuitOpen.__name__ and failure.message.startswith(HELD)):
            self._again_later(task)
            return True
        if failure.type == PoolUnavailable.__name__ and self._session is not None:
            if not self._doubtful:
                self._desk.call_soon(self._judge)  # the link says why it is down when it has answered everybody
            self._doubtful.append((task, way, failure))
            return True
        return False

    def _judge(self) -> None:
        """Offer again what a worker that is down has taken with it; the others have failed by themselves."""
        doubtful, self._doubtful = self._doubtful, []
        endings = []
        for task, way, failure in doubtful:
            if task.is_ending:
                continue
            if way.link.reason is None:
                endings.append(_failed(task, self._wall_s(), failure))
            elif task.wish is not None:
                endings.append(_failed(task, self._wall_s(), Failure(TaskCancelled.__name__, failure.message)))
            else:
                task.state = "queued"
                self.put([task])
        if endings:
            self._ended(endings)

    def _again_later(self, task: Task) -> None:
        times = self._refused[task] = self._refused.get(task, 0) + 1
        task.state = "queued"
        after_s = min(AGAIN_S * 2 ** min(times - 1, 10), AGAIN_MOST_S) * self._chance.uniform(0.5, 1.0)
        self._desk.call_later(after_s, lambda: self.put([task]))

    # -- taking back ---------------------------------------------------------------------------------------------------

    def take_back(self, tasks: Iterable[Task], wish: str) -> None:
        """End tasks as `wish`: at once where no worker has them, else as their workers answer."""
        out: dict[int, tuple[_Way, set[Task]]] = {}
        endings = []
        for task in tasks:
            if task.is_ending:
                continue
            task.wish = wish
            way = self._way_of.get(task)
            if way is not None:
                out.setdefault(id(way), (way, set()))[1].add(task)
            else:
                self._refused.pop(task, None)
                endings.append(_failed(task, self._wall_s(), _UNSENT))
        if endings:
            self._ended(endings)
        for way, meant in out.values():
            way.link.cancel_where(self, meant.__contains__, is_late=wish == "expired")


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [task.number for task in tokens]


def _failed(task: Task, now_s: float, failure: Failure) -> Ending:
    """How a task ends that has not been done."""
    if failure.type == TaskCancelled.__name__ and task.wish == "expired":
        failure = Failure(TaskExpired.__name__, f"it was not done within {task.deadline_s:g} s: {failure.message}")
    state = {TaskCancelled.__name__: "cancelled", TaskExpired.__name__: "expired"}.get(failure.type, "failed")
    return task.end(state, now_s, error=failure)


_UNSENT = failure_of(TaskCancelled("it was taken back before a worker had it"))
