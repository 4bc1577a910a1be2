"""The senders of tasks that were sent to a kind, with foresight: the part of a stream, and of single asks, that is judged.

Owns the way of such tasks to the agent that was chosen, and what is learned of their ends. Tasks for a named agent never come
here. Tasks of which next to nothing fails pass with one case for each section; the others are looked at one by one.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from engine.foreseen import Case, Foreseen
from engine.parts import Parts
from pools.address import Key
from pools.asks import Asks
from pools.chute import ColumnLane
from pools.errors import Failure, PoolError, TaskCancelled, TaskExpired, failure_of
from pools.history import Pair
from pools.lane import Columns, Sink, refuse, sent_form
from pools.link import Link
from pools.stream import Stream
from pools.ways import Deal, Ended, Resolve, Ways

__all__ = ["AskedAside", "GatewayAside", "StreamedAside"]

#: Pairs that have lanes of their own in one stream; the tasks of others are looked at one by one.
CLEAR_PAIRS = 32
#: Forecasts that differ by no more are the same.
ALIKE = 0.002


class StreamedAside:
    """The part of one stream that was sent to kinds. outer: gets the answers.  deal: chooses for many tasks at once."""

    def __init__(
        self, outer: Stream, resolve: Resolve, deal: Deal, foreseen: Foreseen, parts: Parts, loop: AbstractEventLoop
    ) -> None:
        self._outer = outer
        self._resolve = resolve
        self._deal = deal
        self._foreseen = foreseen
        self._parts = parts
        self._loop = loop
        self._clear: dict[Pair, _Passed] = {}
        #: Those that were sent when something else was expected.
        self._former: list[_Passed] = []
        self._watched = _Watched(outer, resolve, foreseen)
        #: What is done in parts, with its token.
        self._split: dict[Task[None], Any] = {}

    def send(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        """Send tasks for one kind, in columns without keys. is_plain: their arguments are sound by their types."""
        tokens, _, methods, arguments = columns
        if methods.count(methods[0]) == len(methods):
            self._send_alike(kind, columns, priority, is_plain=is_plain)
            return
        groups: dict[str, list[int]] = {}
        for at, method in enumerate(methods):
            groups.setdefault(method if type(method) is str else "", []).append(at)
        for positions in groups.values():
            mine: list[list[Any]] = [[column[at] for at in positions] for column in (tokens, methods, arguments)]
            self._send_alike(kind, (mine[0], (), mine[1], mine[2]), priority, is_plain=is_plain)

    def _send_alike(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        pair = kind, columns[2][0]
        is_name = type(pair[1]) is str
        if is_name and self._foreseen.is_clear(pair) and (pair in self._clear or len(self._clear) < CLEAR_PAIRS):
            self._passed(pair, len(columns[0])).deal(kind, columns, priority, is_plain=is_plain)
        else:
            self._send_judged(kind, columns, priority, is_plain=is_plain)

    def _passed(self, pair: Pair, count: int) -> _Passed:
        """The lanes of a pair of which nothing is to be feared, and of which the same is expected as before."""
        case, passed = self._foreseen.clear_case(pair, count), self._clear.get(pair)
        if passed is None or not _is_alike(passed.case.forecast, case.forecast):
            if passed is not None:
                self._former = [each for each in self._former if each.open] + [passed]
            passed = self._clear[pair] = _Passed(case, self._outer, self._resolve, self._deal, self._foreseen)
        return passed

    def _send_judged(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        addresses: list[str] = []
        sent: tuple[list[Any], list[str], list[Any]] = [], [], []
        tokens, _, methods, arguments = columns
        try:
            pair = kind, methods[0] if type(methods[0]) is str else ""
            dealt = self._foreseen.deal(pair, arguments) or repeat((None, None), len(tokens))
        except PoolError as error:
            refuse(self._outer, tokens, failure_of(error))
            return
        for token, method, argument, (key, case) in zip(tokens, methods, arguments, dealt, strict=True):
            if case is None:
                try:
                    judged = self._foreseen.judge(kind, method, argument, key=key)
                except PoolError as error:
                    self._outer.answered((token,), (None,), ((0, failure_of(error)),))
                    continue
                if judged.is_split:
                    running = self._loop.create_task(self._in_parts(token, judged.case, kind, method, argument))
                    self._split[running] = token
                    running.add_done_callback(self._split.pop)
                    continue
                addresses.append(judged.address)
                sent[0].append((token, judged.case))
            else:
                addresses.append(f"{kind}/{key}")
                sent[0].append((token, case))
            sent[1].append(method)
            sent[2].append(argument)
        if addresses:
            self._watched.place(addresses, (sent[0], (), sent[1], sent[2]), priority, is_plain=is_plain)

    async def _in_parts(self, token: Any, case: Case, kind: str, method: str, argument: Any) -> None:
        value, failures = await self._parts.ended(kind, method, argument)
        self._foreseen.learn(case, 1, failures)
        self._outer.answered((token,), (value,), [(0, failure) for failure in failures])

    def cancel(self) -> None:
        """Take back what is not answered."""
        for stream in (self._watched, *self._clear.values(), *self._former):
            stream.cancel()
        for running in self._split:
            running.cancel()

    def cancel_where(self, is_meant: Callable[[Any], bool]) -> None:
        """Take back the tasks whose token is meant, as no answer came in time."""
        self._watched.cancel_where(lambda token: is_meant(token[0]))
        for stream in (*self._clear.values(), *self._former):
            stream.cancel_where(is_meant)
        for running, token in self._split.items():
            if is_meant(token):
                running.cancel()


class _Within(Stream):
    """Tasks that go the way of another stream, and are learned of."""

    def __init__(self, outer: Stream, resolve: Resolve, foreseen: Foreseen, deal: Deal | None = None) -> None:
        super().__init__(resolve, 0, _nobody, _uncounted, deal)
        self._outer = outer
        self._foreseen = foreseen

    def lane(self, link: Link, kind: str, sink: Sink) -> ColumnLane:
        return self._outer.lane(link, kind, sink)

    def leave(self, ways: Ways[Any]) -> None:
        self._outer.leave(ways)


class _Passed(_Within):
    """Tasks of one pair that are let pass, all of one case."""

    def __init__(self, case: Case, outer: Stream, resolve: Resolve, deal: Deal, foreseen: Foreseen) -> None:
        super().__init__(outer, resolve, foreseen, deal)
        self.case = case

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        self.open -= len(tokens)
        self._foreseen.learn(self.case, len(tokens), [failure for _, failure in failures])
        self._outer.answered(tokens, results, failures)


class _Watched(_Within):
    """Tasks that were looked at one by one; a token is that of the outer stream and the case."""

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        self.open -= len(tokens)
        self._foreseen.learn_all([case for _, case in tokens], failures)
        self._outer.answered([token for token, _ in tokens], results, failures)


class AskedAside:
    """Single tasks that were sent to a kind.

    asks: sends them on.  accepted, ended: told of those that are done in parts, which `asks` does not see.
    """

    def __init__(
        self,
        asks: Asks,
        foreseen: Foreseen,
        parts: Parts,
        loop: AbstractEventLoop,
        accepted: Callable[[int], None],
        ended: Ended,
    ) -> None:
        self._asks = asks
        self._foreseen = foreseen
        self._parts = parts
        self._loop = loop
        self._accepted = accepted
        self._ended = ended

    def clear(self, kind: str, method: str, count: int) -> Case | None:
        """As for tasks that came over a socket."""
        pair = kind, method
        return self._foreseen.clear_case(pair, count) if self._foreseen.is_clear(pair) else None

    def learn(self, cases: Sequence[Case | None], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take in how tasks ended; nothing is said of one without a case."""
        case = cases[0]
        if cases.count(case) < len(cases):
            self._foreseen.learn_all(cases, failures)
        elif case is not None:
            self._foreseen.learn(case, len(cases), [failure for _, failure in failures])

    def ask(
        self, kind: str, method: str, arguments: tuple[Any, ...], named: dict[str, Any], timeout_s: float | None
    ) -> Future[Any]:
        """Send a task to an agent of a kind; as `Asks.ask`."""
        argument = named or sent_form(arguments)
        try:
            judged = self._foreseen.judge(kind, method, argument)
        except PoolError as error:
            return self._asks.refuse(error)
        if judged.is_split:
            self._accepted(1)
            parted: Future[Any] = self._loop.create_future()
            self.split(parted, judged.case, kind, method, argument, timeout_s)
            return parted
        future = self._asks.ask(judged.address, method, *arguments, timeout_s=timeout_s, **named)
        future.add_done_callback(partial(self._learn, judged.case))
        return future

    def _learn(self, case: Case, future: Future[Any]) -> None:
        error = TaskCancelled("") if future.cancelled() else future.exception()
        self._foreseen.learn(case, 1, () if error is None else (failure_of(error),))

    def place(self, kind: str, method: str, arguments: Sequence[Any]) -> list[tuple[str, Case] | PoolError | Case]:
        """Of each of some tasks its agent's address and its case; its error; its case alone where it is to be done in parts."""
        try:
            dealt = self._foreseen.deal((kind, method), arguments, is_idle_first=True) or repeat((None, None), len(arguments))
        except PoolError as error:
            return [error] * len(arguments)
        return [
            self._judged(kind, method, argument, key) if case is None else (f"{kind}/{key}", case)
            for argument, (key, case) in zip(arguments, dealt, strict=True)
        ]

    def _judged(self, kind: str, method: str, argument: Any, key: Key) -> tuple[str, Case] | PoolError | Case:
        try:
            judged = self._foreseen.judge(kind, method, argument, key=key)
        except PoolError as error:
            return error
        return judged.case if judged.is_split else (judged.address, judged.case)

    def split(self, future: Future[Any], case: Case, kind: str, method: str, argument: Any, timeout_s: float | None) -> None:
        """Do a task in parts, which was counted as accepted."""
        running = self._loop.create_task(self._parts.run(kind, method, argument))
        late = TaskExpired(f"{kind} {method}: no answer within {timeout_s or 0:g} s")
        handle = None if timeout_s is None else self._loop.call_later(timeout_s, running.cancel, late)

        def end(done: Task[Any]) -> None:
            if handle is not None:
                handle.cancel()
            is_late = handle is not None and handle.when() <= self._loop.time()
            gone = late if is_late else TaskCancelled("it was taken back")
            error = gone if done.cancelled() else done.exception()
            failures = [] if error is None else [(0, failure_of(error))]
            self._ended(1, failures)
            self._foreseen.learn(case, 1, [failure for _, failure in failures])
            if future.done():
                return
            if error is None:
                future.set_result(done.result())
            else:
                future.set_exception(error)

        running.add_done_callback(end)
        future.add_done_callback(lambda done: running.cancel() if done.cancelled() else None)


