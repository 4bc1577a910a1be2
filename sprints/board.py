"""Where each item of a sprint stands: it waits for others, is ready, is out, is judged, or is settled.

Owns the graph of who waits for whom, and the order in which items leave. It knows no time and no phases. Above it stands the
sprint, which tells it what has happened.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

from sprints.item import Item

__all__ = ["Board"]

#: It is on the board, and something that it waits for is not done yet.
WAITING = "waiting"
#: It may leave.
READY = "ready"
#: An agent has it.
OUT = "out"
#: It was answered, and nobody knows yet what that is worth.
JUDGED = "judged"
#: Something that it waits for will not be done in this sprint.
BLOCKED = "blocked"
#: It has its receipt.
ENDED = "ended"
#: It is left to the next sprint.
CARRIED = "carried"


class Board:
    """The items of a sprint. items: those that may come, by id.  done: ids of those that were done before the sprint."""

    def __init__(self, items: Mapping[str, Item], done: Collection[str] = ()) -> None:
        self._items = items
        self._done = set(done)
        #: In the order in which they came, which is the order in which they leave.
        self._states: dict[str, str] = {}
        self._ranks: dict[str, int] = {}
        self._unmet: dict[str, int] = {}
        self._behind: dict[str, list[str]] = {}
        self._queue: list[tuple[int, str]] = []
        self._counts = dict.fromkeys((WAITING, READY, OUT, JUDGED, BLOCKED, ENDED, CARRIED), 0)

    def __contains__(self, item: str) -> bool:
        return item in self._states

    # -- what has happened ---------------------------------------------------------------------------------------------

    def enter(self, items: Iterable[str]) -> None:
        """These may be done from now on, the first ones first."""
        for item in items:
            self._ranks[item] = len(self._ranks)
            unmet = [other for other in self._items[item].after if other not in self._done]
            for other in unmet:
                self._behind.setdefault(other, []).append(item)
            self._unmet[item] = len(unmet)
            if not unmet:
                self._put(item, READY)
            elif any(self._states.get(other) in (BLOCKED, ENDED, CARRIED) for other in unmet):
                self._block(item)
            else:
                self._put(item, WAITING)

    def send(self, items: Iterable[str]) -> None:
        """These have left."""
        for item in items:
            self._put(item, OUT)

    def answer(self, item: str) -> bool:
        """It came back; False if nobody was waiting for it."""
        if self._states.get(item) != OUT:
            return False
        self._put(item, JUDGED)
        return True

    def end(self, item: str, *, is_done: bool) -> None:
        """It has its receipt; who waits for it is free, or will not be done."""
        self._put(item, ENDED)
        behind = self._behind.pop(item, [])
        if is_done:
            self._done.add(item)
            for other in behind:
                self._unmet[other] -= 1
                if not self._unmet[other] and self._states[other] == WAITING:
                    self._put(other, READY)
        else:
            for other in behind:
                self._block(other)

    def carry(self, items: Iterable[str]) -> None:
        """These are left to another sprint."""
        for item in items:
            self._put(item, CARRIED)

    # -- how it stands -------------------------------------------------------------------------------------------------

    def awaits(self, item: str) -> bool:
        """Whether it has left and has no receipt."""
        return self._states.get(item) in (OUT, JUDGED)

    def next_ready(self, most: int) -> list[str]:
        """The first of those that are ready, so many at most, which are to be sent now."""
        found: list[str] = []
        while self._queue and len(found) < most:
            _, item = heapq.heappop(self._queue)
            if self._states[item] == READY:
                found.append(item)
        return found

    def out(self) -> int:
        """How many an agent has."""
        return self._counts[OUT]

    def open(self) -> int:
        """How many have left and have no receipt."""
        return self._counts[OUT] + self._counts[JUDGED]

    def is_still(self) -> bool:
        """Whether nothing will leave any more, however what is being judged ends, and nothing is out."""
        counts = self._counts
        return not counts[OUT] and not counts[READY] and not (counts[JUDGED] and counts[WAITING])

    def left(self) -> dict[str, list[str]]:
        """Items that have no receipt and were not carried, by where they stand."""
        states: dict[str, list[str]] = {}
        for item, state in self._states.items():
            if state not in (ENDED, CARRIED):
                states.setdefault(state, []).append(item)
        return states

    def sent(self) -> Sequence[str]:
        """Those that have left and have no receipt, in the order in which they came."""
        return [item for item, state in self._states.items() if state in (OUT, JUDGED)]

    def _put(self, item: str, state: str) -> None:
        before = self._states.get(item)
        if before is not None:
            self._counts[before] -= 1
        self._counts[state] += 1
        self._states[item] = state
        if state == READY:
            heapq.heappush(self._queue, (self._ranks[item], item))

    def _block(self, item: str) -> None:
        """It will not be done in this sprint, nor will who waits for it."""
        ways = [item]
        while ways:
            at = ways.pop()
            if self._states.get(at) in (None, WAITING):
                self._put(at, BLOCKED)
                ways += self._behind.get(at, ())
