"""Who sends tasks, and what happens to the answers: one caller at a time, a stream, or messages without answer.

Owns the ways from an address to a lane, kept for each sender. Batching and windows are the link's. `Resolve` is handed
in: the engine, the client and the worker each know in their own way where an agent lives.
"""

from __future__ import annotations

from asyncio import Future, InvalidStateError
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from pools.address import Key, parse
from pools.errors import Failure, PoolError, failure_of, raised
from pools.link import BARE, Columns, Lane, Link, Sink

__all__ = ["Asks", "Ended", "Named", "Resolve", "ResolveKey", "Result", "Stream", "sent_form"]

#: From an address to the link that leads to the agent, its kind and its key. Raises PoolError.
Resolve = Callable[[str], tuple[Link, str, Key]]
#: The same for an address that was taken apart: from a kind and a key to the link and the key that was chosen.
ResolveKey = Callable[[str, Key], tuple[Link, Key]]
Defer = Callable[[Callable[[], None]], object]
#: Told how many tasks ended, and how those failed that did.
Ended = Callable[[int, Sequence[tuple[int, Failure]]], None]

#: Addresses whose way a sender remembers; past it all are forgotten, since a sweep over more would not come back to them.
ROUTES = 65_536


class Result(NamedTuple):
    """What became of one task.

    id: what the sender called it.  value: what the method returned.  error: why it failed, None when it did not.
    """

    id: Any
    value: Any
    error: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether the task was done."""
        return self.error is None

    def get(self) -> Any:
        """The value. Raises the error of a task that failed."""
        if self.error is not None:
            raise raised(self.error)
        return self.value

    def as_dict(self) -> dict[str, Any]:
        """The result as a result line shows it."""
        if self.error is None:
            return {"id": self.id, "ok": True, "value": self.value}
        return {"id": self.id, "ok": False, "error": self.error.as_dict()}


def _made(parts: tuple[Any, Any, Any]) -> Result:
    return tuple.__new__(Result, parts)


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


class AskLane(Lane):
    """Rows (future, key, method, positional arguments)."""

    __slots__ = ()

    def columns(self, rows: list[Any]) -> Columns:
        futures, keys, methods, arguments = zip(*rows, strict=True)
        return futures, list(keys), methods, [*map(sent_form, arguments)]


class _AskWays(_Ways):
    lane = AskLane


class Asks:
    """One task at a time, each with a future for its answer.

    defer: calls a function at the end of this turn of the loop, so that the asks of a turn share a frame.
    """

    def __init__(self, resolve: Resolve, defer: Defer, ended: Ended) -> None:
        self._resolve = resolve
        self._ended = ended
        self._defer = defer
        self._ways = _AskWays(resolve, self)
        self._routes: dict[str, tuple[Callable[[Any], None], Key]] = {}
        self._is_due = False

    def ask(self, future: Future[Any], address: str, method: str, arguments: tuple[Any, ...]) -> None:
        """Send one task; the future gets its value or its error. Raises PoolError for an address that leads nowhere."""
        try:
            push, key = self._routes[address]
        except (KeyError, TypeError):
            push, key = self._route(address)
        push((future, key, method, arguments))
        if not self._is_due:
            self._is_due = True
            self._defer(self._flush)

    def _route(self, address: str) -> tuple[Callable[[Any], None], Key]:
        link, kind, key = self._resolve(address)
        route = self._ways.lane_of(link, kind).rows.append, key
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
        self._is_due = False
        self._ways.flush()

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Resolve futures. One whose caller stopped waiting is passed over."""
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
                continue
            return


class _TupleLane(Lane):
    """Rows (token, (address, method, *arguments)); the keys come from what the stream remembers."""

    __slots__ = ("keys",)
    keys: dict[str, Key]

    def columns(self, rows: list[Any]) -> Columns:
        tokens, tasks = zip(*rows, strict=True)
        try:
            addresses, methods, arguments = zip(*tasks, strict=True)
        except ValueError:
            addresses = tuple(task[0] for task in tasks)
            methods = tuple(task[1] if len(task) > 1 else "" for task in tasks)
            arguments = tuple(sent_form(task[2:]) for task in tasks)
        else:
            if not set(map(type, arguments)) <= BARE:
                arguments = tuple(map(_sent_one, arguments))
        try:
            keys = [*map(self.keys.__getitem__, addresses)]
        except KeyError:
            keys = [parse(address)[1] for address in addresses]
        return tokens, keys, methods, arguments


class _StreamWays(_Ways):
    lane = _TupleLane


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
        self._limit = limit
        self._wake = wake
        self.ready: deque[list[Result]] = deque()
        #: Tasks sent and not answered.
        self.open = 0
        self._untaken = 0

    @property
    def room(self) -> int:
        """Tasks that may be sent now."""
        return self._limit - self.open - self._untaken

    def send(self, tokens: Iterable[Any], tasks: Sequence[tuple[Any, ...]]) -> None:
        """Send tasks (address, method, *arguments); a result's id is its task's token."""
        pushes = self._pushes
        self.open += len(tasks)
        for row in zip(tokens, tasks, strict=False):
            pushes[row[1][0]](row)
        self._ways.flush()

    def _find(self, address: str) -> Callable[[Any], None]:
        """Where the rows for an address go. Addresses of agents are remembered, those of kinds are chosen anew."""
        try:
            link, kind, key = self._resolve(address)
        except PoolError as error:
            failure = failure_of(error)
            return lambda row: self.answered((row[0],), (None,), ((0, failure),))
        lane = self._ways.lane_of(link, kind)
        lane.keys = self._keys  # type: ignore[attr-defined]
        push = lane.rows.append
        if "/" not in address:
            chosen = f"{kind}/{key}"
            return lambda row: push((row[0], (chosen, *row[1][1:])))
        if len(self._keys) >= ROUTES:
            self._pushes.clear()
            self._keys.clear()
        self._keys[address] = key
        self._pushes[address] = push
        return push

    def refuse(self, token: Any, error: PoolError) -> None:
        """Answer a task that could not even be read."""
        self.open += 1
        self.answered((token,), (None,), ((0, failure_of(error)),))

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Keep results for whoever takes them."""
        made = [*map(_made, zip(tokens, results, repeat(None), strict=False))]
        for position, failure in failures:
            made[position] = Result(tokens[position], None, failure)
        self.open -= len(made)
        self._ended(len(made), failures)
        self._untaken += len(made)
        self.ready.append(made)
        self._wake()

    def take(self) -> list[Result]:
        """The oldest results that were not taken. Raises IndexError when there are none."""
        taken = self.ready.popleft()
        self._untaken -= len(taken)
        return taken

    def cancel(self) -> None:
        """Take back what is not answered; each such task still gets its answer, `TaskCancelled` where it did not run."""
        self._ways.cancel()
