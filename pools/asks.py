"""Single tasks, each with a future for its answer.

Owns who waits for which answer, and the time limit of a wait. The ways to agents are `ways`, batching is the link's.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, InvalidStateError
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pools.address import Key
from pools.errors import BadArgument, Failure, PoolError, TaskExpired, failure_of, raised
from pools.lane import BARE, Lane, sent_form
from pools.ways import ROUTES, Ended, Resolve, Ways

__all__ = ["Aside", "Asks"]

#: A kind, a method, arguments by place or by name, and the seconds to wait.
Aside = Callable[[str, str, tuple[Any, ...], dict[str, Any], float | None], Future[Any]]

_EXPIRED = Failure(TaskExpired.__name__, "no answer in time")


class Asks:
    """One task at a time, each with a future for its answer.

    The asks of one turn of the loop share a frame; one that finds its link idle leaves at once.
    accepted, ended: told how many tasks were sent, and how they ended.
    everybody: asks all agents of a kind, as `kind/*` means; None where that is no address.
    """

    def __init__(
        self,
        resolve: Resolve,
        loop: AbstractEventLoop,
        accepted: Callable[[int], None],
        ended: Ended,
        everybody: Callable[..., Future[Any]] | None = None,
    ) -> None:
        self._resolve = resolve
        self._everybody = everybody
        self._loop = loop
        self._accepted = accepted
        self._ended = ended
        self._ways = Ways(self, Lane)
        self._routes: dict[str, tuple[Lane, Callable[[Any], None], Key]] = {}
        #: Tasks of this turn.
        self._new = 0
        self._expired: set[Future[Any]] = set()
        #: Sends the tasks for a kind; None sends them to whom `resolve` chooses.
        self.aside: Aside | None = None

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Future[Any]:
        """Send a task; await the result for its value.

        address: `kind/key`, or `kind` alone for any agent of it; `kind/*` for all of them, where `reduce` says what becomes of
        their values (see `engine.everybody`).  timeout_s: seconds to wait, then TaskExpired.
        Raises (when awaited) TaskFailed for what the method raised, else the engine's own error.
        """
        future: Future[Any] = Future(loop=self._loop)
        try:
            lane, extend, key = self._routes[address]
        except (KeyError, TypeError):
            if self.aside is not None and type(address) is str and "/" not in address:
                return self.aside(address, method, arguments, named, timeout_s)
            try:
                lane, extend, key = self._route(address)
            except PoolError as error:
                if self._everybody is not None and type(address) is str and address.endswith("/*"):
                    return self._everybody(address[:-2], method, arguments, timeout_s=timeout_s, **named)
                return self._refused(future, error)
        sent: Any = None
        if named:
            if arguments:
                return self._refused(future, BadArgument(f"{method}: give the arguments by place or by name, not both"))
            sent = named
        elif arguments:
            sent = arguments[0]
            if len(arguments) > 1 or type(sent) not in BARE:
                sent = sent_form(arguments)
        if self._new:
            self._new += 1
            extend((future, key, method, sent))
        elif lane.link.send_alone(lane, future, key, method, sent):
            self._accepted(1)
        else:
            self._new = 1
            self._loop.call_soon(self._flush)
            extend((future, key, method, sent))
        if timeout_s is not None:
            self._limit_time(future, f"{address} {method}", timeout_s)
        return future

    def refuse(self, error: PoolError) -> Future[Any]:
        """The future of a task that cannot be sent."""
        return self._refused(Future(loop=self._loop), error)

    def _refused(self, future: Future[Any], error: PoolError) -> Future[Any]:
        self._accepted(1)
        self._ended(1, [(0, failure_of(error))])
        future.set_exception(error)
        return future

    def _limit_time(self, future: Future[Any], what: str, timeout_s: float) -> None:
        def expire() -> None:
            if not future.done():
                future.set_exception(TaskExpired(f"{what}: no answer within {timeout_s:g} s"))
                self._expired.add(future)
                self._ways.cancel_where(lambda token: token is future, is_late=True)

        handle = self._loop.call_later(timeout_s, expire)
        future.add_done_callback(lambda _done: handle.cancel())

    def _route(self, address: str) -> tuple[Lane, Callable[[Any], None], Key]:
        link, kind, key = self._resolve(address)
        lane = self._ways.lane_of(link, kind)
        route = lane, lane.rows.extend, key
        if "/" in address:
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[address] = route
        return route

    def forget(self) -> None:
        """Forget the ways: agents have moved."""
        self._routes.clear()

    def cancel(self, future: Future[Any]) -> None:
        """Take back the task of a future whose caller stopped waiting."""
        self.take_back((future,))

    def take_back(self, futures: Collection[Future[Any]]) -> None:
        """Take back the tasks of some futures."""
        self._ways.cancel_where(futures.__contains__)

    def _flush(self) -> None:
        self._accepted(self._new)
        self._new = 0
        self._ways.flush()

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Resolve futures. One whose caller stopped waiting is passed over."""
        if self._expired and failures:
            failures = [(at, _EXPIRED if tokens[at] in self._expired else failure) for at, failure in failures]
        if self._expired:
            self._expired.difference_update(tokens)
        self._ended(len(tokens), failures)
        for position, failure in failures:
            if not tokens[position].done():
                tokens[position].set_exception(raised(failure))
        settled = map(_set_result, tokens, results)
        while True:
            try:
                deque(settled, 0)
            except InvalidStateError:
                continue  # its caller stopped waiting, or it has its error; the next one follows
            return


_set_result = Future.set_result
