"""The taking back of tasks that were sent over a link, or wait to be.

Owns how each of them ends: what waits is answered at once, what is in flight as the other side ends it. Sending is the link's
business, of which this is a part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pools.again import ANSWERED, AWAY, Again, Wire
from pools.errors import TaskCancelled, TaskExpired, failure_of
from pools.flights import Flights
from pools.lane import Lane, Sink, refuse
from pools.message import STATUS
from pools.ranked import Ranked

if TYPE_CHECKING:
    from pools.sight import Sight

__all__ = ["Retraction"]


class Retraction(ABC):
    """The part of a link that takes tasks back. Its fields are the link's."""

    flights: Flights
    open: int
    sight: Sight | None
    is_held: bool
    _again: Again
    _clock: Callable[[], float]
    _queue: Ranked[Lane]
    _wire: Wire | None

    @abstractmethod
    def _recount(self) -> None:
        """What the other side has was changed in another way: have it counted anew."""

    def cancel(self, sink: Sink) -> None:
        """Take back all tasks of a sink: what waits is answered at once, what is in flight as the other side ends it."""
        for lane in [lane for lane in self._queue if lane.sink is sink]:
            self._queue.remove(lane, lane.priority)
            lane.is_queued = False
            refuse(sink, lane.drop(len(lane)), _UNSENT)
        numbers = [number for number, flight in self.flights.items() if flight.sink is sink]
        if self._wire is None:
            self.open -= self._again.take_back(numbers, None, AWAY)
            self._recount()
        elif numbers:
            for number in numbers:
                self.flights[number].unwanted.update(range(len(self.flights[number].tokens)))
            self._wire.send(STATUS, {"verb": "cancel", "sections": numbers})

    def cancel_where(self, sink: Sink, is_meant: Callable[[Any], bool], *, is_late: bool = False) -> None:
        """Take back the tasks of a sink whose token is meant. is_late: because no answer came in time."""
        for lane in [lane for lane in self._queue if lane.sink is sink]:
            refuse(sink, lane.drop_where(is_meant), _UNSENT)
        meant: dict[int, list[int]] = {}
        for number, flight in list(self.flights.items()):
            if flight.sink is sink and self._wire is None:
                self.open -= self._again.take_back([number], is_meant, AWAY)
                self._recount()
            elif flight.sink is sink:
                meant[number] = [at for at, token in enumerate(flight.tokens) if token is not ANSWERED and is_meant(token)]
                flight.unwanted.update(meant[number])
                if is_late and not self.is_held and self.sight is not None and self.sight.is_long(flight, self._clock()):
                    self.sight.lost(flight.section["k"], flight.opening, len(meant[number]), _LATE)
        if self._wire is not None:
            for told in self.flights.cancels(meant):
                self._wire.send(STATUS, {"verb": "cancel", **told, **({"late": True} if is_late else {})})


_UNSENT = failure_of(TaskCancelled("cancelled before it was sent"))
_LATE = failure_of(TaskExpired("no answer in time"))
