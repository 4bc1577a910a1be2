"""Requests in flight over one channel, batched: many tasks a frame, many senders a link.

Owns the sender's half of the task protocol: columns, section numbers, the window, and the way of each answer back to
who asked. It does not know what a task does, nor where agents live. The worker's half is `executor`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from pools import values
from pools.address import Key
from pools.errors import BadArgument, Failure, FrameTooLarge, LinkClosed, PoolError, PoolFull, TaskCancelled, failure_of
from pools.gauges import HISTOGRAM, bucket_of
from pools.message import STATUS, TASK
from pools.spec import BACKLOG_TASKS, FRAME_TASKS

__all__ = ["Flight", "Lane", "Link", "Sink", "Wire"]

#: Types that stand for one positional argument by themselves. A list, an object or null must be wrapped.
BARE = frozenset({int, str, bool, float})
_NO_ARGUMENTS = {type(None)}

Columns = tuple[Sequence[Any], list[Key], Sequence[str], Sequence[Any]]


class Wire(Protocol):
    """The part of a channel that a link needs."""

    def send(self, letter: str, data: Any) -> None:
        """Send one message. Raises FrameTooLarge, TypeError."""
        ...


class Sink(Protocol):
    """Where answers go."""

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers: results by position beside their tokens; a failure names its position, its result is None."""
        ...


class Lane:
    """The tasks of one sender, for agents of one kind behind one link, that were not sent yet.

    `columns` turns its rows into tokens, keys, method names and arguments; each kind of sender has its own form of row.
    """

    __slots__ = ("is_queued", "kind", "link", "rows", "sink")

    def __init__(self, link: Link, kind: str, sink: Sink) -> None:
        self.link = link
        self.kind = kind
        self.sink = sink
        self.rows: list[Any] = []
        self.is_queued = False

    def columns(self, rows: list[Any]) -> Columns:
        """The columns of rows (token, key, method, arguments as they are sent)."""
        tokens, keys, methods, arguments = zip(*rows, strict=True)
        return tokens, list(keys), methods, arguments


class Flight:
    """One section that was sent."""

    __slots__ = ("left", "sent_s", "sink", "tokens")

    def __init__(self, sink: Sink, tokens: Sequence[Any], sent_s: float) -> None:
        self.sink = sink
        self.tokens = tokens
        self.left = len(tokens)
        self.sent_s = sent_s


def _methods_column(methods: Sequence[str]) -> Any:
    """One name for all, or the distinct names and an index into them for each."""
    names = list(dict.fromkeys(methods))
    if len(names) == 1:
        return names[0]
    number = {name: index for index, name in enumerate(names)}
    return [names, [*map(number.__getitem__, methods)]]


