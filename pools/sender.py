"""Who sends tasks, and what happens to the answers: one caller at a time, a stream, or messages without answer.

Owns the ways from an address to a lane, kept for each sender. Batching and windows are the link's. `Resolve` is handed
in: the engine, the client and the worker each know in their own way where an agent lives.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, InvalidStateError
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any

from pools.address import Key
from pools.errors import BadArgument, Failure, PoolError, TaskExpired, failure_of, raised
from pools.lane import BARE, Columns, Lane, Sink
from pools.link import Link
from pools.result import Batch

__all__ = ["Asks", "Ended", "Named", "Resolve", "ResolveKey", "Stream", "sent_form"]

#: From an address to the link that leads to the agent, its kind and its key. Raises PoolError.
Resolve = Callable[[str], tuple[Link, str, Key]]
#: The same for an address that was taken apart: from a kind and a key to the link and the key that was chosen.
ResolveKey = Callable[[str, Key], tuple[Link, Key]]
#: Told how many tasks ended, and how those failed that did.
Ended = Callable[[int, Sequence[tuple[int, Failure]]], None]

#: Addresses whose way a sender remembers; past it all are forgotten, since a sweep over more would not come back to them.
ROUTES = 65_536


class Named(dict[str, Any]):
    """Arguments given by name."""


def sent_form(arguments: Sequence[Any]) -> Any:
    """Arguments as they are sent: null for none, one plain scalar by itself, an object for names, else a list."""
    if not arguments:
        return None
    if len(arguments) == 1:
        return _sent_one(arguments[0])
    return list(arguments)


def _sent_one(argument: Any) -> Any:
    if type(argument) in BARE:
        return argument
    return dict(argument) if type(argument) is Named else [argument]


class _Ways:
    """The lanes of one sender."""

    lane: type[Lane] = Lane

    def __init__(self, resolve: Resolve, sink: Sink) -> None:
        self._resolve = resolve
        self._sink = sink
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._links: dict[int, tuple[Link, list[Lane]]] = {}

    def lane_of(self, link: Link, kind: str) -> Lane:
        """The lane for a kind behind a link."""
        found = self._lanes.get((id(link), kind))
        if found is None:
            found = self._lanes[id(link), kind] = self.lane(link, kind, self._sink)
            self._links.setdefault(id(link), (link, []))[1].append(found)
        return found

    def flush(self) -> None:
        """Offer everything that waits to its link."""
        for link, lanes in list(self._links.values()):
            link.offer(lanes)

    def cancel(self) -> None:
        """Take back what is not answered."""
        for link, _ in self._links.values():
            link.cancel(self._sink)


_EXPIRED = Failure(TaskExpired.__name__, "no answer in time")


class Asks:
    """One task at a time, each with a future for its answer.

    The asks of one turn of the loop share a frame; one that finds its link idle leaves at once.
    accepted, ended: told how many tasks were sent, and how they ended.
    """

    def __init__(self, resolve: Resolve, loop: AbstractEventLoop, accepted: Callable[[int], None], ended: Ended) -> None:
        self._resolve = resolve
        self._loop = loop
        self._accepted = accepted
        self._ended = ended
        self._ways = _Ways(resolve, self)
        self._routes: dict[str, tuple[Lane, Callable[[Any], None], Key]] = {}
        #: Tasks of this turn.
        self._new = 0
        self._expired: set[Future[Any]] = set()

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Future[Any]:
        """Send a task; await the result for its value.

        address: `kind/key`, or `kind` alone for any agent of it.  timeout_s: seconds to wait, then TaskExpired.
        Raises (when awaited) TaskFailed for what the method raised, else the engine's own error.
        """
        future: Future[Any] = Future(loop=self._loop)
        try:
            lane, extend, key = self._routes[address]
        except (KeyError, TypeError):
            try:
                lane, extend, key = self._route(address)
            except PoolError as error:
                return self._refused(future, error)
        if len(arguments) == 1 and not named and type(arguments[0]) in BARE:
            sent = arguments[0]
        elif arguments and named:
            return self._refused(future, BadArgument(f"{method}: give the arguments by place or by name, not both"))
        else:
            sent = sent_form((Named(named),) if named else arguments)
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
                self.cancel(future)

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
        for link, _ in self._ways._links.values():
            link.cancel_where(self, lambda token: token is future)

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
        pairs = zip(tokens, results, strict=True)
        while True:
            try:
                for future, value in pairs:
                    future.set_result(value)
            except InvalidStateError:
                continue  # its caller stopped waiting, or it has its error; the next pair follows
            return


class StreamLane(Lane):
    """Tasks in columns.

    rows: the positions, in the chunk that is being sent, of this lane's tasks; `gather` empties it.
    """

    __slots__ = ("arguments", "keys", "methods", "tokens")

    def __init__(self, link: Link, kind: str, sink: Sink) -> None:
        super().__init__(link, kind, sink)
        self.tokens: list[Any] = []
        self.keys: list[Key] = []
        self.methods: list[str] = []
        self.arguments: list[Any] = []

    def __len__(self) -> int:
        return len(self.tokens)

    def gather(self, tokens: Sequence[Any], keys: Sequence[Key], methods: Sequence[str], arguments: Sequence[Any]) -> None:
        """Take this lane's tasks out of the columns of a chunk."""
        rows = self.rows
        if len(rows) == 1:
            at = rows[0]
            self.tokens.append(tokens[at])
            self.keys.append(keys[at])
            self.methods.append(methods[at])
            self.arguments.append(arguments[at])
        else:
            mine = itemgetter(*rows)
            self.tokens += mine(tokens)
            self.keys += mine(keys)
            self.methods += mine(methods)
            self.arguments += mine(arguments)
        rows.clear()

    def take(self, count: int) -> Columns:
        taken = self.tokens[:count], self.keys[:count], self.methods[:count], self.arguments[:count]
        del self.tokens[:count], self.keys[:count], self.methods[:count], self.arguments[:count]
        return taken

    def drop(self, count: int) -> list[Any]:
        tokens = self.tokens[-count:] if count else []
        if count:
            del self.tokens[-count:], self.keys[-count:], self.methods[-count:], self.arguments[-count:]
        return tokens

    def drop_where(self, is_meant: Callable[[Any], bool]) -> list[Any]:
        tokens = [token for token in self.tokens if is_meant(token)]
        kept = [not is_meant(token) for token in self.tokens]
        columns: tuple[list[Any], ...] = (self.keys, self.methods, self.arguments, self.tokens)
        for column in columns:
            column[:] = compress(column, kept)
        return tokens


