"""Many tasks of one sender, answered in the order of completion.

Owns how many of them are on their way, and the answers until somebody takes them. Which lanes they take is a chute's business,
one for each priority; reading the caller's tasks and pacing them is not done here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import compress
from typing import Any

from pools.chute import Aside, Chute, ColumnLane
from pools.duelane import DueLane
from pools.errors import Failure, PoolError, failure_of
from pools.lane import PACED, Columns, Sink, sent_form
from pools.link import Link
from pools.ranked import NORMAL
from pools.result import Batch
from pools.ways import Deal, Ended, Resolve, Ways, flush_together

__all__ = ["Stream", "Watch"]

#: Sees answers before anybody else: returns those that are final, by the names that their senders gave.
Watch = Callable[
    [Sequence[Any], Sequence[Any], Sequence[tuple[int, Failure]]],
    tuple[Sequence[Any], Sequence[Any], Sequence[tuple[int, Failure]]],
]


class Stream:
    """Many tasks, answered in the order of completion.

    limit: tasks sent or answered and not taken yet.  wake: called when there is something to take.
    deal: chooses the agents of tasks that are addressed to a kind, many at once; None asks `resolve` for each.
    aside: makes what such tasks are given to instead, if anything.  clock: monotonic seconds.
    """

    def __init__(
        self,
        resolve: Resolve,
        limit: int,
        wake: Callable[[], None],
        ended: Ended,
        deal: Deal | None = None,
        aside: Callable[[Stream], Aside | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._aside = None if aside is None else aside(self)
        self._ended = ended
        self._resolve = resolve
        self._deal = deal
        self._chutes: dict[int, Chute] = {}
        #: The ways of tasks that are of use for some time only, by priority.
        self._timely: dict[int, Ways[DueLane]] = {}
        #: The ways of what leaves together with more; None where everything leaves at once.
        self._gathered: list[Ways[Any]] | None = None
        self._limit = limit
        self._wake = wake
        #: Sees answers first; None where nobody does.
        self.watch: Watch | None = None
        self.ready: deque[Batch] = deque()
        #: Tasks sent and not answered.
        self.open = 0
        self._untaken = 0

    @property
    def room(self) -> int:
        """Tasks that may be sent now."""
        return self._limit - self.open - self._untaken

    def send(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]], priority: int = NORMAL) -> None:
        """Send tasks (address, method, *arguments); a result's id is its task's token.

        Raises IndexError, having sent nothing, for a task without a method.
        """
        chute = self._chute(priority)
        self.open += len(tasks)
        try:
            chute.put(tokens, tasks)
        except IndexError:
            self.open -= len(tasks)
            raise
        self.leave(chute.ways)

    def send_in_time(
        self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]], dues: Sequence[float], priority: int = NORMAL
    ) -> None:
        """Send tasks (address, method, *arguments) that are of use until a time each, on the stream's clock.

        Those whose time is over leave no more. What goes aside has no such look; who sends it takes it back.
        """
        if self._aside is not None:
            is_aside = ["/" not in task[0] for task in tasks]
            if any(is_aside):
                self.send([*compress(tokens, is_aside)], [*compress(tasks, is_aside)], priority)
            own = [not each for each in is_aside]
            tokens, tasks, dues = [*compress(tokens, own)], [*compress(tasks, own)], [*compress(dues, own)]
        self.open += len(tasks)
        ways = self._timely.get(priority)
        if ways is None:
            ways = self._timely[priority] = Ways(self, partial(self._due_lane, priority))
        for token, (address, method, *arguments), due_s in zip(tokens, tasks, dues, strict=True):
            try:
                link, kind, key = self._resolve(address)
            except PoolError as error:
                self.answered((token,), (None,), ((0, failure_of(error)),))
            else:
                lane = ways.lane_of(link, kind)
                lane.rows.extend((token, key, method, sent_form(arguments)))
                lane.dues.append(due_s)
        self.leave(ways)

    def lane(self, link: Link, kind: str, sink: Sink) -> ColumnLane:
        """A new lane of tasks."""
        return ColumnLane(link, kind, sink)

    def due_lane(self, link: Link, kind: str, sink: Sink) -> DueLane:
        """A new lane of tasks that have a time each."""
        return DueLane(link, kind, sink, self._clock)

    def _due_lane(self, priority: int, link: Link, kind: str, sink: Sink) -> DueLane:
        lane = self.due_lane(link, kind, sink)
        lane.priority, lane.manner = priority, PACED
        return lane

    def deal(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        """Send tasks for a kind, in columns without keys, to whoever is chosen for many of them at once."""
        chute = self._chute(priority)
        self.open += len(columns[0])
        chute.deal(kind, columns, is_plain=is_plain)
        self.leave(chute.ways)

    def place(self, addresses: Sequence[str], columns: Columns, priority: int, *, is_plain: bool) -> None:
        """Send tasks in columns without keys, each to its address."""
        chute = self._chute(priority)
        self.open += len(columns[0])
        chute.place(addresses, columns, is_plain=is_plain)
        self.leave(chute.ways)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have what is sent within the block leave at its end, in common frames."""
        if self._gathered is not None:
            yield
            return
        self._gathered = []
        try:
            yield
        finally:
            gathered, self._gathered = self._gathered, None
            flush_together(gathered)

    def leave(self, ways: Ways[Any]) -> None:
        """Offer what waits on some ways to its links, now or with the rest."""
        if self._gathered is None:
            ways.flush()
        else:
            self._gathered.append(ways)

    def _chute(self, priority: int) -> Chute:
        chute = self._chutes.get(priority)
        if chute is None:
            chute = self._chutes[priority] = Chute(self, self._resolve, self._deal, priority, self._aside, self.lane)
        return chute

    def refuse(self, token: Any, error: PoolError) -> None:
        """Answer a task that could not even be read."""
        self.give_up([token], [failure_of(error)])

    def give_up(self, tokens: Sequence[Any], failures: Sequence[Failure]) -> None:
        """Answer tasks that were never sent, each with its failure."""
        self.open += len(tokens)
        self.answered(tokens, [None] * len(tokens), list(enumerate(failures)))

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Keep results for whoever takes them."""
        self.open -= len(results)
        if self.watch is not None:
            tokens, results, failures = self.watch(tokens, results, failures)
        count = len(results)
        if count:
            self._untaken += count
            self._ended(count, failures)
            self.ready.append(Batch(tokens, results, failures))
        self._wake()

    def take(self) -> Batch:
        """The oldest results that were not taken. Raises IndexError when there are none."""
        taken = self.ready.popleft()
        self._untaken -= len(taken)
        return taken

    def _ways(self) -> Iterable[Ways[Any]]:
        return [*(chute.ways for chute in self._chutes.values()), *self._timely.values()]

    def cancel(self) -> None:
        """Take back what is not answered; each such task still gets its answer, `TaskCancelled` where it did not run."""
        for ways in self._ways():
            ways.cancel()
        if self._aside is not None:
            self._aside.cancel()

    def cancel_where(self, is_meant: Callable[[Any], bool]) -> None:
        """Take back the tasks whose token is meant, as no answer came in time."""
        for ways in self._ways():
            ways.cancel_where(is_meant, is_late=True)
        if self._aside is not None:
            self._aside.cancel_where(is_meant)