class Link:
    """The requests over one channel.

    window: tasks that may be unanswered at once.  clock: monotonic seconds.  histogram: the row of gauges whose buckets
    count answer times, or None.
    """

    def __init__(self, *, window: int, clock: Callable[[], float], histogram: memoryview | None = None) -> None:
        self._wire: Wire | None = None
        self._window = window
        self._half = max(window // 2, 1)
        self._clock = clock
        self._histogram = histogram
        self._flights: dict[int, Flight] = {}
        self._queue: deque[Lane] = deque()
        self._number = 0
        #: Tasks sent and not answered.
        self.open = 0
        #: Why nothing can be sent now; None while the link is up or coming up.
        self.reason: PoolError | None = None

    # -- the channel comes and goes ------------------------------------------------------------------------------------

    def attach(self, wire: Wire) -> None:
        """Send over this channel from now on, first what has waited."""
        self._wire = wire
        self.reason = None
        self.pump()

    def detach(self, error: PoolError, *, drop_waiting: bool) -> None:
        """The channel is gone: what was sent and not answered fails with the error, and what waits too if asked."""
        self._wire = None
        flights, self._flights, self.open = self._flights, {}, 0
        failure = failure_of(error)
        for flight in flights.values():
            pending = [token for token in flight.tokens if token is not _ANSWERED]
            flight.sink.answered(pending, [None] * len(pending), [(i, failure) for i in range(len(pending))])
        if drop_waiting:
            self.reason = error
            self._drop_waiting(failure)

    def _drop_waiting(self, failure: Failure) -> None:
        lanes, self._queue = self._queue, deque()
        for lane in lanes:
            lane.is_queued = False
            rows, tokens = lane.rows[:], lane.columns(lane.rows)[0] if lane.rows else ()
            lane.rows.clear()
            lane.sink.answered(tokens, [None] * len(rows), [(i, failure) for i in range(len(rows))])

    # -- sending -------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Tasks that wait for room in the window."""
        return sum(len(lane.rows) for lane in self._queue)

    def offer(self, lanes: Iterable[Lane]) -> None:
        """Send what these lanes hold, as far as there is room; the rest waits, in order.

        While the window is more than half full, a section waits until it is a whole frame or the window drains.
        """
        for lane in lanes:
            if lane.rows and not lane.is_queued:
                lane.is_queued = True
                self._queue.append(lane)
        if self.reason is not None:
            self._drop_waiting(failure_of(self.reason))
        else:
            self.pump()

    def pump(self) -> None:
        """Send what waits and fits."""
        if self._wire is None or not self._queue:
            return
        sections: list[dict[str, Any]] = []
        for _ in range(len(self._queue)):
            lane = self._queue.popleft()
            rows = lane.rows
            while rows and (room := self._window - self.open) > 0:
                if self.open >= self._half and len(rows) < FRAME_TASKS:
                    break
                count = min(len(rows), room, FRAME_TASKS)
                taken = rows[:count]
                del rows[:count]
                section = self._section(lane, taken)
                if section is not None:
                    sections.append(section)
            if rows:
                self._queue.append(lane)
            else:
                lane.is_queued = False
        if sections:
            self._send(sections)
        if self._queue and self.waiting > BACKLOG_TASKS:
            self._refuse_overflow()

    def _section(self, lane: Lane, rows: list[Any]) -> dict[str, Any] | None:
        tokens, keys, methods, arguments = lane.columns(rows)
        types = set(map(type, arguments))
        if not types <= values.PLAIN:
            sound = self._sound(lane.sink, rows, tokens, arguments)
            if len(sound) != len(rows):
                return self._section(lane, sound) if sound else None
        self._number = number = self._number + 1
        self._flights[number] = Flight(lane.sink, tokens, self._clock())
        self.open += len(tokens)
        section = {"n": number, "k": lane.kind, "i": keys, "m": _methods_column(methods)}
        if types != _NO_ARGUMENTS:
            section["a"] = arguments
        return section

    @staticmethod
    def _sound(sink: Sink, rows: list[Any], tokens: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The rows whose arguments arrive as they are; the others, which JSON would change in silence, are answered."""
        faults = [values.fault(argument, "the argument") for argument in arguments]
        wrong = [(token, found) for token, found in zip(tokens, faults, strict=True) if found is not None]
        if not wrong:
            return rows
        failures = [(index, failure_of(BadArgument(found))) for index, (_, found) in enumerate(wrong)]
        sink.answered([token for token, _ in wrong], [None] * len(wrong), failures)
        return [row for row, found in zip(rows, faults, strict=True) if found is None]

    def _send(self, sections: list[dict[str, Any]]) -> None:
        wire = self._wire
        if wire is None:
            return
        try:
            wire.send(TASK, sections)
        except (TypeError, FrameTooLarge) as error:
            if len(sections) > 1:
                for section in sections:
                    self._send([section])
            else:
                self._send_halves(sections[0], error)

    def _send_halves(self, section: dict[str, Any], error: Exception) -> None:
        """Send a section that does not go into a frame as two; a single task that does not go is answered."""
        count = len(section["i"])
        flight = self._flights.pop(section["n"])
        if count == 1:
            self.open -= 1
            wrong = error if isinstance(error, FrameTooLarge) else BadArgument(str(error))
            flight.sink.answered(flight.tokens, [None], [(0, failure_of(wrong))])
            return
        for part in (slice(0, count // 2), slice(count // 2, count)):
            self._number = number = self._number + 1
            self._flights[number] = Flight(flight.sink, flight.tokens[part], flight.sent_s)
            names = section["m"]
            piece = section | {"n": number, "i": section["i"][part]}
            piece["m"] = names if type(names) is str else [names[0], names[1][part]]
            if "a" in section:
                piece["a"] = section["a"][part]
            self._send([piece])

    def _refuse_overflow(self) -> None:
        """Refuse the newest of what waits past the backlog's limit."""
        failure = failure_of(PoolFull(f"more than {BACKLOG_TASKS:,} tasks wait for one worker; send fewer at a time"))
        surplus = self.waiting - BACKLOG_TASKS
        while surplus > 0:
            lane = max(self._queue, key=lambda lane: len(lane.rows))
            cut = lane.rows[-min(surplus, len(lane.rows)) :]
            del lane.rows[-len(cut) :]
            surplus -= len(cut)
            tokens = lane.columns(cut)[0]
            lane.sink.answered(tokens, [None] * len(cut), [(i, failure) for i in range(len(cut))])

    # -- answers -------------------------------------------------------------------------------------------------------

    def take(self, replies: list[dict[str, Any]]) -> None:
        """Take the sections of one result message."""
        now_s = self._clock()
        for reply in replies:
            flight = self._flights.get(reply["n"])
            if flight is not None:
                self._take_one(reply, flight, now_s)
        if self._queue:
            self.pump()

    def _take_one(self, reply: dict[str, Any], flight: Flight, now_s: float) -> None:
        results = reply["v"]
        count = len(results)
        tokens = flight.tokens
        if "i" in reply:
            tokens = [tokens[position] for position in reply["i"]]
        elif count != len(tokens):
            first = reply.get("o", 0)
            tokens = tokens[first : first + count]
        if count < flight.left:
            self._mark(flight, reply, count)
        self._landed(reply["n"], flight, count)
        if self._histogram is not None:
            self._histogram[HISTOGRAM + bucket_of(int((now_s - flight.sent_s) * 1e6))] += count
        flight.sink.answered(tokens, results, [(e[0], Failure(*e[1:])) for e in reply["e"]] if "e" in reply else ())

    @staticmethod
    def _mark(flight: Flight, reply: dict[str, Any], count: int) -> None:
        """Remember which tasks of a flight were answered, so that a lost channel fails only the others."""
        if type(flight.tokens) is not list:
            flight.tokens = list(flight.tokens)
        if "i" in reply:
            for position in reply["i"]:
                flight.tokens[position] = _ANSWERED
        else:
            first = reply.get("o", 0)
            flight.tokens[first : first + count] = [_ANSWERED] * count

    def _landed(self, number: int, flight: Flight, count: int) -> None:
        flight.left -= count
        self.open -= count
        if flight.left <= 0:
            self._flights.pop(number, None)

    # -- taking back ---------------------------------------------------------------------------------------------------

    def cancel(self, sink: Sink) -> None:
        """Take back all tasks of a sink: what waits is answered at once, what is in flight as the other side ends it."""
        for lane in [lane for lane in self._queue if lane.sink is sink]:
            self._queue.remove(lane)
            lane.is_queued = False
            rows = lane.rows[:]
            lane.rows.clear()
            self._answer_cancelled(lane, rows)
        numbers = [number for number, flight in self._flights.items() if flight.sink is sink]
        if numbers and self._wire is not None:
            self._wire.send(STATUS, {"verb": "cancel", "sections": numbers})

    def cancel_where(self, sink: Sink, is_meant: Callable[[Any], bool]) -> None:
        """Take back the tasks of a sink whose token is meant."""
        for lane in [lane for lane in self._queue if lane.sink is sink and lane.rows]:
            meant = [row for row in lane.rows if is_meant(row[0])]
            lane.rows[:] = [row for row in lane.rows if not is_meant(row[0])]
            self._answer_cancelled(lane, meant)
        for number, flight in list(self._flights.items()):
            if flight.sink is sink and self._wire is not None:
                for position in [at for at, token in enumerate(flight.tokens) if token is not _ANSWERED and is_meant(token)]:
                    self._wire.send(STATUS, {"verb": "cancel", "sections": [number], "position": position})

    @staticmethod
    def _answer_cancelled(lane: Lane, rows: list[Any]) -> None:
        if rows:
            failure = failure_of(TaskCancelled("cancelled before it was sent"))
            tokens = [row[0] for row in rows]
            lane.sink.answered(tokens, [None] * len(rows), [(index, failure) for index in range(len(rows))])

    def closed(self) -> LinkClosed:
        """The error of a connection that ended."""
        return LinkClosed("the connection ended before the answer came")


class _Answered:
    """Stands in a flight for a token that has its answer."""


_ANSWERED = _Answered()
