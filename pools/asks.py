"""Single tasks, each with a future for its answer.

Owns who waits for which answer. The ways to agents are `ways`, batching is the link's, the time limit of a wait is `expiry`'s.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, InvalidStateError
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pools.address import Key
from pools.aside import Aside
from pools.duelane import DueLane
from pools.errors import BadArgument, Failure, Overloaded, PoolError, TaskExpired, failure_of, raised
from pools.expiry import Expiry
from pools.flock import Flock
from pools.lane import BARE, Lane, Sink, sent_form
from pools.ranked import NORMAL
from pools.ways import ROUTES, Deal, Ended, Resolve, Ways, flush_together

if TYPE_CHECKING:
    from pools.link import Link
    from pools.tenancy import Tenancy

__all__ = ["Asks"]

#: Seconds that one may wait for an answer: a year, as nobody means more, and timers take it.
TIMEOUT_MOST_S = 366 * 86_400.0
_EXPIRED = Failure(TaskExpired.__name__, "no answer in time")


class Asks:
    """One task at a time, each with a future for its answer.

    The asks of one turn of the loop share a frame; one that finds its link idle leaves at once.
    accepted, ended: told how many tasks were sent, and how they ended.
    everybody: asks all agents of a kind, as `kind/*` means; None where that is no address.
    priority: of all of them.  tenant: of whom they are for; None for nobody, or where that has no limits.
    """

    def __init__(
        self,
        resolve: Resolve,
        loop: AbstractEventLoop,
        accepted: Callable[[int], None],
        ended: Ended,
        everybody: Callable[..., Future[Any]] | None = None,
        *,
        priority: int = NORMAL,
        tenant: Tenancy | None = None,
    ) -> None:
        self._resolve = resolve
        self._everybody = everybody
        self._loop = loop
        self._accepted = accepted
        self._ended = ended
        self._priority = priority
        self._tenant = tenant
        self._ways = Ways(self, self._lane)
        #: Of the tasks that have a time.
        self._timely = Ways(self, self._due_lane)
        self._dues: dict[str, list[DueLane]] = {}
        self._expiry = Expiry(loop, self._be_late)
        self._late: set[Future[Any]] = set()
        #: Tasks of this turn for agents of a kind, by it, their method, and whether they have a time.
        self._flocks: dict[tuple[str, str, bool], Flock] = {}
        #: What was expected of tasks that have no answer yet.
        self._cases: dict[Future[Any], Any] = {}
        self._routes: dict[str, tuple[Lane, Callable[[Any], None], Key]] = {}
        #: Tasks of this turn.
        self._new = 0
        self._is_due = False
        self._expired: set[Future[Any]] = set()
        #: Looks at the tasks for a kind; None lets them pass.
        self.aside: Aside | None = None
        #: Chooses agents for the tasks of a turn that are for one kind; None has each chosen by itself.
        self.deal: Deal | None = None

    def _lane(self, link: Link, kind: str, sink: Sink) -> Lane:
        lane = Lane(link, kind, sink)
        lane.priority = self._priority
        return lane

    def _new_due_lane(self, link: Link, kind: str, sink: Sink) -> DueLane:
        return DueLane(link, kind, sink, self._loop.time)

    def _due_lane(self, link: Link, kind: str, sink: Sink) -> DueLane:
        lane = self._new_due_lane(link, kind, sink)
        lane.priority = self._priority
        self._dues.setdefault(kind, []).append(lane)
        return lane

    def _untimely(self, address: str, timeout_s: Any) -> PoolError | None:
        """Why a task is refused that has such a time, if it is."""
        if not isinstance(timeout_s, int | float) or not 0 <= timeout_s <= TIMEOUT_MOST_S:
            is_short = isinstance(timeout_s, float) or (type(timeout_s) is int and abs(timeout_s) < 2**64)
            shown = f"{timeout_s!r}" if is_short else f"one of type {type(timeout_s).__name__}"
            return BadArgument(f"timeout_s is a number of seconds from 0 to {TIMEOUT_MOST_S:,.0f}, or None, got {shown}")
        if timeout_s == 0:
            return TaskExpired(f"{address}: its time was over before it was sent")
        return self._shut(address, timeout_s)

    def _shut(self, kind: str, timeout_s: float) -> PoolError | None:
        """Why a task for any agent of a kind is refused, where others were a moment ago at every worker."""
        lanes = self._dues.get(kind)
        if lanes is None:
            return None
        now_s = self._loop.time()
        for lane in lanes:
            if not lane.is_shut(timeout_s, now_s):
                return None
        if lane.on_shed is not None:
            lane.on_shed(1)
        refusal = lane.refusal
        return None if refusal is None else Overloaded(str(refusal), retry_after_s=refusal.retry_after_s)

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Future[Any]:
        """Send a task; await the result for its value.

        address: `kind/key`, or `kind` alone for any agent of it; `kind/*` for all of them, where `reduce` says what becomes of
        their values (see `engine.everybody`).  timeout_s: seconds to wait, then TaskExpired; Overloaded at once where it can
        be told that no answer would come within them.
        Raises (when awaited) TaskFailed for what the method raised, else the engine's own error.
        """
        future: Future[Any] = Future(loop=self._loop)
        if timeout_s is not None and (refusal := self._untimely(address, timeout_s)) is not None:
            return self._refused(future, refusal)
        try:
            lane, extend, key = self._routes[address]
        except (KeyError, TypeError):
            found = self._found(future, address, method, arguments, timeout_s, named)
            if not isinstance(found, tuple):
                return found
            lane, extend, key = found
        sent: Any = None
        if named:
            if arguments:
                return self._refused(future, _both(method))
            sent = named
        elif arguments:
            sent = arguments[0] if len(arguments) == 1 and type(arguments[0]) in BARE else sent_form(arguments)
        if self._tenant is not None and (refusal := self._tenant.enter()) is not None:
            self._refused(future, refusal)
        elif timeout_s is not None:
            self._expiry.limit(future, address, method, timeout_s)
            self._send_in_time((future, key, method, sent), lane, timeout_s)
        elif self._new:
            self._new += 1
            extend((future, key, method, sent))
        elif lane.link.send_alone(lane, future, key, method, sent):
            self._accepted(1)
        else:
            self._new = 1
            self._loop.call_soon(self._flush)
            extend((future, key, method, sent))
        return future

    def _found(
        self,
        future: Future[Any],
        address: str,
        method: str,
        arguments: tuple[Any, ...],
        timeout_s: float | None,
        named: dict[str, Any],
    ) -> tuple[Lane, Callable[[Any], None], Key] | Future[Any]:
        """The way of a task; its future where it goes with others or nowhere."""
        if type(address) is str and "/" not in address and type(method) is str:
            taken = self._to_kind(future, address, method, arguments, timeout_s, named)
            if taken is not None:
                return taken
        try:
            return self._route(address)
        except PoolError as error:
            return self._astray(future, error, address, method, arguments, timeout_s, named)

    def _to_kind(
        self,
        future: Future[Any],
        kind: str,
        method: str,
        arguments: tuple[Any, ...],
        timeout_s: float | None,
        named: dict[str, Any],
    ) -> Future[Any] | None:
        """Have a task go with others of its turn, or be looked at; None where it is to be sent by itself."""
        name = kind, method, timeout_s is not None
        flock = self._flocks.get(name)
        if flock is None:
            if self.deal is None or not (self._new or self._is_due or self._flocks or self._has_open()):
                if self.aside is None:
                    return None
                case = self.aside.clear(kind, method, 1)
                if case is None:
                    return self.aside.ask(kind, method, arguments, named, timeout_s)
                self._cases[future] = case
                return None
            if not self._flocks:
                self._loop.call_soon(self._flush_flocks)
            flock = self._flocks[name] = Flock()
        if named and arguments:
            return self._refused(future, _both(method))
        if self._tenant is not None and (refusal := self._tenant.enter()) is not None:
            return self._refused(future, refusal)
        flock.futures.append(future)
        flock.arguments.append(named or sent_form(arguments))
        if timeout_s is not None:
            flock.dues.append(self._loop.time() + timeout_s)
            self._expiry.limit(future, kind, method, timeout_s)
        return future

    def _has_open(self) -> bool:
        """Whether a task would not leave at once wherever it went."""
        return any(link.open for ways in (self._ways, self._timely) for link, _ in ways.links())

    def _flush_flocks(self) -> None:
        """Choose agents for what has come for kinds in this turn, and send it."""
        flocks, self._flocks = self._flocks, {}
        for (kind, method, is_timely), flock in flocks.items():
            if flock.futures:
                self._accepted(len(flock.futures))
                ways = cast("Ways[Lane]", self._timely if is_timely else self._ways)
                case = None if self.aside is None else self.aside.clear(kind, method, len(flock.futures))
                if self.aside is None or case is not None:
                    self._deal_out(kind, method, flock, ways, case)
                else:
                    self._place(kind, method, flock, ways, self.aside)
        flush_together((self._ways, self._timely))

    def _deal_out(self, kind: str, method: str, flock: Flock, ways: Ways[Lane], case: Any) -> None:
        """Give tasks to agents of a kind, whichever get them."""
        if case is not None:
            self._cases.update(dict.fromkeys(flock.futures, case))
        try:
            dealt, refusal = cast("Deal", self.deal)(kind, len(flock.futures))
        except PoolError as error:
            dealt, refusal = [], error
        start = 0
        for link, keys in dealt:
            start = flock.put(ways.lane_of(link, kind), method, start, keys)
        if refusal is not None:
            self._fail(flock.futures[start:], refusal)

    def _place(self, kind: str, method: str, flock: Flock, ways: Ways[Lane], aside: Aside) -> None:
        """Have each task go where foresight says."""
        for at, (future, placed) in enumerate(zip(flock.futures, aside.place(kind, method, flock.arguments), strict=True)):
            if isinstance(placed, PoolError):
                self._fail((future,), placed)
            elif isinstance(placed, tuple):
                address, self._cases[future] = placed
                try:
                    lane, _, key = self._routes.get(address) or self._route(address)
                except PoolError as error:
                    self._fail((future,), error)
                else:
                    flock.put(ways.lane_of(cast("Link", lane.link), kind), method, at, (key,))
            else:
                self._expiry.end((future,))
                if self._tenant is not None:
                    future.add_done_callback(partial(_leave, self._tenant))
                left_s = max(flock.dues[at] - self._loop.time(), 0.0) if flock.dues else None
                aside.split(future, placed, kind, method, flock.arguments[at], left_s)

    def _fail(self, futures: Sequence[Future[Any]], error: PoolError) -> None:
        """Some tasks that were counted as accepted end with an error."""
        self.answered(futures, [None] * len(futures), [(at, failure_of(error)) for at in range(len(futures))])

    def _astray(
        self,
        future: Future[Any],
        error: PoolError,
        address: str,
        method: str,
        arguments: tuple[Any, ...],
        timeout_s: float | None,
        named: dict[str, Any],
    ) -> Future[Any]:
        """What becomes of a task whose address leads to no agent: `kind/*` means all of them."""
        if self._everybody is not None and type(address) is str and address.endswith("/*"):
            return self._everybody(address[:-2], method, arguments, timeout_s=timeout_s, **named)
        return self._refused(future, error)

    def refuse(self, error: PoolError) -> Future[Any]:
        """The future of a task that cannot be sent."""
        return self._refused(Future(loop=self._loop), error)

    def _send_in_time(self, row: tuple[Future[Any], Key, str, Any], lane: Lane, timeout_s: float) -> None:
        """Send a task that is of use for some time only."""
        link = cast("Link", lane.link)
        due = self._timely.lane_of(link, lane.kind)
        self._accepted(1)
        if not self._new and due.link.send_alone(due, *row):
            return
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush_timely)
        now_s = self._loop.time()
        due.rows.extend(row)
        due.dues.append(now_s + timeout_s)
        if due.is_wary(now_s):
            link.screen(due)

    def _flush_timely(self) -> None:
        self._is_due = False
        self._timely.flush()

    def _refused(self, future: Future[Any], error: PoolError) -> Future[Any]:
        self._cases.pop(future, None)
        self._accepted(1)
        self._ended(1, [(0, failure_of(error))])
        future.set_exception(error)
        return future

    def _be_late(self, late: set[Future[Any]]) -> None:
        """Some have expired."""
        if not self._late:
            self._loop.call_soon(self._take_back_late)
        self._late |= late
        self._expired |= late

    def _take_back_late(self) -> None:
        """Take back what expired in a turn, all together: each look goes through everything that is on its way."""
        late, self._late = self._late, set()
        self._cancel_where(late.__contains__, is_late=True)

    def _cancel_where(self, is_meant: Callable[[Any], bool], *, is_late: bool = False) -> None:
        if self._flocks:
            self._flush_flocks()
        links = {id(link): link for ways in (self._ways, self._timely) for link, _ in ways.links()}
        for link in links.values():
            link.cancel_where(self, is_meant, is_late=is_late)

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
        self._cancel_where(futures.__contains__)

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
        if self._expiry:
            self._expiry.end(tokens)
        if self._cases and self.aside is not None:
            self.aside.learn([self._cases.pop(token, None) for token in tokens], failures)
        self._ended(len(tokens), failures)
        if self._tenant is not None:
            self._tenant.leave(len(tokens))
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


def _leave(tenant: Tenancy, _future: Future[Any]) -> None:
    tenant.leave(1)


def _both(method: Any) -> BadArgument:
    return BadArgument(f"{method}: give the arguments by place or by name, not both")


_set_result = Future.set_result
