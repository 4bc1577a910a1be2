"""Requests in flight over one channel, batched: many tasks a frame, many senders a link.

Owns the sender's half of the task protocol: columns, section numbers, the window, and the way of each answer back to
who asked. It does not know what a task does, nor where agents live. The worker's half is `executor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any

import orjson

from checkpoints.stamp import stamp
from pools import values
from pools.address import Key
from pools.again import ANSWERED, Again, Flight, Wire
from pools.errors import BadArgument, Failure, FrameTooLarge, PoolError, failure_of
from pools.flights import Flights
from pools.gauges import HISTOGRAM, SPENT_US, bucket_of
from pools.lane import Lane, Section, refuse
from pools.message import TASK
from pools.overflow import refuse_overflow
from pools.ranked import CRITICAL, Ranked
from pools.retraction import Retraction
from pools.spec import BACKLOG_TASKS, FRAME_TASKS

if TYPE_CHECKING:
    from pools.sight import Sight
    from pools.valve import Valve

__all__ = ["Link"]

#: Seconds that a part of a section is held back for the rest while the window is half full: the time of a few sections.
HOLD_S = 0.002


class Link(Retraction):
    """The requests over one channel.

    window: tasks that may be unanswered at once.  clock: monotonic seconds.  later: calls a function after some seconds.
    histogram: the row of gauges whose buckets count answer times, or None.  first: number of the first section; the following
    count by two, so that two links share a channel and their answers are told apart.  is_kept: the other side remembers what it
    did, so what was not answered when a channel went is sent again over the next one.  wall_s: seconds since 1970, from which a
    section's number is made there, so that it says when it was given; None counts from `first`.  sight: told of each section
    that leaves and comes back.  valve: says how much of which kind may be sent; None where nothing but the window counts.
    says_dues: the other side is told how long tasks are of use, and what becomes of too many.
    """

    def __init__(
        self,
        *,
        window: int,
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        histogram: memoryview | None = None,
        first: int = 1,
        is_kept: bool = False,
        wall_s: Callable[[], float] | None = None,
        sight: Sight | None = None,
        valve: Valve | None = None,
        says_dues: bool = False,
    ) -> None:
        self.sight, self.valve = sight, valve
        self._says_dues = says_dues
        self.is_kept = is_kept
        self._wall_s = wall_s
        self._parity = first & 1
        self._wire: Wire | None = None
        #: Whether an operator has it send nothing, and since when; whether nothing is sent, for that or another reason.
        self.is_held = self._is_resting = self._is_paused = False
        self._held_s = 0.0
        self._window = window
        self._half = max(window // 2, 1)
        self._clock = clock
        self._later = later
        #: When it looks again at what it holds back.
        self._due_s = inf
        self._histogram = histogram
        #: What was sent and not answered.
        self.flights = Flights()
        self._again = Again(self.flights, later)
        self.progressed = self._again.progressed
        self._queue: Ranked[Lane] = Ranked()
        if valve is not None:
            valve.pump, valve.queue = self.pump, self._queue
        self._number = first - 2
        #: Tasks sent and not answered.
        self.open = 0
        #: How often somebody had something to send.
        self.offers = 0
        #: Why nothing can be sent now; None while the link is up or coming up.
        self.reason: PoolError | None = None

    # -- the channel comes and goes ------------------------------------------------------------------------------------

    def attach(self, wire: Wire) -> None:
        """Send over this channel from now on, first what has waited."""
        self._wire, self._is_resting, self._is_paused = wire, False, self.is_held
        self.reason = None
        self._again.attach(wire)
        self.pump()

    def pause(self) -> None:
        """Send no task more, while answers still come and what is in flight can be taken back."""
        self._is_paused = self._is_resting = True

    def go_on(self) -> None:
        """Send again."""
        self._is_resting, self._is_paused = False, self.is_held
        self.pump()

    def hold(self) -> None:
        """Send no task more until it is released, whichever channel there is; that takes none of their time from those sent."""
        if not self.is_held:
            self.is_held = self._is_paused = True
            self._held_s = self._clock()

    def release(self) -> None:
        """Send again, if nothing else stands against it."""
        if self.is_held:
            self.is_held, self._is_paused = False, self._is_resting
            self.flights.put_off(self._clock() - self._held_s)
            self.pump()

    def detach(self, error: PoolError, *, drop_waiting: bool, running: tuple[int, int] | None = None) -> None:
        """The channel is gone: what was sent and not answered fails with the error, and what waits too if asked.

        Where the other side remembers, what was sent waits for the next channel, unless what waits is dropped.
        running: section and place in it of the task that ran last; the death is charged to it.
        """
        self._wire = None
        failure = failure_of(error)
        flights = list(self.flights.values())
        if self.is_kept and not drop_waiting:
            if flights and self.sight is not None:
                self.sight.lost(flights[0].section["k"], None, 1, failure)  # a death; its tasks are sent again
            self.open -= self._again.detach(running, failure)
            self._recount()
            return
        self.open = 0
        self.flights.clear()
        self._recount()
        for flight in flights:
            if self.sight is not None:
                self.sight.lost(flight.section["k"], flight.opening, flight.left, failure)
            refuse(flight.sink, [token for token in flight.tokens if token is not ANSWERED], failure)
        if self.sight is not None:
            self.sight.emptied()
        if drop_waiting:
            self.reason = error
            self._drop_waiting(failure)

    def _recount(self) -> None:
        if self.valve is not None:
            self.valve.recount(self.flights.values())

    def _drop_waiting(self, failure: Failure) -> None:
        for lane in self._queue.drop():
            lane.is_queued = False
            if self.sight is not None:
                self.sight.lost(lane.kind, None, len(lane), failure)
            refuse(lane.sink, lane.drop(len(lane)), failure)

    # -- sending -------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Tasks that wait for room in the window."""
        return sum(map(len, self._queue))

    @property
    def lanes(self) -> Iterator[Lane]:
        """What they wait in."""
        return iter(self._queue)

    def offer(self, lanes: Iterable[Lane]) -> None:
        """Send what these lanes hold, as far as there is room; the rest waits, in order.

        While the window is more than half full, a section waits until it is whole, the window drains, or HOLD_S is over.
        """
        self.offers += 1
        for lane in lanes:
            shut = self.sight.refusal(lane.kind) if self.sight is not None else None
            if shut is not None and not lane.is_queued:
                refuse(lane.sink, lane.drop(len(lane)), failure_of(shut))
            self.screen(lane)
            if not lane.is_queued and len(lane):
                lane.is_queued = True
                self._queue.put(lane, lane.priority)
        if self.reason is not None:
            self._drop_waiting(failure_of(self.reason))
        else:
            self.pump()

    def screen(self, lane: Lane) -> None:
        """Refuse what is new in a lane and may not wait."""
        if self.valve is not None and len(lane):
            self.valve.screen(lane, None if self.sight is None else self.sight.usual_s(lane.kind))

    def send_alone(self, lane: Lane, token: Any, key: Key, method: str, argument: Any) -> bool:
        """Send one task at once if nothing is under way, else return False: then it is better off with others."""
        if self.open or self._queue or self._wire is None or self._is_paused or type(argument) not in values.PLAIN:
            return False
        is_shut = self.sight is not None and self.sight.refusal(lane.kind) is not None
        if is_shut or (self._says_dues and lane.is_timely) or type(method) is not str or not method.isascii():
            return False
        if self.valve is not None and not self.valve.is_free(lane):
            return False
        self.offers += 1
        number = self._next()
        section = {"n": number, "k": lane.kind, "i": (key,), "m": method, **lane.rank}
        if argument is not None:
            section["a"] = (argument,)
        flight = self.flights[number] = Flight(lane.sink, (token,), self._clock(), section)
        if self.sight is not None:
            flight.opening = self.sight.sent(lane.kind, (key,))
        self.open = 1
        if self.valve is not None:
            self.valve.sent_alone(lane)
        self._send([section])
        return True

    def _next(self) -> int:
        """The number of the next section."""
        self._number += 2
        if self._wall_s is not None:
            self._number = max(self._number, stamp(self._wall_s()) & -2 | self._parity)
        return self._number

    def _release(self) -> None:
        """Send what was held back: the window does not drain fast enough to wait for a whole section."""
        self._due_s = inf
        self.pump(is_patient=False)

    def pump(self, *, is_patient: bool = True) -> None:
        """Send what waits and fits; if patient, hold small sections back for HOLD_S while the window is half full."""
        if self.valve is not None:
            self.valve.look()
        while self._wire is not None and self._queue and not self._is_paused:
            sections = self._sections(is_patient=is_patient)
            if sections:
                self._send(sections)
            if self.open or not sections:  # where none of them could be sent, no answer will come to go on at
                break
        if self._queue and self.waiting > BACKLOG_TASKS:
            refuse_overflow(self._queue, BACKLOG_TASKS, None if self.valve is None else self.valve.overflown)

    def _sections(self, *, is_patient: bool) -> list[dict[str, Any]]:
        """What may be sent now: the lanes of a priority take turns, a section each, so that a long one starves nobody."""
        sections: list[dict[str, Any]] = []
        held: list[Lane] = []
        shut: list[Lane] = []
        queue, valve = self._queue, self.valve
        while queue and (valve is not None or self._window > self.open):
            lane = queue.take()
            left = len(lane)
            if left == 0:
                lane.is_queued = False
                continue
            room = self._window - self.open if valve is None else valve.room(lane, self.open)
            if room <= 0:
                queue.pass_over()
                shut.append(lane)
            elif is_patient and self._half <= self.open < self._window and left < FRAME_TASKS and lane.priority < CRITICAL:
                queue.pass_over()
                held.append(lane)
            else:
                section = self._section(lane, lane.take(min(left, room, FRAME_TASKS)))
                if section is not None:
                    sections.append(section)
                queue.put(lane, lane.priority)
        for lane in reversed(held + shut):
            queue.put_back(lane, lane.priority)
        after_s = HOLD_S if held else valve.retry_s(shut) if shut and valve is not None else inf
        if self._clock() + after_s < self._due_s:
            self._due_s = self._clock() + after_s
            self._later(after_s, self._release)
        return sections

    def _section(self, lane: Lane, taken: Section) -> dict[str, Any] | None:
        """One section of a task message, counted as in flight; None when no task of it could be sent."""
        tokens, keys, methods, arguments = taken
        if not tokens:
            return None
        number = self._next()
        section = {"n": number, "k": lane.kind, "i": keys, "m": methods, **lane.rank}
        flight = self.flights[number] = Flight(lane.sink, tokens, self._clock(), section)
        if self.sight is not None:
            flight.opening = self.sight.sent(lane.kind, keys)
        self.open += len(tokens)
        if self.valve is not None:
            self.valve.sent(lane, len(tokens))
        if arguments is not None:
            section["a"] = arguments
        if self._says_dues:
            section |= lane.manners(tokens)
        if lane.session is not None:
            section |= {"c": lane.session, "q": lane.ids(tokens), "cw": lane.mark}
        return section

    def _send(self, sections: list[dict[str, Any]]) -> None:
        if self._wire is None:
            return
        try:
            self._wire.send(TASK, self._kept(sections) if self.is_kept else sections)
        except (TypeError, FrameTooLarge) as error:
            if len(sections) > 1:
                for section in sections:
                    self._send([section])
            else:
                self._send_halves(sections[0], error)

    def _kept(self, sections: list[dict[str, Any]]) -> list[Any]:
        """The sections as they will be sent again if need be, and the number below which every answer was received."""
        sections[0]["w"] = next(iter(self.flights))
        kept = []
        for section in sections:
            sent = self.flights[section["n"]].sent = values.dumps(section)
            kept.append(orjson.Fragment(sent))
        return kept

    def _send_halves(self, section: dict[str, Any], error: Exception) -> None:
        """Send a section that does not go into a frame as two; a single task that does not go is answered."""
        count = len(section["i"])
        flight = self.flights.pop(section["n"])
        if count == 1:
            self.open -= 1
            self._recount()
            wrong = error if isinstance(error, FrameTooLarge) else BadArgument(str(error))
            flight.sink.answered(flight.tokens, [None], [(0, failure_of(wrong))])
            return
        for piece, half in flight.halves(self._next):
            self.flights[piece["n"]] = half
            self._send([piece])

    # -- answers -------------------------------------------------------------------------------------------------------

    def take(self, replies: list[dict[str, Any]]) -> None:
        """Take the sections of one result message."""
        now_s = self._clock()
        for reply in replies:
            flight = self.flights.get(reply["n"])
            if flight is not None:
                self._take_one(reply, flight, now_s)
        if self._again.is_waiting:
            self._again.go_on()
        if self._queue:
            self.pump()
        if self.valve is not None:
            self.valve.wake()

    def _take_one(self, reply: dict[str, Any], flight: Flight, now_s: float) -> None:
        results = reply["v"]
        count = len(results)
        if self.sight is not None:
            self.sight.answered(flight.section, flight.opening, reply, now_s - flight.sent_s, now_s)
        tokens = flight.tokens
        if "i" in reply:
            tokens = [tokens[position] for position in reply["i"]]
        elif count != len(tokens):
            first = reply.get("o", 0)
            tokens = tokens[first : first + count]
        if count < flight.left:
            flight.mark(reply, count)
        self._landed(reply["n"], flight, count, now_s)
        if self._histogram is not None:
            elapsed_us = int((now_s - flight.sent_s) * 1e6)
            self._histogram[HISTOGRAM + bucket_of(elapsed_us)] += count
            self._histogram[SPENT_US] += elapsed_us * count
        flight.sink.answered(tokens, results, [(e[0], Failure(*e[1:])) for e in reply["e"]] if "e" in reply else ())

    def _landed(self, number: int, flight: Flight, count: int, now_s: float) -> None:
        flight.left -= count
        self.open -= count
        if self.valve is not None:
            self.valve.landed(flight.section, count, now_s - flight.sent_s)
        if flight.left <= 0:
            self.flights.pop(number, None)
            if self.sight is not None and not self.open:
                self.sight.emptied()
