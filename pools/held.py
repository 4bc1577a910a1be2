"""Messages that their receiver could not take, as its mailbox was full: they wait in the outbox until there is room.

Owns the order in which they wait, and how many of them are tried at once: twice as many after a try of which all were taken,
half as many after another. New messages to the same receiver wait behind them. Pure: the time until the next try comes out,
and is its caller's to wait.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

__all__ = ["Held"]

#: Seconds until the first try, and the longest pause between two; it doubles while nothing is taken.
FIRST_S, LONGEST_S = 0.05, 5.0
#: Messages to one receiver that are tried at once, at most.
MOST = 512

Row = list[Any]


def _age(row: Row) -> int:
    """The number that a message had first: the order of sending."""
    first: int = row[7] if len(row) > 7 else row[0]
    return first


class _Queue:
    """What waits for one receiver. trying: how many were sent and have no answer.  is_planned: whether the next try is."""

    __slots__ = ("is_planned", "most", "pause_s", "rows", "trying", "was_refused")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.trying = 0
        self.most = 1
        self.pause_s = FIRST_S
        self.was_refused = False
        self.is_planned = False


class Held:
    """What waits, by address of the receiver."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        return sum(len(queue.rows) for queue in self._queues.values())

    def keeps(self, address: str, row: Row) -> bool:
        """Keep a new message if others wait for its receiver; returns whether they do."""
        queue = self._queues.get(address)
        if queue is None:
            return False
        queue.rows.append(row)
        return True

    def refused(self, address: str, row: Row) -> None:
        """Keep a message that was not taken."""
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = _Queue()
        elif queue.trying:
            queue.trying -= 1
        queue.was_refused = True
        insort(queue.rows, row, key=_age)

    def ended(self, address: str) -> None:
        """A message to this receiver was taken, or has failed for good."""
        queue = self._queues.get(address)
        if queue is not None and queue.trying:
            queue.trying -= 1

    def due(self, address: str) -> float | None:
        """Seconds until the next try, once all that was tried has its answer; None before that, and where nothing waits."""
        queue = self._queues.get(address)
        if queue is None or queue.trying or queue.is_planned:
            return None
        if not queue.rows:
            del self._queues[address]
            return None
        queue.is_planned = True
        pause_s = queue.pause_s if queue.was_refused else 0.0
        queue.most = max(queue.most // 2, 1) if queue.was_refused else min(2 * queue.most, MOST)
        queue.pause_s = min(2 * queue.pause_s, LONGEST_S) if queue.was_refused else FIRST_S
        return pause_s

    def take(self, address: str) -> list[Row]:
        """The messages to try now, oldest first."""
        queue = self._queues.get(address)
        if queue is None:
            return []
        queue.is_planned = False
        taken, queue.rows = queue.rows[: queue.most], queue.rows[queue.most :]
        queue.trying = len(taken)
        queue.was_refused = False
        return taken
