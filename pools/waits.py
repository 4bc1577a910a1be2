"""The questions of a worker's agents that take long: the engine is told of them, so that it sees who waits for whom.

Owns which questions are open for longer than a moment, what their tasks wait for when the engine asks, and the end of one that
the engine breaks. A question that is answered soon costs an entry in a list; a long one is told when it is found and when it
ends, and costs nothing in between. What is a deadlock is `deadlocks`' to say.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pools.address import address_of, parse
from pools.awaited import awaited
from pools.errors import Deadlock
from pools.link import Link
from pools.residents import Residents

if TYPE_CHECKING:
    from pools.context import Context
    from pools.job import Turn

__all__ = ["Waits"]

#: Seconds between two looks while questions are open that are not known to take long: one does after one to two of them.
LOOK_S = 0.01
#: Questions that are told in one look: some 200 KB. The rest is told in the next ones.
ROWS = 2_000
#: Long questions that are watched at once, some 100 bytes each; a deadlock among those past it is not found.
WATCHED = 200_000

_Asked = tuple["Context", str, "Future[Any]"]


class Waits:
    """The long questions of one worker.

    later: calls a function after some seconds.  say: tells the engine.  take_back: takes back what some futures wait for.
    up: the link to everybody else.
    """

    def __init__(
        self,
        kinds: Mapping[str, Residents],
        *,
        later: Callable[[float, Callable[[], None]], object],
        say: Callable[[dict[str, Any]], None],
        take_back: Callable[[Collection[Future[Any]]], None],
        up: Link,
    ) -> None:
        self._kinds = kinds
        self._later = later
        self._say = say
        self._take_back = take_back
        self._up = up
        self._is_looking = False
        self._fresh: list[_Asked] = []
        self._aged: list[_Asked] = []
        self._over: list[int] = []
        self._number = 0
        self._numbers: dict[Future[Any], int] = {}
        self._long: dict[int, Future[Any]] = {}
        #: What the engine may order.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"awaits": self._awaits, "deadlock": self._break}

    def asked(self, context: Context, address: str, future: Future[Any]) -> None:
        """A task has asked an agent; the future gets the answer."""
        self._fresh.append((context, address, future))
        if not self._is_looking:
            self._watch()

    def _watch(self) -> None:
        self._is_looking = True
        self._later(LOOK_S, self._look)

    def _look(self) -> None:
        aged = [asked for asked in self._aged if not asked[2].done()]
        self._aged, self._fresh = [*aged[ROWS:], *self._fresh], []
        over, self._over = self._over, []
        began = self._rows(aged[:ROWS])
        if began or over:
            self._say({"verb": "waits", "began": began, "ended": over})
        self._is_looking = False
        if self._aged:
            self._watch()

    def _rows(self, asked: list[_Asked]) -> list[list[Any]]:
        """What is told of questions that have become long: number, agent, task, when the task began in ns, the address asked.

        Of one to any agent of a kind, its section and place in it too, by which the engine knows whom it chose.
        """
        places = self._places({future for _, address, future in asked if "/" not in address})
        rows: list[list[Any]] = []
        for context, address, future in asked:
            turn = self._turn(*parse(context.agent_id))
            if turn is None or turn.context is not context or len(self._long) >= WATCHED:
                continue  # its task has ended without it
            if "/" in address:
                where: list[Any] = [address_of(*parse(address))]
            elif future in places:
                where = [address, *places[future]]
            else:
                self._aged.append((context, address, future))  # it has not left yet
                continue
            self._number += 1
            self._numbers[future], self._long[self._number] = self._number, future
            future.add_done_callback(partial(self._ended, self._number))
            rows.append([self._number, context.agent_id, context.task_id, turn.began_ns, *where])
        return rows

    def _places(self, wanted: Collection[Future[Any]]) -> dict[Future[Any], tuple[int, int]]:
        if not wanted:
            return {}
        found = ((getattr(token, "future", token), place) for token, place, _ in self._up.flights.tasks())
        return {token: place for token, place in found if token in wanted}

    def _turn(self, kind: str, key: Any) -> Turn | None:
        residents = self._kinds.get(kind)
        return None if residents is None else residents.busy.get(key)

    def _ended(self, number: int, future: Future[Any]) -> None:
        del self._numbers[future], self._long[number]
        self._over.append(number)
        if not self._is_looking:
            self._watch()

    # -- what the engine orders ----------------------------------------------------------------------------------------

    def _awaits(self, order: dict[str, Any]) -> list[Any]:
        """For each agent the name of its task and the questions that it waits for; None where it may go on by itself."""
        return [self._waits_for(self._turn(kind, key)) for kind, key in order["agents"]]

    def _waits_for(self, turn: Turn | None) -> list[Any] | None:
        if turn is None or turn.task is None or turn.context is None:
            return None
        if turn.context.awaits is None:
            numbers = awaited(turn.task, self._numbers)
        else:
            numbers = [self._numbers.get(future, 0) for future in turn.context.awaits]
        return None if numbers is None else [turn.context.task_id, numbers]

    def _break(self, order: dict[str, Any]) -> list[bool]:
        """End some questions with the error that names the cycle; returns for each whether it had no answer yet."""
        broken = {}
        for number, text in order["asks"]:
            future = self._long.get(number)
            if future is not None and not future.done():
                future.set_exception(Deadlock(text))
                broken[number] = future
        if broken:
            self._take_back(set(broken.values()))
        return [number in broken for number, _ in order["asks"]]