class GatewayAside:
    """Tasks for a kind that came over a socket."""

    def __init__(self, foreseen: Foreseen, parts: Parts, loop: AbstractEventLoop) -> None:
        self._foreseen = foreseen
        self._parts = parts
        self._loop = loop
        self._running: set[Task[None]] = set()
        self.learn = foreseen.learn

    def clear(self, kind: str, method: str, count: int) -> Case | None:
        """The case of tasks of which so little fails that they are let pass; None where each is looked at."""
        pair = kind, method
        return self._foreseen.clear_case(pair, count) if self._foreseen.is_clear(pair) else None

    def choose(
        self, kind: str, method: str, argument: Any, done: Callable[[Any, list[Failure]], None] | None
    ) -> tuple[Key, Case] | None:
        """The agent and the case of a task; None where it is done in parts, and `done` gets its end. Raises PoolError."""
        judged = self._foreseen.judge(kind, method, argument, may_split=done is not None)
        if done is None or not judged.is_split:
            return judged.key, judged.case
        running = self._loop.create_task(self._in_parts(judged.case, kind, method, argument, done))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return None

    async def _in_parts(
        self, case: Case, kind: str, method: str, argument: Any, done: Callable[[Any, list[Failure]], None]
    ) -> None:
        value, failures = await self._parts.ended(kind, method, argument)
        self._foreseen.learn(case, 1, failures)
        done(value, failures)


def _is_alike(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) <= ALIKE)


def _nobody() -> None:
    """Nobody waits here: the outer stream does."""


def _uncounted(*_facts: Any) -> None:
    """Tasks are counted where they came in."""