class _StreamWays(_Ways):
    lane = StreamLane

    def lanes(self) -> Iterable[StreamLane]:
        """Every lane."""
        return self._lanes.values()  # type: ignore[return-value]


_first, _second, _third = itemgetter(0), itemgetter(1), itemgetter(2)


def _arguments_of(tasks: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
    """The arguments of tasks as they are sent."""
    if set(map(len, tasks)) == {3}:
        arguments = [*map(_third, tasks)]
        if set(map(type, arguments)) <= BARE:
            return arguments
    return [
        (task[2] if type(task[2]) in BARE else _sent_one(task[2]))
        if len(task) == 3
        else None
        if len(task) == 2
        else sent_form(task[2:])
        for task in tasks
    ]


class _Pushes(dict[str, Callable[[Any], None]]):
    """From an address to where its rows go; one that is not known is looked up once."""

    def __init__(self, find: Callable[[str], Callable[[Any], None]]) -> None:
        super().__init__()
        self.find = find

    def __missing__(self, address: str) -> Callable[[Any], None]:
        return self.find(address)


class Stream:
    """Many tasks, answered in the order of completion.

    limit: tasks sent or answered and not taken yet.  wake: called when there is something to take.
    """

    def __init__(self, resolve: Resolve, limit: int, wake: Callable[[], None], ended: Ended) -> None:
        self._ended = ended
        self._ways = _StreamWays(resolve, self)
        self._resolve = resolve
        self._pushes = _Pushes(self._find)
        self._keys: dict[str, Key] = {}
        self._chosen: dict[int, Key] = {}
        self._lost: list[tuple[int, Failure]] = []
        self._limit = limit
        self._wake = wake
        self.ready: deque[Batch] = deque()
        #: Tasks sent and not answered.
        self.open = 0
        self._untaken = 0

    @property
    def room(self) -> int:
        """Tasks that may be sent now."""
        return self._limit - self.open - self._untaken

    def send(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]]) -> None:
        """Send tasks (address, method, *arguments); a result's id is its task's token."""
        self.open += len(tasks)
        pushes, known = self._pushes, self._keys
        if len(known) >= ROUTES:
            pushes.clear()
            known.clear()
        addresses = [*map(_first, tasks)]
        for at, address in enumerate(addresses):
            pushes[address](at)
        try:
            keys: Sequence[Key] = [*map(known.__getitem__, addresses)]
        except KeyError:
            keys = [known[address] if address in known else self._chosen.pop(at, None) for at, address in enumerate(addresses)]
        methods = [*map(_second, tasks)]
        arguments = _arguments_of(tasks)
        for lane in self._ways.lanes():
            if lane.rows:
                lane.gather(tokens, keys, methods, arguments)
        for at, failure in self._lost:
            self.answered((tokens[at],), (None,), ((0, failure),))
        self._lost.clear()
        self._ways.flush()

    def _find(self, address: str) -> Callable[[int], None]:
        """Where the tasks for an address go. Addresses of agents are remembered, those of kinds are chosen anew."""
        try:
            link, kind, key = self._resolve(address)
        except PoolError as error:
            failure = failure_of(error)
            return lambda at: self._lost.append((at, failure))
        push = self._ways.lane_of(link, kind).rows.append
        if "/" not in address:

            def choose(at: int) -> None:
                self._chosen[at] = key
                push(at)

            return choose
        self._keys[address] = key
        self._pushes[address] = push
        return push

    def refuse(self, token: Any, error: PoolError) -> None:
        """Answer a task that could not even be read."""
        self.open += 1
        self.answered((token,), (None,), ((0, failure_of(error)),))

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Keep results for whoever takes them."""
        count = len(results)
        self.open -= count
        self._untaken += count
        self._ended(count, failures)
        self.ready.append(Batch(tokens, results, failures))
        self._wake()

    def take(self) -> Batch:
        """The oldest results that were not taken. Raises IndexError when there are none."""
        taken = self.ready.popleft()
        self._untaken -= len(taken)
        return taken

    def cancel(self) -> None:
        """Take back what is not answered; each such task still gets its answer, `TaskCancelled` where it did not run."""
        self._ways.cancel()
